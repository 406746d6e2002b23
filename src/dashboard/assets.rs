//! The files of `static/`, built in, each under an address that holds its content's hash.
//!
//! To add one: a line in [`ALL`], and `f.asset("name")` in a template. With `-static-dir` they are read from disk at each
//! request instead, for whoever works on them. **Invariant:** only files of the table are ever served.
//! **May import:** `state`.

use actix_files::NamedFile;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::state::State;

struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static [u8],
    hash: u64,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
/// What stands in the hash's place when files come from disk.
const FROM_DISK: &str = "disk";

static ALL: [Asset; 8] = [
    asset("style.css", CSS, include_bytes!("../../static/style.css")),
    asset("app.js", JS, include_bytes!("../../static/app.js")),
    asset("drag.js", JS, include_bytes!("../../static/drag.js")),
    asset("keys.js", JS, include_bytes!("../../static/keys.js")),
    asset("live.js", JS, include_bytes!("../../static/live.js")),
    asset("order.js", JS, include_bytes!("../../static/order.js")),
    asset("toggle.js", JS, include_bytes!("../../static/toggle.js")),
    asset("icon.svg", SVG, include_bytes!("../../static/icon.svg")),
];

const fn asset(name: &'static str, kind: &'static str, body: &'static [u8]) -> Asset {
    Asset { name, kind, body, hash: fnv(body) }
}

impl Asset {
    /// What goes over the wire: of style sheets no comments and no space that only people need.
    fn served(&self) -> Bytes {
        match std::str::from_utf8(self.body) {
            Ok(text) if self.kind == CSS => Bytes::from(dense(text)),
            _ => Bytes::from_static(self.body),
        }
    }
}

/// What says the same in fewer letters.
const SHORTER: [(&str, &str); 13] = [
    (" { ", "{"),
    (" {", "{"),
    ("; }", "}"),
    (";}", "}"),
    (" }", "}"),
    ("; ", ";"),
    (": ", ":"),
    (", ", ","),
    (" > ", ">"),
    (":0.", ":."),
    (" 0.", " ."),
    ("(0.", "(."),
    (",0.", ",."),
];

/// A style sheet of one rule or declaration a line without its comments, indents and line ends.
fn dense(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    let lines = out.lines().map(str::trim).collect::<String>();
    SHORTER.into_iter().fold(lines, |text, (long, short)| text.replace(long, short))
}

/// FNV-1a (RFC 9923): the same content has the same address, other content another.
const fn fnv(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// Where a browser finds a file of the table.
pub(super) fn path(name: &str, from_disk: bool) -> String {
    match ALL.iter().find(|asset| asset.name == name) {
        Some(asset) if !from_disk => format!("/admin/static/{:016x}/{name}", asset.hash),
        _ => format!("/admin/static/{FROM_DISK}/{name}"),
    }
}

/// `GET /admin/static/{hash}/{name}`: public, and never changes under this address.
pub(super) async fn serve(path: Path<(String, String)>, request: HttpRequest, state: Data<State>) -> HttpResponse {
    let (hash, name) = path.into_inner();
    let Some(asset) = ALL.iter().find(|asset| asset.name == name) else {
        return HttpResponse::new(StatusCode::NOT_FOUND);
    };
    if let (Some(folder), FROM_DISK) = (&state.static_dir, hash.as_str()) {
        return match NamedFile::open(folder.join(asset.name)) {
            Ok(file) => file.use_etag(false).use_last_modified(false).into_response(&request),
            Err(_) => HttpResponse::new(StatusCode::NOT_FOUND),
        };
    }
    if hash != format!("{:016x}", asset.hash) {
        return HttpResponse::new(StatusCode::NOT_FOUND);
    }
    let mut response = HttpResponse::new(StatusCode::OK).set_body(asset.served()).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

#[cfg(test)]
mod tests {
    use crate::dashboard::assets::{ALL, dense, path};

    #[test]
    fn the_files_a_page_loads_stay_small() {
        let bytes = |end: &str| -> usize {
            ALL.iter().filter(|asset| asset.name.ends_with(end)).map(|asset| asset.served().len()).sum()
        };
        assert!(bytes(".css") <= 16 << 10, "{}", bytes(".css"));
        assert!(bytes(".js") <= 20 << 10, "{}", bytes(".js"));
    }

    #[test]
    fn a_dense_style_sheet_says_the_same() {
        let css = "/* a; { */\n.a, .b { margin: 0 4px; color: red; }\n@media (max-width: 9px) {\n  .c > .d { top: 0; width: 0.5rem; }\n}\n";
        assert_eq!(dense(css), ".a,.b{margin:0 4px;color:red}@media (max-width:9px){.c>.d{top:0;width:.5rem}}");
    }

    #[test]
    fn an_address_holds_the_hash_of_what_is_there() {
        let address = path("style.css", false);
        assert!(address.starts_with("/admin/static/") && address.ends_with("/style.css") && address.len() == 40);
        assert_ne!(path("app.js", false)[..30], address[..30]);
        assert_eq!(path("app.js", true), "/admin/static/disk/app.js");
    }
}

//! What every page stands in: language, theme, zone, navigation, the line that tells how the last form went.
//!
//! Templates get it as `f`. Start at [`Frame::of`]. **Invariant:** a frame is made of the request and the roster's snapshot;
//! nothing here waits. **May import:** `state`.

use std::fmt::Display;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::{HttpMessage, HttpRequest};
use jiff::tz::TimeZone;

use crate::dashboard::assets;
use crate::dashboard::dress::escaped;
use crate::dashboard::form::Form;
use crate::dashboard::reply::ApiError;
use crate::dashboard::session::{Admin, now_us};
use crate::dashboard::shown::{self, Moment};
use crate::dashboard::times;
use crate::dashboard::words::{Key, Lang};
use crate::roster::Trouble;
use crate::state::State;

const LANGUAGE: &str = "oar_lang";
const THEME: &str = "oar_theme";
const SHORTCUTS: &str = "oar_keys";
const FLASH: &str = "oar_said";
/// How long a browser remembers a choice.
const REMEMBERED: time::Duration = time::Duration::days(400);
/// A longer line is cut.
const FLASH_CHARS: usize = 300;
/// How long a line waits for the page that shows it.
const FLASH_WAITS: time::Duration = time::Duration::seconds(60);

/// The navigation: path and text.
const PLACES: [(&str, Key); 8] = [
    ("/admin", Key("nav.overview")),
    ("/admin/requests", Key("nav.requests")),
    ("/admin/conversations", Key("nav.conversations")),
    ("/admin/upstreams", Key("nav.upstreams")),
    ("/admin/keys", Key("nav.keys")),
    ("/admin/usage", Key("nav.usage")),
    ("/admin/models", Key("nav.models")),
    ("/admin/settings", Key("nav.settings")),
];

/// One entry of the navigation.
pub(super) struct Place {
    pub(super) href: String,
    pub(super) text: &'static str,
    pub(super) current: bool,
}

/// How the last form went, in one line.
#[derive(Clone)]
pub(super) struct Flash {
    pub(super) good: bool,
    pub(super) text: String,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) lang: Lang,
    /// `light`, `dark`, or `system`.
    pub(super) theme: &'static str,
    /// The one that the address names, else the one that is set.
    pub(super) zone: TimeZone,
    /// The zone's name when it is the address that names it, for links and forms that keep it; else empty.
    pub(super) tz: String,
    /// When the page is made, µs since 1970.
    pub(super) now_us: i64,
    /// What forms carry; see [`crate::dashboard::form`].
    pub(super) csrf: String,
    pub(super) signed_in: bool,
    /// Single keys do things.
    pub(super) shortcuts: bool,
    /// How many upstreams the operator wants used and that do not work.
    pub(super) down: usize,
    pub(super) flash: Option<Flash>,
    /// Path and query of the page, without `lang`.
    here: String,
    /// Path and query of the page, without `tz`.
    here_as_set: String,
    path: String,
    from_disk: bool,
}

impl Frame {
    /// The frame for what `request` asks.
    pub(super) fn of(request: &HttpRequest, state: &State) -> Frame {
        let cookie = |name: &str| request.cookie(name).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
        let wish = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let snapshot = state.roster.load();
        let now_us = now_us();
        let is_down = |trouble: Trouble| matches!(trouble, Trouble::Down | Trouble::Cooling);
        let admin = request.extensions().get::<Admin>().cloned();
        let named = zone_named(request).ok().flatten();
        Frame {
            lang: Lang::from_tag(&cookie(LANGUAGE)).unwrap_or_else(|| Lang::accepted(wish)),
            theme: theme(&cookie(THEME)),
            tz: named.as_ref().and_then(TimeZone::iana_name).unwrap_or_default().to_owned(),
            zone: named.unwrap_or_else(|| snapshot.settings.time_zone.clone()),
            now_us,
            signed_in: admin.is_some(),
            csrf: admin.map(|admin| admin.csrf).unwrap_or_default(),
            shortcuts: cookie(SHORTCUTS) != "off",
            down: snapshot
                .upstreams
                .iter()
                .filter(|upstream| upstream.enabled && is_down(upstream.measured.report(now_us / 1000).trouble()))
                .count(),
            flash: flash(&cookie(FLASH)),
            here: without(request, "lang"),
            here_as_set: without(request, "tz"),
            path: request.path().to_owned(),
            from_disk: state.static_dir.is_some(),
        }
    }

    /// The text of a key.
    pub(super) fn t(&self, key: &'static str) -> &'static str {
        self.lang.t(key)
    }

    /// The text of a key with its places filled in.
    pub(super) fn tf(&self, key: &'static str, args: &[&dyn Display]) -> String {
        self.lang.tf(key, args)
    }

    /// A word of the settings, which is the same in every language, with what it means; others as they are.
    pub(super) fn word<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "full" => self.t("level.full"),
            "metadata" => self.t("level.metadata"),
            "off" => self.t("level.off"),
            "on" => self.t("word.on"),
            "normal" => self.t("word.normal"),
            "strict" => self.t("word.strict"),
            word => word,
        }
    }

    /// The text of a key chosen elsewhere.
    pub(super) fn k(&self, key: &Key) -> &'static str {
        self.lang.t(key.0)
    }

    /// Where a file of `static/` is.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::path(name, self.from_disk)
    }

    /// A moment, µs since 1970, in the page's zone.
    pub(super) fn time(&self, us: &i64) -> Moment {
        shown::moment(*us, self.now_us, &self.zone)
    }

    /// The zone's name, for table heads.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The navigation.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        PLACES.iter().map(|(href, text)| Place {
            href: self.keep(href),
            text: self.k(text),
            current: self.path == *href || (*href != "/admin" && self.path.starts_with(href)),
        })
    }

    /// This page in another language.
    pub(super) fn in_language(&self, tag: &str) -> String {
        let joint = if self.here.contains('?') { '&' } else { '?' };
        format!("{}{joint}lang={tag}", self.here)
    }

    /// Where `to` leads, in the page's zone if that is one the address names.
    pub(super) fn keep(&self, to: &str) -> String {
        format!("{to}{}", if to.contains('?') { self.and_zone() } else { self.in_zone() })
    }

    /// What keeps a page's zone in an address without parameters.
    pub(super) fn in_zone(&self) -> String {
        if self.tz.is_empty() { String::new() } else { format!("?tz={}", escaped(&self.tz)) }
    }

    /// What keeps a page's zone in an address with parameters.
    pub(super) fn and_zone(&self) -> String {
        self.in_zone().replace('?', "&")
    }

    /// This page in the zone that is set.
    pub(super) fn here_as_set(&self) -> &str {
        &self.here_as_set
    }

    /// This page, to come back to.
    pub(super) fn here(&self) -> &str {
        &self.here
    }
}

/// The theme of this name; the system's when there is none.
pub(super) fn theme(name: &str) -> &'static str {
    match name {
        "light" => "light",
        "dark" => "dark",
        _ => "system",
    }
}

/// The zone that an address names as `tz`, if it names one.
///
/// # Errors
/// 400 that names what is no zone.
pub(super) fn zone_named(request: &HttpRequest) -> Result<Option<TimeZone>, ApiError> {
    times::zone_named(Form::parse(request.query_string().as_bytes()).text("tz"))
}

/// Path and query, but for one parameter.
fn without(request: &HttpRequest, name: &str) -> String {
    let is_it = |pair: &str| pair.split_once('=').is_some_and(|(known, _)| known == name);
    let kept: Vec<&str> = request.query_string().split('&').filter(|pair| !pair.is_empty() && !is_it(pair)).collect();
    let joint = if kept.is_empty() { "" } else { "?" };
    format!("{}{joint}{}", request.path(), kept.join("&"))
}

/// Where a `?lang=` leads, and the cookie it leaves; `None` when there is none.
pub(super) fn language_switch(request: &HttpRequest) -> Option<(String, Cookie<'static>)> {
    let lang = Lang::from_tag(Form::parse(request.query_string().as_bytes()).text("lang"))?;
    Some((without(request, "lang"), remembered(LANGUAGE, lang.tag().to_owned())))
}

/// The cookie of a chosen theme.
pub(super) fn theme_cookie(name: &str) -> Cookie<'static> {
    remembered(THEME, theme(name).to_owned())
}

/// The cookie of a chosen language.
pub(super) fn language_cookie(lang: Lang) -> Cookie<'static> {
    remembered(LANGUAGE, lang.tag().to_owned())
}

/// The cookie that switches single keys on or off.
pub(super) fn shortcuts_cookie(on: bool) -> Cookie<'static> {
    remembered(SHORTCUTS, if on { "on" } else { "off" }.to_owned())
}

fn remembered(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value).path("/admin").http_only(true).same_site(SameSite::Lax).max_age(REMEMBERED).finish()
}

/// The cookie that carries a line to the next page.
pub(super) fn flash_cookie(good: bool, text: &str) -> Cookie<'static> {
    // In hex: a cookie's value has few characters (RFC 6265 §4.1.1), and percent signs are undone on the way in.
    let text: String = text.chars().take(FLASH_CHARS).collect();
    let mark = if good { "+" } else { "-" };
    let encoded = text.bytes().fold(mark.to_owned(), |out, byte| out + &format!("{byte:02x}"));
    Cookie::build(FLASH, encoded).path("/admin").http_only(true).same_site(SameSite::Lax).max_age(FLASH_WAITS).finish()
}

/// The cookie that removes a line that has been shown.
pub(super) fn flash_shown() -> Cookie<'static> {
    let mut gone = Cookie::build(FLASH, "").path("/admin").finish();
    gone.make_removal();
    gone
}

fn flash(cookie: &str) -> Option<Flash> {
    let good = cookie.starts_with('+');
    let digits: Vec<u8> =
        cookie.get(1..)?.chars().map_while(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let text = String::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    Some(Flash { good, text })
}

#[cfg(test)]
mod tests {
    use crate::dashboard::frame::{flash, flash_cookie, theme};

    #[test]
    fn a_line_survives_its_way_through_a_cookie() {
        let cookie = flash_cookie(true, "已保存；“a=b&c”, 100%");
        assert!(cookie.value().is_ascii() && !cookie.value().contains([' ', ',', ';']));
        let line = flash(cookie.value()).unwrap();
        assert!(line.good && line.text == "已保存；“a=b&c”, 100%");
        assert!(!flash(flash_cookie(false, "x").value()).unwrap().good);
        assert!(flash("").is_none());
    }

    #[test]
    fn only_known_themes_reach_a_page() {
        assert_eq!((theme("dark"), theme("\"><script>")), ("dark", "system"));
    }
}

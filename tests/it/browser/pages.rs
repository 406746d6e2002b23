//! The pages every check looks at, on a gateway with something to show.
//!
//! Most are an address; some are what a form is answered, written as `POST` with its address and its fields.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::browser::harness::Browser;
use crate::browser::parts;
use crate::support::client::{Answer, Call};
use crate::support::database::Kind;
use crate::support::gateway::{Gateway, Plan};
use crate::support::reply::Reply;
use crate::support::row::{Row, refused};
use crate::support::samples::{CHAT, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::{Visitor, browser, encoded};

/// A seeded secret that no page may ever show.
pub const SECRET: &str = "sk-seeded-secret-0123456789";
/// More of them: of the channels for notices, in a header of an upstream and in the login of its proxy.
pub const MORE_SECRETS: [&str; 4] = ["webhook-secret-01", "matrix-token-01", "header-secret-01", "proxy-secret-01"];
/// Text from outside that would do harm as markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";

/// What is asked after [`CHAT`] was answered.
const NEXT_TURN: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Say hello."},{"role":"assistant","content":"Hello!"},{"role":"user","content":"<img src=x onerror=alert(3)>"}]}"#;

/// The pages without parameters of their own.
const PAGES: [&str; 66] = [
    "/admin",
    "/admin?range=7d",
    "/admin/conversations",
    "/admin/usage",
    "/admin/usage?metric=total&p=p50&by=upstream&bucket=1h",
    "/admin/usage?metric=speed&p=p99&by=status",
    "/admin/usage?by=host&bucket=5m&range=1h&top=2",
    "/admin/setup",
    "/admin/statement",
    "/admin/upstreams",
    "/admin/upstreams/new",
    "/admin/upstreams/import",
    "/admin/upstreams?state=down",
    "/admin/upstreams?q=work&sort=success",
    "/admin/upstreams/2?tab=activity&range=7d",
    "/admin/upstreams/2?tab=history",
    "/admin/keys",
    "/admin/keys/one?name=key-1",
    "/admin/keys/delete?name=key-1",
    "/admin/models",
    "/admin/models/route?model=one&key=key-1",
    "/admin/settings",
    "/admin/settings?tab=routing",
    "/admin/settings?tab=recording",
    "/admin/settings/recording/expire",
    "/admin/settings?tab=prices",
    "/admin/settings?tab=audit",
    "/admin/settings?tab=notices",
    "/admin/settings?tab=sessions",
    "/admin/settings?tab=about",
    "/admin/requests",
    "/admin/requests?q=hello&range=7d&cols=cost,path,ua,host,finish,conv",
    "/admin/requests?q=is:error+model:none",
    "/admin/requests?q=modle:gpt-4o",
    "/admin/conversations?q=total:%3E10&range=7d",
    "/admin/requests/1",
    "/admin/requests/1?view=json",
    "/admin/requests/1?view=raw",
    "/admin/requests/1/replay",
    "/admin/requests/1/replay/3",
    "/admin/requests/1/delete",
    "/admin/requests/2/diff/prev",
    "/admin/requests/2/diff/1?view=split",
    "/admin/requests/1?view=headers",
    "/admin/requests/1?view=plain",
    "/admin/requests/1?q=hello",
    "/admin/requests/1?view=json&find=hello",
    "/admin/requests/4",
    "/admin/requests/4?q=41",
    "/admin/requests/5",
    "/admin/requests/6",
    "/admin/requests/7",
    "/admin/upstreams/4",
    "/admin/settings/prices/delete?id=1",
    "/admin/settings?tab=prices&edit=1",
    "/admin/saved",
    "/admin/saved/1/delete",
    "/admin/no-such-page",
    "POST /admin/keys name=k{}",
    "POST /admin/keys name=",
    "POST /admin/upstreams name=&endpoint=x&weight=-1&proxy=x&extra_headers=x",
    "POST /admin/upstreams/import text=",
    "POST /admin/settings/routing policy=x",
    "POST /admin/settings/prices pattern=&input=x",
    "POST /admin/requests/1/replay upstream=2&temperature=x",
    "/admin/login",
];

/// A gateway with upstreams in several states, hostile names and answers, and a request.
pub struct Stage {
    /// The gateway.
    pub gateway: Gateway,
    _upstream: FakeUpstream,
    /// Lines that wait to be imported.
    import: String,
    made: AtomicUsize,
}

impl Stage {
    /// Sets it up.
    pub fn new() -> Stage {
        let upstream = FakeUpstream::with(|seen, _| match (seen.target(), parts::answer(seen)) {
            (_, Some(reply)) => reply,
            ("/v1/chat/completions", None) => good(),
            _ => Reply::json(404, HOSTILE),
        });
        let [webhook, token, header, proxy] = MORE_SECRETS;
        let rows = [
            refused("unreachable"),
            upstream.row("works"),
            Row::new(HOSTILE, &upstream.url("/v1/other"), SECRET).set("allow_models", "one,two,three-*"),
            upstream
                .row("off")
                .set("enabled", "false")
                .set("priority", 1)
                .set("sk", "asis")
                .set("extra_headers", format!("x-a: {header}"))
                .set("proxy", format!("http://me:{proxy}@127.0.0.1:9")),
        ];
        let plan = Gateway::on(Kind::Sqlite).setting("webhook_secret", webhook).setting("matrix_token", token);
        let plan = MORE_SECRETS.into_iter().fold(plan, Plan::secret);
        let gateway = rows.into_iter().fold(plan, Plan::upstream).start();
        assert_eq!(gateway.send(Call::chat(CHAT)).status, 200);
        until("the request is recorded", || (!gateway.records().is_empty()).then_some(()));
        assert_eq!(gateway.send(Call::chat(NEXT_TURN)).status, 200);
        gateway.records_when(2);
        // As after a first start that has printed the password.
        gateway.database.sql("UPDATE config_kvs SET value = value || '$first' WHERE key = 'admin_password_hash'");
        let visitor = Visitor::log_in(&gateway);
        let sent = visitor.post("/admin/requests/1/replay", &format!("upstream={}", gateway.upstream_id("works")));
        assert_eq!((sent.status, sent.header("location")), (303, Some("/admin/requests/1/replay/3")));
        visitor.send("/admin/saved", "name=Failures&query=%3Fq%3Dis%3Aerror");
        parts::send_all(&gateway);
        let lines = format!(
            "text={}",
            encoded("http://127.0.0.1:9/v1,sk-first-0123456789\nhttp://127.0.0.1:9/v1,sk-first-0123456789\n,,,")
        );
        let import = visitor.post("/admin/upstreams/import", &lines).header("location").unwrap().to_owned();
        Stage { gateway, _upstream: upstream, import, made: AtomicUsize::new(0) }
    }

    /// The conversation of a request.
    fn conversation(&self, request: usize) -> String {
        self.gateway.database.sql(&format!("SELECT conversation_id FROM records WHERE id = {request}"))
    }

    /// Every page there is, with the forms and results of an upstream that has some.
    pub fn pages(&self) -> Vec<String> {
        let id = self.gateway.upstream_id(HOSTILE);
        let mut pages = vec![
            format!("/admin/upstreams/{id}"),
            format!("/admin/upstreams/new?from={id}"),
            format!("/admin/upstreams/delete?id={id}"),
            format!("/admin/conversations/delete?id={}", self.conversation(1)),
            format!("/admin/conversations/{}?q=hello", self.conversation(1)),
            self.import.clone(),
        ];
        pages.extend([1, 4, 5, 6, 7].map(|request| format!("/admin/conversations/{}", self.conversation(request))));
        pages.extend(PAGES.iter().map(|page| (*page).to_owned()));
        pages
    }

    /// Opens one of them: sends the form that it is the answer to, and logs out where nobody is logged in.
    pub fn open(&self, browser: &Browser, page: &str) {
        browser.signed_in(!page.starts_with("/admin/login"));
        let Some((action, fields)) = page.strip_prefix("POST ").and_then(|form| form.split_once(' ')) else {
            return browser.go(page);
        };
        let fields = fields.replace("{}", &self.made.fetch_add(1, Ordering::Relaxed).to_string());
        browser.send(action, &fields);
    }

    /// What the gateway sends of one of them.
    pub fn answer(&self, visitor: &Visitor, page: &str) -> Answer {
        if page.starts_with("/admin/login") {
            return self.gateway.send(browser("GET", page));
        }
        let Some((action, fields)) = page.strip_prefix("POST ").and_then(|form| form.split_once(' ')) else {
            return visitor.get(page);
        };
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let answer = visitor.post(action, &fields.replace("{}", &number.to_string()));
        match answer.header("location") {
            Some(to) => visitor.get(to),
            None => answer,
        }
    }

    /// Opens one of them in a language.
    pub fn open_in(&self, browser: &Browser, page: &str, lang: &str) {
        let joint = if page.contains('?') { '&' } else { '?' };
        if page.starts_with("POST ") {
            browser.go(&format!("/admin/settings?tab=about&lang={lang}"));
            self.open(browser, page);
        } else {
            self.open(browser, &format!("{page}{joint}lang={lang}"));
            assert_eq!(browser.path(), page, "the language leaves the address");
        }
    }
}

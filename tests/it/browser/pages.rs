//! The pages every check looks at, on a gateway with something to show.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::row::{Row, refused};
use crate::support::samples::{CHAT, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;
use crate::support::visitor::Visitor;

/// A seeded secret that no page may ever show.
pub const SECRET: &str = "sk-seeded-secret-0123456789";
/// Text from outside that would do harm as markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";

/// What is asked after [`CHAT`] was answered.
const NEXT_TURN: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Say hello."},{"role":"assistant","content":"Hello!"},{"role":"user","content":"<img src=x onerror=alert(3)>"}]}"#;

/// The pages without parameters of their own.
const PAGES: [&str; 45] = [
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
    "/admin/saved",
    "/admin/no-such-page",
];

/// A gateway with upstreams in several states, hostile names and answers, and a request.
pub struct Stage {
    /// The gateway.
    pub gateway: Gateway,
    _upstream: FakeUpstream,
}

impl Stage {
    /// Sets it up.
    pub fn new() -> Stage {
        let upstream = FakeUpstream::with(|seen, _| match seen.target() {
            "/v1/chat/completions" => good(),
            _ => Reply::json(404, HOSTILE),
        });
        let rows = [
            refused("unreachable"),
            upstream.row("works"),
            Row::new(HOSTILE, &upstream.url("/v1/other"), SECRET).set("allow_models", "one,two,three-*"),
            upstream.row("off").set("enabled", "false").set("priority", 1).set("sk", "asis"),
        ];
        let gateway = Gateway::with(Kind::Sqlite, rows);
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
        Stage { gateway, _upstream: upstream }
    }

    /// The conversation of the one request.
    pub fn conversation(&self) -> String {
        self.gateway.database.sql("SELECT conversation_id FROM records ORDER BY id LIMIT 1")
    }

    /// Every page there is, with the forms and results of an upstream that has some.
    pub fn pages(&self) -> Vec<String> {
        let id = self.gateway.upstream_id(HOSTILE);
        let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
        pages.extend([
            format!("/admin/upstreams/{id}"),
            format!("/admin/upstreams/new?from={id}"),
            format!("/admin/upstreams/delete?id={id}"),
            format!("/admin/conversations/{}", self.conversation()),
            format!("/admin/conversations/delete?id={}", self.conversation()),
        ]);
        pages
    }
}

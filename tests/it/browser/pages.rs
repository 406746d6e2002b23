//! The pages every check looks at, on a gateway with something to show.

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::row::{Row, refused};
use crate::support::samples::{CHAT, good};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// A seeded secret that no page may ever show.
pub const SECRET: &str = "sk-seeded-secret-0123456789";
/// Text from outside that would do harm as markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";

/// The pages without parameters of their own.
const PAGES: [&str; 23] = [
    "/admin",
    "/admin?range=7d",
    "/admin/conversations",
    "/admin/usage",
    "/admin/usage?metric=total&p=p50&by=upstream&bucket=1h",
    "/admin/upstreams",
    "/admin/upstreams/new",
    "/admin/upstreams/import",
    "/admin/upstreams?state=down",
    "/admin/keys",
    "/admin/keys/one?name=key-1",
    "/admin/keys/delete?name=key-1",
    "/admin/models",
    "/admin/models/route?model=one&key=key-1",
    "/admin/settings",
    "/admin/settings?tab=routing",
    "/admin/settings?tab=recording",
    "/admin/settings?tab=prices",
    "/admin/settings?tab=audit",
    "/admin/settings?tab=notices",
    "/admin/settings?tab=sessions",
    "/admin/settings?tab=about",
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

//! Connections to other servers: upstreams and notice channels.
//!
//! Start at [`Outbound`]: one awc client per thread over our own connector. It hides four traps of the stack: awc's pool
//! keys, its silence about truncated bodies (see [`wire`]), Nagle's algorithm, and TLS by a library we already carry.
//!
//! **Invariant:** nothing here knows what an upstream or a record is; no time-out of awc's own is ever in force.
//! **May import:** `error`.

mod dial;
mod head;
mod proxy;
mod target;
mod trust;
mod tunnel;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::uri::{Parts, PathAndQuery, Scheme, Uri};
use awc::{Client, ClientRequest};
use tokio::task::futures::TaskLocalFuture;

pub use dial::{ConnectFailure, ConnectKind};
pub use proxy::{BadProxy, Proxy};
pub use target::{Endpoint, Target};
pub use trust::tls_connector;
pub use wire::{closed_by_peer, went_stale};

use openssl::ssl::SslConnector;

/// awc has a connect time-out of its own that cannot be switched off; [`Target::connect_timeout_ms`] is the one in force.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// How long an idle connection may wait for its next request before it is not trusted any more.
const IDLE: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// How long connecting took for the request that is looked at: awc connects within the task that waits for the reply.
    static CONNECTING: Cell<Option<Duration>>;
}

/// A request on its way of which [`connecting`] is known.
pub type Watched<F> = TaskLocalFuture<Cell<Option<Duration>>, F>;

/// Watches a request that is about to be sent.
pub fn watched<F: Future>(sent: F) -> Watched<F> {
    CONNECTING.scope(Cell::new(None), sent)
}

/// How long the request took to connect, also in vain; `None` when the connection was there already.
pub fn connecting<F: Future>(sent: Pin<&mut Watched<F>>) -> Option<Duration> {
    sent.take_value().and_then(|took| took.get())
}

type Targets = Rc<RefCell<HashMap<String, Arc<Target>>>>;

/// Everything a thread needs to send requests. Not `Send`: each worker makes its own.
pub struct Outbound {
    client: Client,
    targets: Targets,
}

impl Outbound {
    /// A client with an empty pool. `tls` comes from [`tls_connector`].
    pub fn new(tls: SslConnector) -> Outbound {
        let targets = Targets::default();
        let dialer = dial::Dialer::new(Rc::clone(&targets), tls);
        let connector = awc::Connector::new()
            .connector(dialer)
            .limit(0)
            .timeout(NEVER)
            .conn_keep_alive(IDLE)
            .conn_lifetime(NEVER)
            .disconnect_timeout(Duration::from_secs(1));
        let client =
            Client::builder().connector(connector).disable_timeout().disable_redirects().no_default_headers().finish();
        Outbound { client, targets }
    }

    /// A request to `target`, over a pooled connection, or with `fresh` over a new one that is not kept.
    /// The caller sets every header, `Host` included. `None` when the pieces do not make a URI.
    pub fn request(
        &self,
        target: &Arc<Target>,
        method: Method,
        path: PathAndQuery,
        fresh: bool,
    ) -> Option<ClientRequest> {
        let authority = if fresh { target.fresh_authority() } else { target.authority() };
        if !self.targets.borrow().contains_key(authority.as_str()) {
            self.targets.borrow_mut().insert(authority.as_str().to_owned(), Arc::clone(target));
        }
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(authority.clone());
        parts.path_and_query = Some(path);
        let uri = Uri::from_parts(parts).ok()?;
        let request = self.client.request(method, uri).no_decompress();
        Some(if fresh { request.force_close() } else { request })
    }
}

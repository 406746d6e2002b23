//! Making a connection: name, TCP, perhaps a proxy, TLS, under one clock.
//!
//! **Invariant:** an address that does not answer never delays the next one by more than [`NEXT_ADDRESS_MS`]
//! (RFC 8305, "Happy Eyeballs"). **May import:** nothing of the crate.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use actix_web::dev::Service;
use actix_web::http::Uri;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use openssl::ssl::SslConnector;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_openssl::SslStream;

use crate::connector::target::Target;
use crate::connector::tunnel;
use crate::connector::wire::{Stream, Wire};
use crate::connector::{CONNECTING, Targets};

/// How long one address is tried alone before the next joins in, in ms (RFC 8305 §5 recommends 250).
const NEXT_ADDRESS_MS: u64 = 250;

/// Which step of connecting failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectKind {
    /// The name does not resolve.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No way to that address.
    Unreachable,
    /// The TLS handshake or the certificate.
    Tls,
    /// The connect clock ran out.
    Timeout,
}

/// A connection that was not made.
#[derive(Debug)]
pub struct ConnectFailure {
    /// Which step.
    pub kind: ConnectKind,
    /// What the system said; never a secret.
    pub detail: String,
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ConnectFailure {}

impl ConnectFailure {
    /// The failure inside an error of awc's, if it is one of ours.
    pub fn of(error: &io::Error) -> Option<&ConnectFailure> {
        error.get_ref()?.downcast_ref::<ConnectFailure>()
    }

    pub(super) fn new(kind: ConnectKind, detail: impl fmt::Display) -> ConnectFailure {
        ConnectFailure { kind, detail: detail.to_string() }
    }

    /// The same, told with these words before.
    fn before(self, words: &str) -> ConnectFailure {
        ConnectFailure { detail: format!("{words}{}", self.detail), ..self }
    }
}

/// awc's connector service: looks the made-up authority up and dials.
#[derive(Clone)]
pub(super) struct Dialer {
    targets: Targets,
    tls: SslConnector,
}

impl Dialer {
    pub(super) fn new(targets: Targets, tls: SslConnector) -> Dialer {
        Dialer { targets, tls }
    }
}

impl Service<ConnectInfo<Uri>> for Dialer {
    type Response = Connection<Uri, Wire>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let targets = Rc::clone(&self.targets);
        let tls = self.tls.clone();
        Box::pin(async move {
            let uri = info.request().clone();
            let known = uri.authority().and_then(|a| targets.borrow().get(a.as_str()).cloned());
            let target = known.ok_or(ConnectError::Unresolved)?;
            let began = Instant::now();
            let made = connect(&target, &tls).await;
            // Who does not want to know has not asked to be told.
            let _ = CONNECTING.try_with(|took| took.set(Some(began.elapsed())));
            match made {
                Ok(wire) => Ok(Connection::new(uri, wire)),
                Err(failure) => Err(ConnectError::Io(io::Error::other(failure))),
            }
        })
    }
}

async fn connect(target: &Arc<Target>, tls: &SslConnector) -> Result<Wire, ConnectFailure> {
    let limit = Duration::from_millis(target.connect_timeout_ms);
    timeout(limit, steps(target, tls)).await.unwrap_or_else(|_| {
        let way = target.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
        let detail = format!("no connection within {} ms{way}", target.connect_timeout_ms);
        Err(ConnectFailure::new(ConnectKind::Timeout, detail))
    })
}

async fn steps(target: &Target, tls: &SslConnector) -> Result<Wire, ConnectFailure> {
    let tcp = match &target.proxy {
        None => tcp(&target.host, target.port).await?,
        Some(proxy) => {
            let to_proxy = tcp(&proxy.host, proxy.port).await;
            let mut tcp = to_proxy.map_err(|failure| failure.before(&format!("the proxy {proxy}: ")))?;
            tunnel::open(&mut tcp, proxy, &target.host, target.port).await?;
            tcp
        }
    };
    if !target.tls {
        return Ok(Wire::new(Stream::Plain(tcp)));
    }
    let tls_failure = |error: &dyn fmt::Display| ConnectFailure::new(ConnectKind::Tls, format!("TLS: {error}"));
    let ssl = tls
        .configure()
        .and_then(|configuration| configuration.into_ssl(&target.host))
        .map_err(|error| tls_failure(&error))?;
    let mut stream = SslStream::new(ssl, tcp).map_err(|error| tls_failure(&error))?;
    std::pin::Pin::new(&mut stream).connect().await.map_err(|error| tls_failure(&error))?;
    Ok(Wire::new(Stream::Tls(Box::new(stream))))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, ConnectFailure> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| ConnectFailure::new(ConnectKind::Dns, format!("{host}: {error}")))?
        .collect();
    let tcp = first_of(addresses).await?;
    // Small writes must not wait for an acknowledgement: a chunk goes out when it comes in.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// Tries the addresses in order, each joining when the one before has failed or is slow; the first connection wins.
async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectFailure> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut last = None;
    if let Some(address) = waiting.next() {
        running.push(TcpStream::connect(address));
    }
    loop {
        let next = tokio::select! {
            done = running.next() => match done {
                Some(Ok(tcp)) => return Ok(tcp),
                Some(Err(error)) => {
                    last = Some(error);
                    waiting.next()
                }
                None => None,
            },
            () = sleep(Duration::from_millis(NEXT_ADDRESS_MS)), if waiting.len() > 0 => waiting.next(),
        };
        match next {
            Some(address) => running.push(TcpStream::connect(address)),
            None if running.is_empty() => break,
            None => {}
        }
    }
    Err(match last {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            ConnectFailure::new(ConnectKind::Refused, "connection refused")
        }
        Some(error) => ConnectFailure::new(ConnectKind::Unreachable, error),
        None => ConnectFailure::new(ConnectKind::Dns, "the name has no address"),
    })
}

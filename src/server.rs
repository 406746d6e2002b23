//! The server: bind, workers, one awc client each, the route table, shutdown.
//!
//! Start at [`routes`], then [`serve`]. **Invariant:** `/v1` is open to client keys and `/admin` to the admin; no other
//! route exists. **May import:** `proxy`, `dashboard`, `state`, `connector`, `config`, `error`.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use actix_web::http::{KeepAlive, StatusCode};
use actix_web::web::{Data, PayloadConfig, ServiceConfig, scope, to};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::future::{Either, select};
use log::{info, warn};
use openssl::ssl::SslConnector;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::connector::Outbound;
use crate::dashboard;
use crate::error::StartError;
use crate::proxy::{self, Worker};
use crate::state::State;

/// Connections that may wait for a worker.
const BACKLOG: i32 = 4096;
/// How long an idle caller's connection is kept: longer than the pools of the usual clients, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a caller may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// How often the end of the last running request is looked for at a stop.
const DRAIN_POLL: Duration = Duration::from_millis(20);
/// How long the accepting thread has to pause.
const PAUSED: Duration = Duration::from_millis(50);
/// How long the last bytes of the last reply have to leave the process.
const LAST_BYTES: Duration = Duration::from_millis(200);
/// How long workers may take to drop what they hold.
const LAST_GUARDS: Duration = Duration::from_secs(3);
/// JSON and forms of the dashboard, at most.
const ADMIN_BODY_BYTES: usize = 1 << 20;

/// Every route there is.
fn routes(config: &mut ServiceConfig) {
    config
        // A scope, not a resource with a tail: its prefix is compared as bytes, without a regular expression per request.
        .service(scope("/v1").default_service(to(proxy::forward)))
        .configure(dashboard::configure)
        .default_service(to(|| async { HttpResponse::new(StatusCode::NOT_FOUND) }));
}

/// Binds the first address that can be bound.
///
/// # Errors
/// Says which address and what to do.
pub fn bind(config: &Config) -> Result<TcpListener, StartError> {
    let mut problem = None;
    for address in &config.addresses {
        match listener(*address) {
            Ok(listener) => return Ok(listener),
            // A machine without IPv6 still has its other interfaces.
            Err(error) => {
                problem = problem.filter(|_| error.kind() == io::ErrorKind::Unsupported).or(Some((*address, error)))
            }
        }
    }
    let what = problem.map_or_else(String::new, |(address, error)| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: the port is in use; stop the other program or choose another with -addr"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: not permitted; ports below 1024 need privileges, choose another with -addr"
        ),
        _ => format!("cannot listen on {address}: {error}; choose another with -addr"),
    });
    Err(StartError::new(what))
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // Every interface means IPv4 too, whatever the system's default.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until a signal, then lets running requests end. `ready` is called as soon as a signal ends it in order.
///
/// # Errors
/// The server cannot be started.
pub async fn serve(
    listener: TcpListener,
    state: Data<State>,
    tls: SslConnector,
    config: &Config,
    ready: impl FnOnce() -> Result<(), StartError>,
) -> Result<(), StartError> {
    let failed = |error: io::Error| StartError::new(format!("cannot start the server: {error}"));
    let shared = state.clone();
    let door = Socket::from(listener.try_clone().map_err(failed)?);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(Data::new(Worker::new(shared.clone(), tls.clone())))
            .app_data(Data::new(Outbound::new(tls.clone())))
            .app_data(PayloadConfig::new(ADMIN_BODY_BYTES))
            .configure(routes)
    })
    .workers(config.workers)
    .max_connections(1 << 20)
    .backlog(BACKLOG as u32)
    .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
    .client_request_timeout(HEAD_PATIENCE)
    .client_disconnect_timeout(Duration::from_secs(1))
    // A caller that has closed its side is gone: its request is dropped in every phase.
    .h1_allow_half_closed(false)
    .tcp_nodelay(true)
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    let handle = server.handle();
    let mut stops = Stops::new().map_err(failed)?;
    // A task of its own: it must go on while we wait for what we tell it.
    let serving = actix_rt::spawn(server);
    ready()?;
    if let Either::Left((ended, _)) = select(std::pin::pin!(serving), std::pin::pin!(stops.next())).await {
        return ended.unwrap_or_else(|lost| Err(io::Error::other(lost))).map_err(failed);
    }
    info!(
        "stopping: {} requests are running; they may end within {} s, a second signal ends them at once",
        state.running.count(),
        config.shutdown_timeout_s
    );
    state.running.drain();
    handle.pause().await;
    // The pause is told to another thread; a socket that is shut while that still accepts would fill the log.
    tokio::time::sleep(PAUSED).await;
    // Others may listen there from now on; a connection that still waits in the queue is refused.
    let _ = door.shutdown(Shutdown::Both);
    let drained = drain(&state, Duration::from_secs(config.shutdown_timeout_s));
    if matches!(select(std::pin::pin!(drained), std::pin::pin!(stops.next())).await, Either::Left((true, _))) {
        tokio::time::sleep(LAST_BYTES).await;
    } else {
        warn!("{} requests are cut off", state.running.count());
    }
    // Workers drop what they hold; with the last guard the last record is filed.
    let _ = tokio::time::timeout(LAST_GUARDS, handle.stop(false)).await;
    drain(&state, LAST_GUARDS).await;
    Ok(())
}

/// Whether all requests ended within `patience`.
async fn drain(state: &State, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while state.running.count() > 0 {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
    true
}

/// SIGTERM and Ctrl-C.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn new() -> io::Result<Stops> {
        Ok(Stops { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

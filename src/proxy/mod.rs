//! The hot path: from a caller's request to an upstream's reply. Start at [`forward`], then `pipeline`, which is the whole
//! journey on one screen.
//!
//! | file | what it does |
//! |---|---|
//! | `caller` | whose key is this, from where |
//! | `filing` | the guard that files exactly one record per request |
//! | `intake` | the request's body, held or passing |
//! | `attempt`, `loss` | one try at one upstream, under the clocks; what was lost on the way |
//! | `tries` | what is left to spend: upstreams to ask, a body to send |
//! | `usage` | asking for the usage of streams whose callers did not |
//! | `observe` | what a try showed, to health, log and notices |
//! | `relay`, `flow`, `tap` | the reply's head to the caller, its bytes as they come, a copy for the record |
//! | `hold` | strict recording: a reply's end waits for its record |
//! | `headers`, `heads` | which headers pass; headers as the record keeps them |
//! | `refusal` | what the gateway says itself |
//!
//! **Invariant:** nothing here names the database, and nothing here waits for it.
//! **May import:** `state`, `roster`, `recorder`, `metrics`, `connector`, `balance`, `openai`.

mod attempt;
mod caller;
mod filing;
mod flow;
mod headers;
mod heads;
mod hold;
mod intake;
mod loss;
mod observe;
mod pipeline;
mod refusal;
mod relay;
mod tap;
mod tries;
mod usage;

use std::ops::Deref;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use openssl::ssl::SslConnector;

use crate::connector::Outbound;
use crate::metrics::Meter;
use crate::proxy::filing::Filing;
use crate::proxy::pipeline::{Stop, pipeline};
use crate::recorder::{Ending, Kept};
use crate::state::State;

/// What one worker thread's requests share. What they hold on to is this, whose count no other thread touches, and not the
/// state that all threads share: a count that two cores change in turn costs more than most steps of a request.
pub struct Worker {
    state: Data<State>,
    outbound: Outbound,
    meter: Arc<Meter>,
}

impl Worker {
    /// For the thread that calls it. `tls` comes from [`crate::connector::tls_connector`].
    pub fn new(state: Data<State>, tls: SslConnector) -> Worker {
        let meter = state.metrics.meter();
        Worker { state, outbound: Outbound::new(tls), meter }
    }
}

impl Deref for Worker {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

/// Answers one request to `/v1`, whatever its method and path.
pub async fn forward(request: HttpRequest, payload: Payload, worker: Data<Worker>) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let snapshot = worker.roster.load();
    let ip = || caller::address(&request, &snapshot.settings.trusted_proxies);
    let filing = Filing::open(&worker, &request, ip, &snapshot.settings);
    let stop = match pipeline(&request, payload.into_inner(), filing, &snapshot).await {
        Ok((response, settled)) => {
            if let Some(settled) = settled {
                settled.await;
            }
            return response;
        }
        Err(stop) => stop,
    };
    match stop {
        Stop::CallerLeft(filing) => {
            drop(filing);
            HttpResponse::new(StatusCode::BAD_REQUEST)
        }
        Stop::Refused(refusal, mut filing) => {
            let (response, body) = refusal.reply();
            filing.answers(response.status().as_u16(), None);
            filing.note(|draft| {
                draft.error = Some(refusal.message());
                draft.reply.total_bytes = body.len() as u64;
                draft.reply.kept = Kept::Copy(body.into_bytes());
            });
            if let Some(settled) = filing.end(Ending::Refused) {
                settled.await;
            }
            response
        }
    }
}

/// What a browser asks before it calls: anything goes, as in the original.
fn preflight() -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::OK);
    headers::add_cors(response.headers_mut());
    response
}

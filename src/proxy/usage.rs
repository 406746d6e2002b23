//! Asking upstreams for the usage of streams whose callers did not: the body with the question, and what to do when an
//! upstream refuses it. Start at [`Wish::new`], then [`send`].
//!
//! **Invariant:** an upstream that refuses the question is asked once more with the caller's own body, never twice, and
//! nobody is blamed. **May import:** `openai`, `roster`.

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use memchr::memmem;

use crate::openai::usage_splice::ask_for_usage;
use crate::proxy::attempt::{Attempt, Failed, Reply};
use crate::proxy::filing::{Filing, unix_us};
use crate::proxy::headers::DIGESTS;
use crate::proxy::intake::Intake;
use crate::proxy::tries::Body;
use crate::roster::Settings;

/// The question for the usage, if there is reason to ask.
pub(super) struct Wish {
    /// The caller's body with the question in it.
    body: Option<Bytes>,
}

impl Wish {
    /// For a request to `path` (after `/v1`, without a query) that wants a stream or not.
    pub(super) fn new(request: &HttpRequest, path: &str, stream: bool, intake: &Intake, settings: &Settings) -> Wish {
        let body = match intake {
            Intake::Whole(body)
                if stream
                    && settings.stream_usage
                    && request.method() == Method::POST
                    && matches!(path, "/chat/completions" | "/completions")
                    // What vouches for the body's bytes would not be true any more.
                    && !DIGESTS.iter().any(|name| request.headers().contains_key(*name)) =>
            {
                ask_for_usage(body).map(|splice| splice.apply(body).into())
            }
            Intake::Whole(_) | Intake::Passing { .. } => None,
        };
        Wish { body }
    }
}

/// One try with `own`, the caller's body, or with the question; a second one at once where that is refused.
pub(super) async fn send(attempt: &Attempt<'_>, wish: &Wish, own: Body, filing: &mut Filing) -> Result<Reply, Failed> {
    let measured = &attempt.upstream.measured;
    let asking = wish.body.as_ref().filter(|_| measured.takes_usage_question(unix_us() / 1000));
    let Some(asking) = asking else {
        return attempt.send(own).await;
    };
    let mut first = attempt.send(Body::Whole(asking.clone())).await;
    match &mut first {
        Ok(reply) if is_refused(reply) => {
            let what = format!("{}; asked again without stream_options", reply.what);
            filing.attempt_ends(Some(reply.response.status().as_u16()), &what, attempt.connecting.take());
        }
        Ok(reply) => {
            reply.usage_asked = true;
            return first;
        }
        Err(_) => return first,
    }
    filing.attempt_begins(attempt.upstream, attempt.model_sent);
    let second = attempt.send(own).await;
    // Who still complains does so of what the caller sent.
    if second.as_ref().is_ok_and(|reply| !is_refused(reply)) {
        measured.refused_usage_question(unix_us() / 1000);
    }
    second
}

/// Whether a reply refuses the question, rather than the request.
fn is_refused(reply: &Reply) -> bool {
    let refuses = matches!(reply.response.status(), StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
    refuses && {
        let body = reply.held.concat();
        ["stream_options", "include_usage"].iter().any(|word| memmem::find(&body, word.as_bytes()).is_some())
    }
}

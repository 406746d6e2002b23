//! `GET /admin/requests/stream`: what matches, as it comes, as server-sent events (WHATWG HTML, section 9.2).
//!
//! An event's id is the record's, so that a browser that comes back asks for what it missed.
//! **Invariant:** nothing is held for a listener: each looks for itself, and whether its session still stands before what
//! came. **May import:** `state`, `db`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use futures_util::stream::unfold;

use crate::dashboard::reply::{ApiError, with_database};
use crate::dashboard::requests::asked::Asked;
use crate::dashboard::session::{Admin, now_us};
use crate::db::find::{Cursor, Search, Tail, newer};
use crate::db::records::{Row, newest_id};
use crate::db::{PooledConnection, sessions};
use crate::error::Error;
use crate::export::shown;
use crate::state::State;

/// How often each listener looks.
const LOOK: Duration = Duration::from_millis(400);
/// How long it may be silent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a listener is told of each of some rows.
pub(in crate::dashboard) type Tell = dyn Fn(&mut PooledConnection, &[Row]) -> Result<Vec<String>, Error> + Send + Sync;

/// One listener. It counts as a request under way, so that the end of the program waits until it has ended in order.
struct Listener {
    state: Data<State>,
    /// Digest of the token of its session; none for who sent the password itself.
    session: Option<String>,
    search: Search,
    tell: Arc<Tell>,
    after: i64,
    last_word: Instant,
    /// It has fallen behind: look again at once.
    behind: bool,
}

/// `GET /admin/requests/stream?q=`: metadata only; resumes after `Last-Event-ID`, or after the parameter `after`.
pub(in crate::dashboard) async fn stream(
    admin: Admin,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&request, &state, &[])?.unpaged(&["after"])?;
    let tell =
        |_: &mut PooledConnection, rows: &[Row]| Ok(rows.iter().map(|row| shown::row(row).to_string()).collect());
    listen(admin, &request, state, asked, Arc::new(tell)).await
}

/// Tells of the requests that match, as they come.
pub(in crate::dashboard) async fn listen(
    admin: Admin,
    request: &HttpRequest,
    state: Data<State>,
    asked: Asked,
    tell: Arc<Tell>,
) -> Result<HttpResponse, ApiError> {
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let after = match (last, asked.cursor) {
        (Some(id), _) | (None, Cursor::After(id)) => id,
        (None, _) => with_database(&state.database, |connection| newest_id(connection)).await?,
    };
    state.running.enter();
    let listener = Listener {
        state,
        session: admin.session,
        search: asked.search,
        tell,
        after,
        last_word: Instant::now(),
        behind: true,
    };
    let hello = futures_util::stream::once(async { Ok::<_, io::Error>(Bytes::from_static(b"retry: 1000\n\n")) });
    let words = unfold(listener, |mut listener| async move {
        let word = listener.next().await?;
        Some((Ok(word), listener))
    });
    let mut response = HttpResponse::Ok().streaming(hello.chain(words));
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.state.running.leave();
    }
}

impl Listener {
    /// The next words; `None` at the end of the program or of the session.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.state.running.is_draining() {
                return None;
            }
            if !std::mem::take(&mut self.behind) {
                tokio::time::sleep(LOOK).await;
            }
            let mut words = String::new();
            // A database that does not answer now will, later: nothing is passed over.
            if let Ok(seen) = self.look().await {
                let (Tail { rows, seen_to, more }, told) = seen?;
                (self.after, self.behind) = (seen_to, more);
                for (row, told) in rows.iter().zip(told) {
                    words.push_str(&format!("id: {}\nevent: request\ndata: {told}\n\n", row.id));
                }
            }
            if words.is_empty() && self.last_word.elapsed() >= HEARTBEAT {
                words.push_str(": still here\n\n");
            }
            if !words.is_empty() {
                self.last_word = Instant::now();
                return Some(Bytes::from(words));
            }
        }
    }

    /// What came, and what is told of it; nothing when the session has ended meanwhile.
    async fn look(&self) -> Result<Option<(Tail, Vec<String>)>, ApiError> {
        let (session, search, after) = (self.session.clone(), self.search.clone(), self.after);
        let tell = Arc::clone(&self.tell);
        with_database(&self.state.database, move |connection| {
            if let Some(token) = session
                && sessions::find(connection, &token, now_us())?.is_none()
            {
                return Ok(None);
            }
            let tail = newer(connection, &search, after)?;
            let told = tell(connection, &tail.rows)?;
            Ok(Some((tail, told)))
        })
        .await
    }
}

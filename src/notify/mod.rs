//! Telling people when an upstream fails and when it works again: Feishu and Matrix.
//!
//! Start at [`Notifier::failed`], what the hot path calls; a thread of its own keeps the incidents
//! ([`crate::balance::incident`]) and sends. **Invariant:** no request ever waits here: what does not fit the queue is
//! counted in the next summary instead. **May import:** `connector`, `balance`, `error`.

mod channels;
mod send;

use std::collections::HashMap;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::warn;
use openssl::ssl::SslConnector;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use channels::Channels;

use crate::balance::incident::{Incident, Notice};
use crate::connector::Outbound;
use crate::error::StartError;
use crate::notify::send::Post;

/// Events that may wait for the thread.
const QUEUE: usize = 4096;
/// How often summaries are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How long the last notices may take at a stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The hot path's door to the notices.
pub struct Notifier {
    events: Sender<Event>,
}

enum Event {
    Failed { upstream_id: i64, label: String, what: String },
    Succeeded { upstream_id: i64, label: String },
    Stop,
}

impl Notifier {
    /// Starts the thread. `channels` is asked for each notice, so that settings are live.
    ///
    /// # Errors
    /// No thread.
    pub fn start(
        tls: SslConnector,
        channels: impl Fn() -> Channels + Send + 'static,
    ) -> Result<(Notifier, JoinHandle<()>), StartError> {
        let (sender, receiver) = channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("notices".into())
            .spawn(move || {
                actix_rt::System::new().block_on(keep_incidents(receiver, Rc::new(Outbound::new(tls)), channels));
            })
            .map_err(|error| StartError::new(format!("cannot start the thread for notices: {error}")))?;
        Ok((Notifier { events: sender }, thread))
    }

    /// An upstream or its key failed; `what` holds no secret.
    pub fn failed(&self, upstream_id: i64, label: &str, what: &str) {
        let _ = self.events.try_send(Event::Failed { upstream_id, label: label.to_owned(), what: what.to_owned() });
    }

    /// An upstream that had failed has answered.
    pub fn succeeded(&self, upstream_id: i64, label: &str) {
        let _ = self.events.try_send(Event::Succeeded { upstream_id, label: label.to_owned() });
    }

    /// Lets the thread send what it has and end.
    pub fn stop(&self) {
        let _ = self.events.blocking_send(Event::Stop);
    }
}

/// Sends a text to every channel that is set, once and at once: the channel's name, and what went wrong.
pub async fn send_once(
    outbound: &Outbound,
    channels: &Channels,
    text: &str,
) -> Vec<(&'static str, Result<(), String>)> {
    let mut results = Vec::new();
    for post in Post::all(channels, text, now_ms()) {
        results.push((post.channel(), post.try_once(outbound).await));
    }
    results
}

struct Known {
    label: String,
    incident: Incident,
}

async fn keep_incidents(mut events: Receiver<Event>, outbound: Rc<Outbound>, channels: impl Fn() -> Channels) {
    let mut known: HashMap<i64, Known> = HashMap::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sending = Vec::new();
    loop {
        let event = tokio::select! {
            event = events.recv() => event.unwrap_or(Event::Stop),
            _ = ticks.tick() => {
                for upstream in known.values_mut() {
                    if let Some(notice) = upstream.incident.tick(now_ms()) {
                        tell(&outbound, &channels(), &upstream.label, &notice, &mut sending);
                    }
                }
                sending.retain(|task: &actix_rt::task::JoinHandle<()>| !task.is_finished());
                continue;
            }
        };
        let (upstream_id, label, what) = match event {
            Event::Failed { upstream_id, label, what } => (upstream_id, label, Some(what)),
            Event::Succeeded { upstream_id, label } => (upstream_id, label, None),
            Event::Stop => break,
        };
        let channels = channels();
        let every_ms = channels.summary_every_ms;
        let upstream = known
            .entry(upstream_id)
            .or_insert_with(|| Known { label: String::new(), incident: Incident::new(every_ms) });
        upstream.label = format!("{label} (#{upstream_id})");
        let notice = match what {
            Some(what) => upstream.incident.observe_failure(now_ms(), &what),
            None => upstream.incident.observe_success(now_ms()),
        };
        if let Some(notice) = notice {
            tell(&outbound, &channels, &upstream.label, &notice, &mut sending);
        }
    }
    if timeout(LAST_WORDS, futures_util::future::join_all(sending)).await.is_err() {
        warn!("the last notices could not be sent in time");
    }
}

fn tell(
    outbound: &Rc<Outbound>,
    channels: &Channels,
    label: &str,
    notice: &Notice,
    sending: &mut Vec<actix_rt::task::JoinHandle<()>>,
) {
    let text = words(label, notice);
    for post in Post::all(channels, &text, now_ms()) {
        sending.push(actix_rt::spawn(post.deliver(Rc::clone(outbound))));
    }
}

/// A notice in words, both languages in one line.
fn words(label: &str, notice: &Notice) -> String {
    match notice {
        Notice::First { text, untold: 0 } => format!("[openai-api-route] 上游出错 upstream {label} failed: {text}"),
        Notice::First { text, untold } => {
            format!(
                "[openai-api-route] 上游出错 upstream {label} failed: {text} ({untold} more failures since the last notice)"
            )
        }
        Notice::Summary { failures, since_ms } => {
            let lasting = duration(now_ms() - since_ms);
            format!(
                "[openai-api-route] 上游仍在出错 upstream {label} still fails: {failures} more failures, for {lasting} now"
            )
        }
        Notice::Recovered { after_ms, failures } => {
            let after = duration(*after_ms);
            format!("[openai-api-route] 上游已恢复 upstream {label} recovered after {after} and {failures} failures")
        }
    }
}

/// `0.8 s`, `42 s`, `3 min 7 s`, `2 h 5 min`.
fn duration(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        ms @ 10_000..60_000 => format!("{} s", ms / 1000),
        ms @ 60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        ms => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::balance::incident::Notice;
    use crate::notify::{duration, words};

    #[test]
    fn a_recovery_says_after_how_long() {
        let notice = Notice::Recovered { after_ms: 187_000, failures: 4 };
        let text = words("main (#1)", &notice);
        assert_eq!(text, "[openai-api-route] 上游已恢复 upstream main (#1) recovered after 3 min 7 s and 4 failures");
        assert_eq!(duration(7_500_000), "2 h 5 min");
        assert_eq!(duration(850), "0.8 s");
    }
}

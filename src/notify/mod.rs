//! Telling people when an upstream fails, or recording, and when it works again: Feishu and Matrix.
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

/// The door to the notices, for the hot path and the recorder.
#[derive(Clone)]
pub struct Notifier {
    events: Sender<Event>,
}

/// What a notice is about.
#[derive(Clone, PartialEq, Eq, Hash)]
enum About {
    Upstream(i64),
    Recording,
}

enum Event {
    Failed { about: About, label: String, what: String },
    Succeeded { about: About, label: String },
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
        self.send(Event::Failed {
            about: About::Upstream(upstream_id),
            label: label.to_owned(),
            what: what.to_owned(),
        });
    }

    /// An upstream that had failed has answered.
    pub fn succeeded(&self, upstream_id: i64, label: &str) {
        self.send(Event::Succeeded { about: About::Upstream(upstream_id), label: label.to_owned() });
    }

    /// Records are lost or cannot reach the database.
    pub fn recording_failed(&self, what: &str) {
        self.send(Event::Failed { about: About::Recording, label: String::new(), what: what.to_owned() });
    }

    /// Records reach the database again.
    pub fn recording_works(&self) {
        self.send(Event::Succeeded { about: About::Recording, label: String::new() });
    }

    fn send(&self, event: Event) {
        let _ = self.events.try_send(event);
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
    /// The upstream's name; empty for recording.
    label: String,
    incident: Incident,
}

async fn keep_incidents(mut events: Receiver<Event>, outbound: Rc<Outbound>, channels: impl Fn() -> Channels) {
    let mut known: HashMap<About, Known> = HashMap::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sending = Vec::new();
    loop {
        let event = tokio::select! {
            event = events.recv() => event.unwrap_or(Event::Stop),
            _ = ticks.tick() => {
                for about in known.values_mut() {
                    if let Some(notice) = about.incident.tick(now_ms()) {
                        tell(&outbound, &channels(), &about.label, &notice, &mut sending);
                    }
                }
                sending.retain(|task: &actix_rt::task::JoinHandle<()>| !task.is_finished());
                continue;
            }
        };
        let (about, label, what) = match event {
            Event::Failed { about, label, what } => (about, label, Some(what)),
            Event::Succeeded { about, label } => (about, label, None),
            Event::Stop => break,
        };
        let label = match &about {
            About::Upstream(id) => format!("{label} (#{id})"),
            About::Recording => label,
        };
        let channels = channels();
        let every_ms = channels.summary_every_ms;
        let about =
            known.entry(about).or_insert_with(|| Known { label: String::new(), incident: Incident::new(every_ms) });
        about.label = label;
        let notice = match what {
            Some(what) => about.incident.observe_failure(now_ms(), &what),
            None => about.incident.observe_success(now_ms()),
        };
        if let Some(notice) = notice {
            tell(&outbound, &channels, &about.label, &notice, &mut sending);
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

/// A notice in words, both languages in one line. Without a label it is about recording.
fn words(label: &str, notice: &Notice) -> String {
    let upstream = |zh: &str| if label.is_empty() { zh.replace("上游", "记录") } else { zh.to_owned() };
    let subject = if label.is_empty() { "recording".to_owned() } else { format!("upstream {label}") };
    match notice {
        Notice::First { text, untold } => {
            let more =
                if *untold == 0 { String::new() } else { format!(" ({untold} more failures since the last notice)") };
            format!("[openai-api-route] {} {subject} failed: {text}{more}", upstream("上游出错"))
        }
        Notice::Summary { failures, since_ms } => {
            let lasting = duration(now_ms() - since_ms);
            let zh = upstream("上游仍在出错");
            format!("[openai-api-route] {zh} {subject} still fails: {failures} more failures, for {lasting} now")
        }
        Notice::Recovered { after_ms, failures } => {
            let (zh, after) = (upstream("上游已恢复"), duration(*after_ms));
            format!("[openai-api-route] {zh} {subject} recovered after {after} and {failures} failures")
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
        let notice = Notice::First { text: "2 records are lost".to_owned(), untold: 0 };
        assert_eq!(words("", &notice), "[openai-api-route] 记录出错 recording failed: 2 records are lost");
        assert_eq!(duration(7_500_000), "2 h 5 min");
        assert_eq!(duration(850), "0.8 s");
    }
}

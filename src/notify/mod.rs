//! Telling people when an upstream fails, or recording, and when it works again: Feishu, Matrix, a webhook.
//!
//! Start at [`Notifier::failed`], what the hot path calls; a thread of its own keeps the incidents
//! ([`crate::balance::incident`]) and sends. **Invariant:** no request ever waits here: what does not fit the queue is
//! counted in the next summary instead. **May import:** `connector`, `balance`, `error`.

mod channels;
mod news;
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

use crate::balance::incident::Incident;
use crate::connector::Outbound;
use crate::error::StartError;
use crate::notify::news::{News, Subject};
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
    Failed { about: About, label: String, model: Option<String>, what: String },
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

    /// An upstream or its key failed when asked for `model`; `what` holds no secret.
    pub fn failed(&self, upstream_id: i64, label: &str, model: &str, what: &str) {
        self.send(Event::Failed {
            about: About::Upstream(upstream_id),
            label: label.to_owned(),
            model: Some(model).filter(|model| !model.is_empty()).map(str::to_owned),
            what: what.to_owned(),
        });
    }

    /// An upstream that had failed has answered.
    pub fn succeeded(&self, upstream_id: i64, label: &str) {
        self.send(Event::Succeeded { about: About::Upstream(upstream_id), label: label.to_owned() });
    }

    /// Records are lost or cannot reach the database.
    pub fn recording_failed(&self, what: &str) {
        let (about, label, model) = (About::Recording, String::new(), None);
        self.send(Event::Failed { about, label, model, what: what.to_owned() });
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
    for post in Post::all(channels, &News::test(text, now_ms())) {
        results.push((post.channel(), post.try_once(outbound).await));
    }
    results
}

struct Known {
    subject: Subject,
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
                        tell(&outbound, &channels(), &News::of(&about.subject, &notice, now_ms()), &mut sending);
                    }
                }
                sending.retain(|task: &actix_rt::task::JoinHandle<()>| !task.is_finished());
                continue;
            }
        };
        let (about, label, failure) = match event {
            Event::Failed { about, label, model, what } => (about, label, Some((model, what))),
            Event::Succeeded { about, label } => (about, label, None),
            Event::Stop => break,
        };
        let upstream = match &about {
            About::Upstream(id) => Some((*id, label)),
            About::Recording => None,
        };
        let channels = channels();
        let every_ms = channels.summary_every_ms;
        let about = known
            .entry(about)
            .or_insert_with(|| Known { subject: Subject::default(), incident: Incident::new(every_ms) });
        about.subject.upstream = upstream;
        let notice = match failure {
            Some((model, what)) => {
                about.subject.model = model;
                about.incident.observe_failure(now_ms(), &what)
            }
            None => about.incident.observe_success(now_ms()),
        };
        if let Some(notice) = notice {
            tell(&outbound, &channels, &News::of(&about.subject, &notice, now_ms()), &mut sending);
        }
    }
    if timeout(LAST_WORDS, futures_util::future::join_all(sending)).await.is_err() {
        warn!("the last notices could not be sent in time");
    }
}

fn tell(outbound: &Rc<Outbound>, channels: &Channels, news: &News, sending: &mut Vec<actix_rt::task::JoinHandle<()>>) {
    for post in Post::all(channels, news) {
        sending.push(actix_rt::spawn(post.deliver(Rc::clone(outbound))));
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

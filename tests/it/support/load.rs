//! A bounded load: callers that ask, each with a text of its own, and note when each reply had ended.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Call;
use crate::support::database::Database;
use crate::support::reply::Reply;
use crate::support::samples::{COMPLETION, delta, role, stop};
use crate::support::until;
use crate::support::upstream::FakeUpstream;

/// Callers at a time.
const CALLERS: usize = 4;
/// A caller's pause between two requests: some hundred requests a second in all.
const PAUSE: Duration = Duration::from_millis(4);

/// Requests of one conversation.
const TURNS: usize = 5;

/// One request whose reply has ended.
#[derive(Clone)]
pub struct Served {
    /// The text that only this request has; it stands in the path too.
    pub text: String,
    /// What it belongs to: the caller, and which of its conversations.
    pub conversation: (String, usize),
    /// When its reply had ended.
    pub at: Instant,
    /// The request's body.
    pub body: String,
    /// It was a stream.
    pub streamed: bool,
}

/// Callers at work.
pub struct Load {
    over: Arc<AtomicBool>,
    served: Arc<Mutex<Vec<Served>>>,
    callers: Vec<JoinHandle<()>>,
}

/// An upstream that says back what it was asked last, at once or as a stream.
pub fn echo() -> FakeUpstream {
    FakeUpstream::with(|seen, _| {
        // What has no body asks nothing.
        let Ok(asked) = serde_json::from_slice::<Value>(&seen.body) else { return Reply::json(200, COMPLETION) };
        let said = asked["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        if asked["stream"] == true {
            Reply::stream().event(&role()).event(&delta("re: ")).event(&delta(&said)).event(&stop()).done()
        } else {
            Reply::json(200, &COMPLETION.replace("Hello!", &format!("re: {said}")))
        }
    })
}

impl Load {
    /// Starts the callers: plain and streamed requests in turn, until the gateway is gone or the load is ended.
    pub fn on(address: SocketAddr) -> Load {
        let (over, served) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Served>>>::default());
        let caller = |caller| {
            let (over, served) = (Arc::clone(&over), Arc::clone(&served));
            thread::spawn(move || {
                let name = format!("{address}-{caller}");
                let mut messages = Vec::new();
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    if number % TURNS == 0 {
                        messages.clear();
                    }
                    let (text, streamed) = (format!("question-{name}-{number:06}"), number % 2 == 1);
                    messages.push(json!({"role": "user", "content": text}));
                    let body = json!({"model": "m", "messages": messages, "stream": streamed}).to_string();
                    let call = Call::post(&format!("/v1/chat/completions?n={text}"), &body);
                    // A gateway that was killed in the middle breaks what the client relies on, and ends the load.
                    let Ok(answer) = std::panic::catch_unwind(|| call.send(address)) else { break };
                    if !answer.whole {
                        break;
                    }
                    let at = Instant::now();
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(answer.text().contains(&text), "{}", answer.text());
                    messages.push(json!({"role": "assistant", "content": format!("re: {text}")}));
                    let conversation = (name.clone(), number / TURNS);
                    served.lock().unwrap().push(Served { text, conversation, at, body, streamed });
                    thread::sleep(PAUSE);
                }
            })
        };
        let callers = (0..CALLERS).map(caller).collect();
        Load { over, served, callers }
    }

    /// How many replies have ended.
    pub fn count(&self) -> usize {
        self.served.lock().unwrap().len()
    }

    /// Waits until this many replies have ended.
    pub fn reached(&self, count: usize) {
        until("the load goes on", || (self.count() >= count).then_some(()));
    }

    /// Ends it and gives what was served, in the order of the replies' ends. Fails when a reply was not as it should be.
    pub fn end(self) -> Vec<Served> {
        self.over.store(true, Ordering::SeqCst);
        self.callers.into_iter().for_each(|caller| caller.join().expect("every reply is as it should be"));
        let mut served = self.served.lock().unwrap().clone();
        served.sort_by_key(|one| one.at);
        served
    }
}

/// The texts of the records that stand in the database, in the order of their ids.
pub fn stored(database: &Database) -> Vec<String> {
    let rows = database.sql("SELECT path FROM records ORDER BY id");
    rows.lines().filter_map(|path| Some(path.split_once("n=")?.1.to_owned())).collect()
}

/// Waits until each of these stands in the database: what a crash left in the spill file comes after the start.
fn stands(database: &Database, served: &[Served]) {
    until("every record is stored", || {
        let stored: HashSet<String> = stored(database).into_iter().collect();
        served.iter().all(|one| stored.contains(&one.text)).then_some(())
    });
}

/// Fails unless each of these comes to stand in the database, exactly once, each caller's in the order in which it asked.
pub fn stands_once(database: &Database, served: &[Served]) {
    stands(database, served);
    let stored = stored(database);
    let mut places = HashMap::new();
    for (place, text) in stored.iter().enumerate() {
        assert!(places.insert(text.as_str(), place).is_none(), "{text} is stored twice");
    }
    let mut last = HashMap::new();
    for one in served {
        let place = *places.get(one.text.as_str()).unwrap_or_else(|| panic!("{} is lost", one.text));
        let before = last.insert(&one.conversation.0, place);
        assert!(before.is_none_or(|before| before < place), "{} stands before an earlier one", one.text);
    }
}

//! What of a record matters for finding its conversation: the meaning of its messages, hashed. Start at [`Thread::read`].
//!
//! Two records meet over a [link](Thread::ends): the last message asked and the reply to it. Their chains (everything up to
//! there) say whether the later one repeats the earlier one exactly, or has shortened it.
//! **Invariant:** nothing here knows a database; nothing of the texts survives, and no two client keys meet.
//! **May import:** `openai`.

use std::collections::HashMap;
use std::ops::Range;

use crate::db::records::hash::{Hash, hash, number};
use crate::db::records::{Ending, NewRecord};
use crate::openai::dialogue::{Api, Message, Role, Shown, Signals, layout, meaning, message, reply_signals};
use crate::openai::facts;
use crate::openai::peek::session_key;
use crate::openai::scan::elements;

/// Elements below this size are read anew each time rather than remembered.
const REMEMBERED_BYTES: usize = 256;
/// Elements remembered, at most.
const REMEMBERED: usize = 100_000;
/// How many replies back a continued one is looked for.
const LOOK_BACK: usize = 64;

/// A message as the chain sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its meaning; `None` when it takes no part.
    hash: Option<Hash>,
    /// The model's.
    is_reply: bool,
    /// Instructions.
    is_system: bool,
    shown: Shown,
    /// Where its element ends in the body.
    end: usize,
}

/// Meanings of elements seen before, by the hash of their bytes: a history that is sent again and again is parsed once.
#[derive(Default)]
pub(super) struct Meanings(HashMap<Hash, Turn>);

impl Meanings {
    fn turn(&mut self, element: &[u8]) -> Turn {
        if element.len() < REMEMBERED_BYTES {
            return turn(&message(element));
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        *self.0.entry(hash(&[element])).or_insert_with(|| turn(&message(element)))
    }
}

/// Everything of one record that linking needs.
#[derive(Debug, Default)]
pub(super) struct Thread {
    scope: Vec<u8>,
    /// It is a conversation at all.
    pub(super) is_dialogue: bool,
    turns: Vec<Turn>,
    /// Where the first message begins in the body.
    begin: usize,
    replies: Vec<Vec<Turn>>,
    session: Option<String>,
    previous_response: Option<String>,
    response: Option<String>,
    /// It got no whole answer: who asks the same again means the same conversation.
    failed: bool,
    /// What its reply shows, and its prompts.
    signals: Signals,
    /// It ends among its messages.
    is_cut: bool,
}

/// A place in the messages where the caller may have taken over an earlier reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    /// By what the earlier record is found.
    pub(super) link: i64,
    /// Everything up to here.
    pub(super) chain: i64,
    /// How many messages that is.
    pub(super) known: usize,
}

/// Of a record, what its thread is read from.
pub(super) struct Seen<'a> {
    /// Name and last four characters of the client key.
    pub(super) key: (&'a str, &'a str),
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) reply: &'a [u8],
    /// The session named in a header.
    pub(super) session: Option<&'a str>,
    /// It was answered, and as a whole.
    pub(super) answered: bool,
}

impl<'a> Seen<'a> {
    /// What of a record its thread is read from.
    pub(super) fn of(record: &'a NewRecord) -> Seen<'a> {
        let facts = &record.facts;
        Seen {
            key: (&facts.key_name, &facts.key_last4),
            path: &facts.path,
            body: record.texts.body.as_deref().unwrap_or_default(),
            reply: record.texts.response.as_deref().unwrap_or_default(),
            session: record.session.as_deref(),
            answered: facts.status < 400 && facts.ending == Ending::Complete,
        }
    }
}

impl Thread {
    /// Reads a record.
    pub(super) fn read(seen: &Seen<'_>, meanings: &mut Meanings) -> Thread {
        let found = layout(seen.path, seen.body);
        let range = found.messages.clone().unwrap_or_default();
        let place = |element: Range<usize>| Turn { end: element.end, ..meanings.turn(&seen.body[element]) };
        let turns: Vec<Turn> = elements(seen.body, range.clone()).map(place).collect();
        let is_dialogue = match found.api {
            Api::Chat | Api::Responses | Api::Messages => !turns.is_empty() || !found.prompts.is_empty(),
            Api::Completions => true,
            Api::Embeddings | Api::Images | Api::Audio | Api::Moderations | Api::Other => false,
        };
        let (mut signals, choices) = reply_signals(seen.reply);
        signals.add(Shown::by_prompts(seen.body, &found));
        let replies: Vec<Vec<Turn>> = match is_dialogue {
            true => choices.iter().map(|choice| choice.iter().map(turn).collect()).collect(),
            false => Vec::new(),
        };
        let mut said = found.prompts.iter().chain(&found.messages);
        let named = seen.session.map(str::to_owned).or_else(|| session_key(|_| None, seen.body));
        Thread {
            scope: [seen.key.0.as_bytes(), b"\0", seen.key.1.as_bytes(), b"\0"].concat(),
            is_dialogue,
            failed: !seen.answered || replies.iter().all(Vec::is_empty),
            begin: range.start + usize::from(!range.is_empty()),
            turns,
            replies,
            signals,
            is_cut: said.any(|range| range.end == seen.body.len()),
            session: named,
            previous_response: found.previous_response,
            response: match found.api {
                Api::Responses => facts::facts(seen.reply).id,
                _ => None,
            },
        }
    }

    /// What it shows, of its messages those in `fresh` or all; `None` when that cannot be told from here.
    pub(super) fn signals(&self, fresh: Option<&Range<usize>>) -> Option<Signals> {
        if self.is_cut {
            return None;
        }
        let mut signals = self.signals.clone();
        let from = fresh.map_or(0, |fresh| fresh.start);
        self.turns.iter().filter(|turn| turn.end > from).for_each(|turn| signals.add(turn.shown));
        Some(signals)
    }

    /// The link of the session that the caller names.
    pub(super) fn session(&self) -> Option<i64> {
        self.session.as_ref().map(|session| self.link(b"session", &[session.as_bytes()]))
    }

    /// The link of the response that the caller continues.
    pub(super) fn continued(&self) -> Option<i64> {
        self.previous_response.as_ref().map(|id| self.link(b"response", &[id.as_bytes()]))
    }

    /// The link of the response that this is.
    pub(super) fn response(&self) -> Option<i64> {
        self.response.as_ref().map(|id| self.link(b"response", &[id.as_bytes()]))
    }

    /// The link under which the same question, asked again, finds this one. `None` when nothing is asked.
    pub(super) fn asked(&self) -> Option<i64> {
        let asks = self.turns.iter().any(|turn| turn.hash.is_some());
        asks.then(|| self.link(b"asked", &[&chain(&self.turns)]))
    }

    /// Whether it waits to be asked again.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// Where the caller may have taken over an earlier reply, the latest first.
    pub(super) fn boundaries(&self) -> Vec<Boundary> {
        let mut chains = Vec::with_capacity(self.turns.len() + 1);
        let mut so_far = Hash::default();
        chains.push(so_far);
        for turn in &self.turns {
            so_far = next(so_far, turn);
            chains.push(so_far);
        }
        let ends = (1..=self.turns.len()).rev().filter(|end| {
            let follows = self.turns[*end..].iter().find(|turn| turn.hash.is_some());
            let last = self.turns[*end - 1];
            last.hash.is_some() && last.is_reply && follows.is_none_or(|turn| !turn.is_reply)
        });
        let ends = ends.take(LOOK_BACK);
        ends.filter_map(|end| {
            let link = self.tail(&self.turns[..end])?;
            Some(Boundary { link, chain: number(&chains[end]), known: end })
        })
        .collect()
    }

    /// The links under which the next record will find this one, each with its chain.
    pub(super) fn ends(&self) -> Vec<(i64, i64)> {
        let end = |reply: &Vec<Turn>| {
            let all: Vec<Turn> = self.turns.iter().chain(reply).copied().collect();
            Some((self.tail(&all)?, number(&chain(&all))))
        };
        self.replies.iter().filter(|reply| !reply.is_empty()).filter_map(end).collect()
    }

    /// The meanings of all that was said but instructions, the first reply included.
    pub(super) fn said(&self) -> Vec<Hash> {
        let reply = self.replies.first().map_or(&[][..], Vec::as_slice);
        said(self.turns.iter().chain(reply))
    }

    /// The same of the first messages alone.
    pub(super) fn said_before(&self, known: usize) -> Vec<Hash> {
        said(self.turns[..known].iter())
    }

    /// Where the messages after the first `known` stand in the body.
    pub(super) fn fresh(&self, known: usize) -> Option<Range<usize>> {
        let from = if known == 0 { self.begin } else { self.turns.get(known - 1)?.end };
        Some(from..self.turns.last()?.end)
    }

    /// The last reply and what was asked before it; `None` when nothing was.
    fn tail(&self, turns: &[Turn]) -> Option<i64> {
        let mut asked = None;
        let mut reply = Vec::new();
        for turn in turns.iter().rev() {
            match turn.hash {
                Some(hash) if turn.is_reply && asked.is_none() => reply.push(hash),
                Some(hash) => {
                    asked = Some(hash);
                    break;
                }
                None => {}
            }
        }
        let reply = reply.concat();
        (!reply.is_empty()).then(|| self.link(b"tail", &[&asked.unwrap_or_default(), &reply]))
    }

    pub(super) fn link(&self, kind: &[u8], parts: &[&[u8]]) -> i64 {
        let mut all = vec![self.scope.as_slice(), kind];
        all.extend(parts.iter().flat_map(|part| [b"\0", *part]));
        number(&hash(&all))
    }
}

fn said<'a>(turns: impl Iterator<Item = &'a Turn>) -> Vec<Hash> {
    turns.filter(|turn| !turn.is_system).filter_map(|turn| turn.hash).collect()
}

fn turn(message: &Message) -> Turn {
    let mut canonical = Vec::new();
    let counts = meaning(message, &mut canonical);
    Turn {
        hash: counts.then(|| hash(&[&canonical])),
        is_reply: message.role == Role::Assistant,
        is_system: matches!(message.role, Role::System | Role::Developer),
        shown: Shown::by(message),
        end: 0,
    }
}

fn chain(turns: &[Turn]) -> Hash {
    turns.iter().fold(Hash::default(), next)
}

fn next(so_far: Hash, turn: &Turn) -> Hash {
    match turn.hash {
        Some(own) => hash(&[&so_far, &own]),
        None => so_far,
    }
}

//! Records as others read them: JSON, lines of JSON, tables, examples to train on.
//!
//! Start at [`Export`], which gives a file piece by piece; [`shown`] is one record as JSON.
//! **Invariant:** memory holds a few records at a time, however many there are; no secret is in a record, so none comes out.
//! **May import:** `db`, `openai`, `error`.

pub mod csv;
pub mod shown;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::str::FromStr;

use crate::db::Connection;
use crate::db::find::{Cursor, Search, ids};
use crate::db::records::{Ending, Record, Row, Texts, rows, take_whole};
use crate::db::upstreams::names;
use crate::error::Error;
use crate::openai::dialogue::example;

/// Records found in one go.
const PIECE: usize = 100;
/// Bytes of bodies read in one go: a piece holds several times that while it is made.
pub const PIECE_BYTES: i64 = 4 << 20;

/// What the file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line of JSON for each record, bodies included.
    Jsonl,
    /// A table of the metadata, for spreadsheets.
    Csv,
    /// A line for each conversation, as OpenAI's fine-tuning takes it
    /// (<https://platform.openai.com/docs/guides/supervised-fine-tuning>): its last record that was answered as a whole, answer included.
    Openai,
}

impl Format {
    /// The usual ending of such a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Jsonl | Format::Openai => "jsonl",
            Format::Csv => "csv",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Jsonl | Format::Openai => "application/jsonl",
            Format::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// It is none of the formats.
#[derive(Debug)]
pub struct NoFormat;

impl fmt::Display for NoFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be one of jsonl, csv, openai")
    }
}

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(text: &str) -> Result<Format, NoFormat> {
        match text {
            "jsonl" => Ok(Format::Jsonl),
            "csv" => Ok(Format::Csv),
            "openai" => Ok(Format::Openai),
            _ => Err(NoFormat),
        }
    }
}

/// A file on its way.
pub struct Export {
    format: Format,
    search: Search,
    cursor: Cursor,
    /// Found, and not read yet.
    waiting: VecDeque<Row>,
    /// Conversations that are in the file already.
    conversations: HashSet<i64>,
    has_begun: bool,
    /// What tables call the upstreams.
    upstreams: HashMap<i64, String>,
    /// Records looked at so far.
    pub done: usize,
}

impl Export {
    /// Everything that matches, the newest first.
    pub fn new(format: Format, search: Search) -> Export {
        Export {
            format,
            search,
            cursor: Cursor::Newest,
            waiting: VecDeque::new(),
            conversations: HashSet::new(),
            has_begun: false,
            upstreams: HashMap::new(),
            done: 0,
        }
    }

    /// The next piece of the file; `None` when it is complete.
    ///
    /// # Errors
    /// The database's; the same piece can be asked for again.
    pub fn next(&mut self, conn: &mut Connection) -> Result<Option<Vec<u8>>, Error> {
        let mut piece = Vec::new();
        if !self.has_begun && self.format == Format::Csv {
            piece.extend_from_slice(csv::head().as_bytes());
            let called =
                |(id, name, endpoint): (i64, String, String)| (id, if name.is_empty() { endpoint } else { name });
            self.upstreams = names(conn)?.into_iter().map(called).collect();
        }
        if self.waiting.is_empty() {
            let found = ids(conn, &self.search, self.cursor, PIECE)?;
            let Some(last) = found.last() else {
                let begun = std::mem::replace(&mut self.has_begun, true);
                return Ok((!begun && !piece.is_empty()).then_some(piece));
            };
            self.waiting = rows(conn, &found)?.into();
            self.cursor = Cursor::Before(*last);
        }
        let all = match self.format {
            Format::Csv => self.waiting.drain(..).map(|row| Record { row, texts: Texts::default() }).collect(),
            Format::Jsonl | Format::Openai => take_whole(conn, &mut self.waiting, PIECE_BYTES)?,
        };
        for record in &all {
            self.add(record, &mut piece);
        }
        self.has_begun = true;
        self.done += all.len();
        Ok(Some(piece))
    }

    fn add(&mut self, record: &Record, piece: &mut Vec<u8>) {
        match self.format {
            Format::Jsonl => {
                piece.extend_from_slice(shown::whole(record).to_string().as_bytes());
                piece.push(b'\n');
            }
            Format::Csv => piece.extend_from_slice(csv::line(&record.row, &self.upstreams).as_bytes()),
            Format::Openai => {
                let (row, texts) = (&record.row, &record.texts);
                let is_new = row.placed.conversation_id.is_none_or(|id| !self.conversations.contains(&id));
                let texts = texts.body.as_deref().zip(texts.response.as_deref());
                if let Some(line) = texts
                    .filter(|_| is_new && !row.facts.is_error() && row.facts.ending == Ending::Complete)
                    .and_then(|(body, reply)| example(&row.facts.path, body, reply))
                {
                    self.conversations.extend(row.placed.conversation_id);
                    piece.extend_from_slice(&line);
                    piece.push(b'\n');
                }
            }
        }
    }
}

//! Frames of the spill file: a record each.
//!
//! A frame is: length of the rest (u32), CRC-32 of the rest (u32), length of the facts (u32), the facts as JSON, then body,
//! reply and headers, each as length (u32; `u32::MAX` = none) and bytes; all little-endian. Older versions wrote no headers.
//! **Invariant:** what cannot be read whole is not read at all. **May import:** `db` (for the record's shape).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use crate::db::records::{Facts, NewRecord, Texts};

/// Where the last whole frame ends.
pub(super) fn whole_frames(path: &Path, from: u64) -> io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let (mut end, mut head) = (from, [0u8; 8]);
    file.seek(SeekFrom::Start(from))?;
    while fill(&mut file, &mut head)? {
        let size = i64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        let next = end + 8 + size as u64;
        if next > length {
            break;
        }
        file.seek_relative(size)?;
        end = next;
    }
    Ok(end)
}

const NONE: u32 = u32::MAX;
/// Memory for a frame before any of it is read, at most: its length may be damaged.
const FRAME_ROOM: u32 = 1 << 20;

fn length(n: usize) -> io::Result<[u8; 4]> {
    let n = u32::try_from(n).ok().filter(|n| *n != NONE);
    Ok(n.ok_or_else(|| io::Error::other("a body of 4 GiB does not fit a frame"))?.to_le_bytes())
}

pub(super) fn encode(record: &NewRecord, out: &mut Vec<u8>) -> io::Result<()> {
    let begin = out.len();
    let done = encode_behind(record, out);
    if done.is_err() {
        out.truncate(begin);
    }
    done
}

/// What is known first stands behind it: both lengths and the checksum are filled in at the end.
fn encode_behind(record: &NewRecord, out: &mut Vec<u8>) -> io::Result<()> {
    let bodies = [&record.texts.body, &record.texts.response, &record.texts.headers];
    let begin = out.len();
    out.reserve(1024 + bodies.iter().filter_map(|body| body.as_ref()).map(Vec::len).sum::<usize>());
    out.extend_from_slice(&[0; 12]);
    let notes = (&record.texts.body_note, &record.texts.response_note);
    let facts = (&record.facts, notes, &record.session, record.replay_of);
    serde_json::to_writer(&mut *out, &facts).map_err(io::Error::other)?;
    let facts_length = length(out.len() - begin - 12)?;
    for body in bodies {
        match body {
            None => out.extend_from_slice(&NONE.to_le_bytes()),
            Some(bytes) => {
                out.extend_from_slice(&length(bytes.len())?);
                out.extend_from_slice(bytes);
            }
        }
    }
    out[begin + 8..begin + 12].copy_from_slice(&facts_length);
    let frame_length = length(out.len() - begin - 8)?;
    let checksum = crc32fast::hash(&out[begin + 8..]).to_le_bytes();
    out[begin..begin + 4].copy_from_slice(&frame_length);
    out[begin + 4..begin + 8].copy_from_slice(&checksum);
    Ok(())
}

type Notes = (Option<String>, Option<String>);

/// What a frame tells beside the two texts.
#[derive(Deserialize)]
struct Told(Facts, Notes, Option<String>, Again);

/// Whose request was sent again; older versions wrote only whether one was.
#[derive(Deserialize)]
#[serde(untagged)]
enum Again {
    Of(Option<i64>),
    Is(bool),
}

/// The next record and the size of its frame; `None` at the end or where a crash cut the last frame.
pub(super) fn decode(file: &mut impl Read) -> io::Result<Option<(NewRecord, u64)>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "damaged frame");
    let mut head = [0u8; 8];
    if !fill(file, &mut head)? {
        return Ok(None);
    }
    let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let mut frame = Vec::with_capacity(size.min(FRAME_ROOM) as usize);
    file.take(u64::from(size)).read_to_end(&mut frame)?;
    if frame.len() < size as usize {
        return Ok(None);
    }
    if crc32fast::hash(&frame) != crc {
        return Err(damaged());
    }
    let mut rest = frame.as_slice();
    let facts = piece(&mut rest).flatten().ok_or_else(damaged)?;
    // Older versions wrote the first two alone.
    let Told(facts, (body_note, response_note), session, again) = serde_json::from_slice(facts)
        .or_else(|_| {
            serde_json::from_slice::<(Facts, Notes)>(facts)
                .map(|(facts, notes)| Told(facts, notes, None, Again::Of(None)))
        })
        .map_err(|_| damaged())?;
    let body = piece(&mut rest).ok_or_else(damaged)?.map(<[u8]>::to_vec);
    let response = piece(&mut rest).ok_or_else(damaged)?.map(<[u8]>::to_vec);
    let headers = if rest.is_empty() { None } else { piece(&mut rest).ok_or_else(damaged)?.map(<[u8]>::to_vec) };
    let texts = Texts { body, body_note, response, response_note, headers };
    let replay_of = match again {
        Again::Of(id) => id,
        Again::Is(is) => is.then_some(0),
    };
    Ok(Some((NewRecord { facts, texts, session, replay_of }, u64::from(size) + 8)))
}

fn fill(file: &mut impl Read, head: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(head) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn piece<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    let n = u32::from_le_bytes(*head);
    if n == NONE {
        *rest = tail;
        return Some(None);
    }
    let (piece, tail) = tail.split_at_checked(n as usize)?;
    *rest = tail;
    Some(Some(piece))
}

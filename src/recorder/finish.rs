//! A draft becomes a row: bodies decoded and put together, tokens and models read. All the parsing there is happens here,
//! on the recorder's thread. **May import:** `db` (the row's shape), `openai`.

use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::db::records::{Ending, Facts, NewRecord, Texts};
use crate::openai::facts::{self as openai, Usage};
use crate::openai::multipart::Summary;
use crate::recorder::draft::{Draft, Kept, Side};
use crate::usage::prices::{PriceBook, Tokens};

/// A compressed reply may grow to this when decoded; beyond it is kept as it came.
const DECODED_BYTES: u64 = 256 << 20;

/// What is stored of one side: bytes, and a note when they are not simply what was sent.
#[derive(Default)]
struct Stored {
    bytes: Option<Vec<u8>>,
    note: Option<String>,
}

impl Stored {
    fn new(bytes: Vec<u8>, note: Option<&str>) -> Stored {
        Stored { bytes: Some(bytes), note: note.map(str::to_owned) }
    }
}

/// What a caller that left before the end is recorded with (nginx's convention).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Makes the row of a draft.
pub(super) fn finish(draft: Draft, prices: &PriceBook) -> NewRecord {
    let (request_bytes, reply_bytes) = (draft.request.total_bytes, draft.reply.total_bytes);
    let mut body = if draft.with_bodies { request(draft.request) } else { Stored::default() };
    let mut read = reply(draft.reply);
    if !draft.with_bodies {
        read.stored = Stored::default();
    }
    // Some clients hang up as soon as they have read the last event: nothing was missing for them.
    let left = draft.ending == Ending::Left && !read.ended;
    let Usage { input, output, cached, .. } = read.learnt.usage;
    // Of a model that was sent under another name, the upstream's price is the one of that name.
    let model_sent = draft.model_sent.or_else(|| draft.model.clone()).filter(|_| draft.upstream_id.is_some());
    let asked = model_sent.as_deref().or(draft.model.as_deref());
    let cost_nano = prices.cost(read.learnt.model.as_deref(), asked, Tokens { input, cached, output });
    let facts = Facts {
        started_us: draft.started_us,
        key_name: draft.key_name,
        key_last4: draft.key_last4,
        ip: draft.ip,
        user_agent: draft.user_agent,
        host: draft.host,
        method: draft.method,
        path: draft.path,
        model_sent,
        model: draft.model,
        model_answered: read.learnt.model,
        status: i32::from(if left { CLIENT_CLOSED_REQUEST } else { draft.status }),
        upstream_id: draft.upstream_id,
        streamed: draft.streamed,
        first_byte_us: draft.first_byte_us,
        first_content_us: draft.first_content_us,
        total_us: draft.total_us,
        tokens_in: read.learnt.usage.input,
        tokens_out: read.learnt.usage.output,
        tokens_cached: read.learnt.usage.cached,
        tokens_reasoning: read.learnt.usage.reasoning,
        tokens_audio_in: read.learnt.usage.audio_in,
        tokens_audio_out: read.learnt.usage.audio_out,
        cost_nano,
        attempts: serde_json::to_string(&draft.attempts).unwrap_or_else(|_| "[]".to_owned()),
        ending: if draft.ending == Ending::Left && !left { Ending::Complete } else { draft.ending },
        error: draft.error.or(read.failed),
        request_bytes: i64::try_from(request_bytes).unwrap_or(i64::MAX),
        reply_bytes: i64::try_from(reply_bytes).unwrap_or(i64::MAX),
        resource_id: draft.resource_id,
    };
    if draft.lossy || has_nul(&facts) {
        let note = body.note.map(|note| format!("{note}, ")).unwrap_or_default();
        body.note = Some(format!("{note}characters replaced in the row"));
    }
    let texts = Texts {
        body: body.bytes,
        body_note: body.note,
        response: read.stored.bytes,
        response_note: read.stored.note,
        headers: (draft.with_bodies && !draft.heads.is_empty()).then_some(draft.heads),
    };
    NewRecord { facts, texts, session: draft.session, replay_of: draft.replay_of }
}

/// Whether something stands in the row's texts that a database cannot keep in a text: `db` replaces it.
fn has_nul(facts: &Facts) -> bool {
    let optional = [&facts.model, &facts.model_sent, &facts.model_answered, &facts.error, &facts.resource_id];
    let texts = [&facts.key_name, &facts.user_agent, &facts.host, &facts.method, &facts.path];
    optional.into_iter().flatten().chain(texts).any(|text| text.contains('\0'))
}

/// A reply as far as it can be read.
#[derive(Default)]
struct Reading {
    stored: Stored,
    learnt: openai::Facts,
    /// What an error event says.
    failed: Option<String>,
    /// The stream's last event was there.
    ended: bool,
}

fn request(side: Side) -> Stored {
    let cut = side.cut.then_some("cut");
    let mut stored = match side.kept {
        Kept::Nothing if side.total_bytes == 0 => Stored::default(),
        Kept::Nothing => Stored { bytes: None, note: Some("not kept".to_owned()) },
        Kept::Multipart(summary) => Stored::new(summary.finish(), Some("multipart")),
        Kept::Bytes(bytes) => sent(&side.content_type, bytes.to_vec(), cut),
        Kept::Copy(bytes) | Kept::Events(_, bytes) => sent(&side.content_type, bytes, cut),
    };
    if side.sent_once {
        let note = stored.note.map(|note| format!("{note}, ")).unwrap_or_default();
        stored.note = Some(format!("{note}sent once: larger than the replay buffer"));
    }
    stored
}

/// A body as it came; of an upload the fields, and its files' names and sizes.
fn sent(content_type: &str, bytes: Vec<u8>, cut: Option<&str>) -> Stored {
    match Summary::new(content_type) {
        Some(mut summary) => {
            summary.push(&bytes);
            Stored::new(summary.finish(), Some("multipart"))
        }
        None => Stored::new(bytes, cut),
    }
}

fn reply(side: Side) -> Reading {
    let cut = side.cut.then_some("cut");
    let bytes = match side.kept {
        Kept::Nothing if side.total_bytes == 0 => return Reading::default(),
        Kept::Nothing | Kept::Multipart(_) => {
            return Reading { stored: Stored { bytes: None, note: Some("not kept".to_owned()) }, ..Reading::default() };
        }
        Kept::Events(mut assembler, rest) => {
            assembler.push(&rest);
            let assembled = assembler.finish();
            let note = match (assembled.assembled, side.cut) {
                (true, false) => Some("assembled"),
                (true, true) => Some("assembled, cut"),
                (false, _) => cut,
            };
            return Reading {
                stored: Stored::new(assembled.reply, note),
                learnt: assembled.facts,
                failed: assembled.error.and_then(|error| error.message),
                ended: assembled.ended,
            };
        }
        Kept::Bytes(bytes) => bytes.to_vec(),
        Kept::Copy(bytes) => bytes,
    };
    if side.encoding.is_empty() {
        return Reading { learnt: facts_of(&bytes), stored: Stored::new(bytes, cut), ..Reading::default() };
    }
    match decoded(&side.encoding, &bytes).filter(|_| !side.cut) {
        Some(plain) => {
            let note = format!("decoded from {}", side.encoding);
            Reading { learnt: facts_of(&plain), stored: Stored::new(plain, Some(&note)), ..Reading::default() }
        }
        None => {
            let note = format!("{}{}", side.encoding, if side.cut { ", cut" } else { "" });
            Reading { stored: Stored::new(bytes, Some(&note)), ..Reading::default() }
        }
    }
}

fn facts_of(reply: &[u8]) -> openai::Facts {
    if reply.first() == Some(&b'{') { openai::facts(reply) } else { openai::Facts::default() }
}

fn decoded(encoding: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let limit = DECODED_BYTES + 1;
    match encoding {
        "gzip" | "x-gzip" => MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut plain).ok()?,
        "deflate" => ZlibDecoder::new(bytes).take(limit).read_to_end(&mut plain).ok()?,
        _ => return None,
    };
    (plain.len() as u64 <= DECODED_BYTES).then_some(plain)
}

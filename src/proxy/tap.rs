//! The cheap copy of a reply that is kept for the record as it passes.
//!
//! **Invariant:** memory stays bounded: a stream of events is put together every [`FOLD_BYTES`], other replies are cut at
//! the record's limits, and both stop when the recorder's budget is used up. **May import:** `openai`, `recorder`.

use actix_web::http::header::HeaderMap;

use crate::openai::assemble::Assembler;
use crate::proxy::heads::lines;
use crate::recorder::{Budget, Draft, Kept};
use crate::roster::Settings;

/// How much of a stream is gathered before it is put together: bounds the memory of an open stream.
const FOLD_BYTES: usize = 8 << 10;

/// Prepares a draft for a reply with these headers; returns up to how many bytes of it are kept.
pub(super) fn prepare(draft: &mut Draft, headers: &HeaderMap, is_stream: bool, settings: &Settings) -> usize {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    draft.reply.content_type = text("content-type");
    draft.reply.encoding = match text("content-encoding") {
        identity if identity == "identity" => String::new(),
        other => other,
    };
    if draft.with_bodies {
        draft.heads.push(b'\n');
        draft.heads.append(&mut lines(headers));
    }
    draft.streamed = is_stream;
    draft.reply.kept = if is_stream && draft.reply.encoding.is_empty() {
        Kept::Events(Box::new(Assembler::new()), Vec::new())
    } else {
        Kept::Copy(Vec::new())
    };
    settings.reply_limit_bytes(&draft.reply.content_type)
}

/// Keeps a piece of the reply, as far as limit and budget allow.
pub(super) fn keep(draft: &mut Draft, piece: &[u8], limit_bytes: usize, budget: &Budget) {
    let seen = usize::try_from(draft.reply.total_bytes).unwrap_or(usize::MAX);
    draft.reply.total_bytes += piece.len() as u64;
    let room = if draft.reply.cut { 0 } else { limit_bytes.saturating_sub(seen).min(piece.len()) };
    if room < piece.len() || !budget.take(room) {
        draft.reply.cut = true;
        return;
    }
    draft.charged_bytes += room;
    match &mut draft.reply.kept {
        Kept::Copy(copy) => copy.extend_from_slice(piece),
        Kept::Events(assembler, gathered) => {
            gathered.extend_from_slice(piece);
            if gathered.len() >= FOLD_BYTES {
                assembler.push(gathered);
                gathered.clear();
            }
        }
        Kept::Nothing | Kept::Bytes(_) | Kept::Multipart(_) => {}
    }
}

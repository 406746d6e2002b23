//! What goes over the wire: chat requests and the mock's replies, of realistic shape and fixed size.
//! Start at [`Kind`]. Every request and reply carries a number of its own ([`Template::stamp`]), so that nothing
//! that stores or compares bodies can take two of them for the same. Nothing here does I/O.

use std::ops::Range;

use memchr::memmem;

/// Bytes of a small request's and a small reply's body.
pub const SMALL_BYTES: usize = 1024;
/// Bytes of a large request's and a large reply's body.
pub const LARGE_BYTES: usize = 1024 * 1024;
/// Events of a stream, `[DONE]` not counted.
pub const STREAM_CHUNKS: usize = 100;
/// Time between two chunks of a paced stream.
pub const PACED_GAP_MS: u64 = 20;
/// Time between two chunks of a slow stream.
pub const SLOW_GAP_MS: u64 = 2_000;
/// Chunks of a slow stream before it ends by itself, so that nothing stays for ever.
pub const SLOW_CHUNKS: usize = 60;

/// Stands in a template where the number goes.
const SLOT: &[u8] = b"@@@@@@@@@@@@";

/// What is asked for; told to the mock by the model's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 1 KiB in, 1 KiB out, no stream.
    Small,
    /// 1 KiB in, a stream of 100 chunks out, as fast as they can be written.
    Burst,
    /// The same stream, a chunk each 20 ms.
    Paced,
    /// A stream that stays open, a chunk each 2 s.
    Slow,
    /// 1 MiB in, 1 MiB out, no stream.
    Large,
}

impl Kind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Kind; 5] = [Kind::Small, Kind::Burst, Kind::Paced, Kind::Slow, Kind::Large];

    /// The model that stands for this kind.
    pub fn model(self) -> &'static str {
        match self {
            Kind::Small => "bench-small",
            Kind::Burst => "bench-burst",
            Kind::Paced => "bench-paced",
            Kind::Slow => "bench-slow",
            Kind::Large => "bench-large",
        }
    }

    fn is_stream(self) -> bool {
        match self {
            Kind::Burst | Kind::Paced | Kind::Slow => true,
            Kind::Small | Kind::Large => false,
        }
    }
}

/// Bytes to send, with places for a number.
#[derive(Clone)]
pub struct Template {
    /// Head and body as they go over the wire.
    pub bytes: Vec<u8>,
    /// Ends of the pieces to be written one by one: the head, then each chunk.
    pub cuts: Vec<usize>,
    /// Length of the decoded body.
    pub body_bytes: u64,
    slots: Vec<Range<usize>>,
}

impl Template {
    fn new(bytes: Vec<u8>, cuts: Vec<usize>, body_bytes: usize) -> Self {
        let slots = memmem::find_iter(&bytes, SLOT).map(|at| at..at + SLOT.len()).collect();
        Self { bytes, cuts, body_bytes: body_bytes as u64, slots }
    }

    /// Writes `number` into every place kept for it.
    pub fn stamp(&mut self, number: u64) {
        let digits = format!("{number:012}");
        for slot in &self.slots {
            self.bytes[slot.clone()].copy_from_slice(digits.as_bytes());
        }
    }
}

/// A request of this kind; `seed` varies its words.
pub fn request(kind: Kind, host: &str, seed: u64) -> Template {
    let stream = if kind.is_stream() { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
    let model = kind.model();
    let (before, after) = (
        format!(
            r#"{{"model":"{model}","messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"Question {}: "#,
            std::str::from_utf8(SLOT).unwrap_or_default()
        ),
        format!(r#""}}],"temperature":0.7,"max_tokens":512{stream}}}"#),
    );
    let total = if kind == Kind::Large { LARGE_BYTES } else { SMALL_BYTES };
    let body = filled(&before, &after, total, seed);
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer bench-key\r\n\
         User-Agent: OpenAI/Python 1.99.0\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let length = body.len();
    Template::new([head.into_bytes(), body].concat(), Vec::new(), length)
}

/// The mock's reply of this kind; `seed` varies its words.
pub fn reply(kind: Kind, seed: u64) -> Template {
    match kind {
        Kind::Small => whole_reply(SMALL_BYTES, seed),
        Kind::Large => whole_reply(LARGE_BYTES, seed),
        Kind::Burst | Kind::Paced => stream_reply(STREAM_CHUNKS, seed),
        Kind::Slow => stream_reply(SLOW_CHUNKS, seed),
    }
}

fn whole_reply(total: usize, seed: u64) -> Template {
    let before = format!(
        r#"{{"id":"chatcmpl-{}","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":""#,
        std::str::from_utf8(SLOT).unwrap_or_default()
    );
    let after = r#"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":96,"total_tokens":308,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_560af6e559"}"#;
    let body = filled(&before, after, total, seed ^ 0x5eed);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_{}\r\n\
         openai-processing-ms: 12\r\nContent-Length: {}\r\n\r\n",
        std::str::from_utf8(SLOT).unwrap_or_default(),
        body.len()
    );
    let length = body.len();
    let bytes = [head.into_bytes(), body].concat();
    let cuts = vec![bytes.len()];
    Template::new(bytes, cuts, length)
}

/// Role, words, finish reason, usage: `chunks` events in all, each its own HTTP chunk; then `[DONE]`.
fn stream_reply(chunks: usize, seed: u64) -> Template {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_{}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        std::str::from_utf8(SLOT).unwrap_or_default()
    )
    .into_bytes();
    let mut cuts = vec![bytes.len()];
    let mut body_bytes = 0;
    let mut words = Words(seed ^ 0xc0ffee);
    for index in 0..chunks {
        let (choices, usage) = if index == 0 {
            (r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#.to_owned(), "null")
        } else if index + 1 == chunks {
            ("[]".to_owned(), r#"{"prompt_tokens":212,"completion_tokens":97,"total_tokens":309}"#)
        } else if index + 2 == chunks {
            (r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#.to_owned(), "null")
        } else {
            (format!(r#"[{{"index":0,"delta":{{"content":" {}"}},"finish_reason":null}}]"#, words.next()), "null")
        };
        let mut event = format!(
            "data: {{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":{choices},\"usage\":{usage}}}\n\n",
            std::str::from_utf8(SLOT).unwrap_or_default()
        );
        let is_last = index + 1 == chunks;
        if is_last {
            event.push_str("data: [DONE]\n\n");
        }
        body_bytes += event.len();
        bytes.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
        if is_last {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        cuts.push(bytes.len());
    }
    Template::new(bytes, cuts, body_bytes)
}

/// `before`, words, `after`: exactly `total` bytes.
fn filled(before: &str, after: &str, total: usize, seed: u64) -> Vec<u8> {
    let mut body = String::with_capacity(total + 16);
    body.push_str(before);
    let mut words = Words(seed);
    let end = total - after.len();
    while body.len() < end {
        body.push_str(words.next());
        body.push(' ');
    }
    body.truncate(end);
    body.push_str(after);
    body.into_bytes()
}

/// Words in an order that depends on the seed only.
struct Words(u64);

impl Words {
    fn next(&mut self) -> &'static str {
        const WORDS: [&str; 48] = [
            "the",
            "gateway",
            "keeps",
            "a",
            "record",
            "of",
            "every",
            "conversation",
            "and",
            "passes",
            "its",
            "bytes",
            "on",
            "to",
            "an",
            "upstream",
            "that",
            "answers",
            "with",
            "tokens",
            "model",
            "prompt",
            "please",
            "explain",
            "how",
            "this",
            "function",
            "works",
            "when",
            "input",
            "is",
            "empty",
            "return",
            "value",
            "error",
            "because",
            "stream",
            "ends",
            "before",
            "first",
            "event",
            "number",
            "of",
            "lines",
            "written",
            "table",
            "search",
            "index",
        ];
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(self.0 >> 33) as usize % WORDS.len()]
    }
}

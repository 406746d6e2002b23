//! Which conversation a request belongs to: by a key that the client sends, else by how the conversation opens.
//!
//! Start reading at [`session_key`].
//!
//! **Invariant:** nothing here is random: the same request gives the same key and the same hash on every replica and in
//! every version. **May import:** std, `openai::scan`.

use crate::openai::scan::{elements, member, members, string_value};

/// Headers in which clients name their session, the first one present counts.
const HEADERS: &[&str] = &[
    "x-session-id",
    "x-claude-code-session-id",
    "session-id",
    // Codex
    "session_id",
    "x-litellm-session-id",
    "helicone-session-id",
    "agent-session-id",
    // opencode
    "x-session-affinity",
];

/// Longer keys are no keys.
const MAX_KEY_BYTES: usize = 1024;

/// The session that the client names, in a header or in a field of the body (`metadata.user_id`, `session_id`,
/// `prompt_cache_key`, `conversation`). `header` looks a header up by its lower-case name.
pub fn session_key<'a>(header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Option<String> {
    let usable = |key: &&str| !key.is_empty() && key.len() <= MAX_KEY_BYTES;
    let named = HEADERS.iter().filter_map(|name| header(name)).map(str::trim);
    if let Some(key) = named.into_iter().find(usable) {
        return Some(key.to_owned());
    }
    let mut found: [Option<&[u8]>; 4] = [None; 4];
    for (key, range) in members(body) {
        let value = &body[range];
        match key {
            b"metadata" => found[0] = member(value, b"user_id"),
            b"session_id" => found[1] = Some(value),
            b"prompt_cache_key" => found[2] = Some(value),
            b"conversation" if value.first() == Some(&b'{') => found[3] = member(value, b"id"),
            b"conversation" => found[3] = Some(value),
            _ => {}
        }
    }
    found.into_iter().flatten().filter_map(string_value).find(|key| usable(&key.as_ref())).map(|key| key.into_owned())
}

/// A hash of how the conversation opens: path, model, system prompt, and the messages up to and including the first one
/// of the user. Later turns of the same conversation repeat all that, and so give the same hash.
pub fn opening_hash(path: &str, body: &[u8]) -> u64 {
    // A prompt without messages grows at its end.
    const PROMPT_BYTES: usize = 1024;
    let mut hash = Hash::new();
    hash.add(path.split('?').next().unwrap_or_default().as_bytes());
    // Members may come in any order, and not in the same one each turn.
    let (mut model, mut system, mut messages) = (None, None, None);
    for (key, range) in members(body) {
        match key {
            b"model" => model = Some(range),
            b"system" | b"instructions" => system = Some(range),
            b"messages" | b"input" => messages = Some(range),
            b"prompt" => messages = messages.or(Some(range)),
            _ => {}
        }
    }
    for part in [model, system] {
        hash.add(part.map_or(&[], |range| &body[range]));
    }
    let Some(messages) = messages else {
        return hash.end();
    };
    if body[messages.start] != b'[' {
        let value = &body[messages];
        hash.add(&value[..value.len().min(PROMPT_BYTES)]);
        return hash.end();
    }
    for range in elements(body, messages) {
        let message = &body[range];
        hash.add(message);
        let is_users = match message.first() {
            Some(b'{') => member(message, b"role") == Some(b"\"user\""),
            _ => true,
        };
        if is_users {
            break;
        }
    }
    hash.end()
}

/// Eight bytes a step, folded multiplication: many times faster than FNV over a long system prompt, and as stable.
/// Not for secrets: whoever chooses the input can choose the hash.
struct Hash(u64);

impl Hash {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(Hash::FACTOR);
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(29);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64 ^ Hash::FACTOR);
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            let mut room = [0; 8];
            room.copy_from_slice(word);
            self.word(u64::from_le_bytes(room));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut room = [0; 8];
            room[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(room));
        }
    }

    fn end(mut self) -> u64 {
        self.word(0);
        self.word(0);
        self.0
    }
}

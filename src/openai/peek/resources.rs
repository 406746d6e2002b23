//! Things that live on one upstream only (files, batches, responses, vector stores …): their ids in a request, and the
//! id that a reply announces.
//!
//! Start reading at [`resource_ids`]. What is addressable is taken from the paths of OpenAI's API description: message
//! and step ids are not listed, because they are never addressed without their thread or conversation.
//!
//! **Invariant:** nothing here knows which upstreams exist. **May import:** std, memchr, `openai::scan`.

use memchr::memmem;

use crate::openai::scan::{elements, member, members, skip_space, string_value};

/// The most ids told of one request: nobody acts on more.
const MAX_IDS: usize = 32;

/// Path segments behind which an id stands.
const COLLECTIONS: &[&str] = &[
    "assistants",
    "batches",
    "calls",
    "characters",
    "completions",
    "containers",
    "conversations",
    "evals",
    "file_batches",
    "files",
    "jobs",
    "responses",
    "runs",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
    "voice_consents",
];

/// How ids begin.
const PREFIXES: &[&str] = &[
    "asst_",
    "batch_",
    "cfile_",
    "char_",
    "chatcmpl-",
    "cntr_",
    "cons_",
    "container_",
    "conv_",
    "eval_",
    "evalrun_",
    "file-",
    "file_",
    "ftjob-",
    "resp_",
    "rtc_",
    "run_",
    "skill_",
    "thread_",
    "upload_",
    "video_",
    "vs_",
    "vsfb_",
];

/// Members that hold an id, or several, wherever they stand in a body.
const NESTED: &[&[u8]] = &[b"\"file_id\"", b"\"file_ids\"", b"\"vector_store_ids\"", b"\"container\"", b"\"skill_id\""];

/// The ids that a request names in its path (without `/v1`) or its JSON body, each once, the path's first.
///
/// Useful on the JSON of a reply too: a finished batch names its output file.
pub fn resource_ids(path: &str, body: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut behind_collection = false;
    for segment in path_of(path).split('/') {
        if behind_collection && is_id(segment) {
            add(&mut ids, segment);
        }
        behind_collection = COLLECTIONS.contains(&segment);
    }
    if body.get(skip_space(body, 0)) == Some(&b'{') {
        from_members(body, &mut ids);
        for name in NESTED {
            from_nested(body, name, &mut ids);
        }
    }
    ids
}

fn from_members(body: &[u8], ids: &mut Vec<String>) {
    for (key, range) in members(body) {
        let value = &body[range];
        match key {
            b"previous_response_id"
            | b"response_id"
            | b"conversation"
            | b"conversation_id"
            | b"thread_id"
            | b"assistant_id"
            | b"input_file_id"
            | b"output_file_id"
            | b"error_file_id"
            | b"training_file"
            | b"validation_file"
            | b"result_files"
            | b"batch_id"
            | b"eval_id"
            | b"container_id"
            | b"upload_id"
            | b"video"
            | b"video_id"
            | b"vector_store_id" => from_value(value, ids),
            _ => {}
        }
    }
}

fn from_nested(body: &[u8], name: &[u8], ids: &mut Vec<String>) {
    for at in memmem::find_iter(body, name) {
        let colon = skip_space(body, at + name.len());
        if body.get(colon) == Some(&b':') {
            from_value(&body[skip_space(body, colon + 1)..], ids);
        }
        if ids.len() >= MAX_IDS {
            return;
        }
    }
}

/// The id in a string, in the strings of an array, or in the `id` of an object.
fn from_value(value: &[u8], ids: &mut Vec<String>) {
    match value.first() {
        Some(b'"') => from_string(value, ids),
        Some(b'[') => {
            for range in elements(value, 0..value.len()).take(MAX_IDS) {
                from_string(&value[range], ids);
            }
        }
        Some(b'{') => {
            if let Some(id) = member(value, b"id") {
                from_string(id, ids);
            }
        }
        _ => {}
    }
}

/// The id in the string that `value` begins with; ids are short and have no escapes.
fn from_string(value: &[u8], ids: &mut Vec<String>) {
    const LONGEST: usize = 256;
    let Some(inside) = value.strip_prefix(b"\"") else {
        return;
    };
    let end = memchr::memchr(b'"', &inside[..inside.len().min(LONGEST)]);
    if let Some(Ok(id)) = end.map(|end| std::str::from_utf8(&inside[..end]))
        && is_id(id)
    {
        add(ids, id);
    }
}

fn add(ids: &mut Vec<String>, id: &str) {
    if ids.len() < MAX_IDS && !ids.iter().any(|known| known == id) {
        ids.push(id.to_owned());
    }
}

fn is_id(text: &str) -> bool {
    let known = PREFIXES.iter().filter_map(|prefix| text.strip_prefix(prefix)).any(|rest| !rest.is_empty());
    known && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// The path without its query and without a slash at its end.
fn path_of(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/')
}

/// The id of what a POST to a collection has made, out of the first few KiB of the reply: JSON, or the first event of a
/// stream. `None` when the path makes nothing that stays, or when the reply says that it was not stored.
pub fn created_resource(path: &str, reply_head: &[u8]) -> Option<String> {
    let path = path_of(path);
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let name: &[u8] = match segments[..] {
        [
            "files" | "batches" | "responses" | "vector_stores" | "threads" | "assistants" | "uploads"
            | "conversations" | "containers" | "videos" | "evals" | "skills",
        ] => b"id",
        ["fine_tuning", "jobs"] | ["audio", "voice_consents"] => b"id",
        ["videos", _] | ["videos", _, "remix"] => b"id",
        ["containers" | "vector_stores", _, "files"] | ["evals", _, "runs"] => b"id",
        ["vector_stores", _, "file_batches"] => b"id",
        // A run started together with its thread is addressed through the thread.
        ["threads", "runs"] => b"thread_id",
        ["uploads", _, "complete"] => b"file",
        _ => return None,
    };
    let start = skip_space(reply_head, 0);
    let object = match reply_head.get(start)? {
        b'{' => &reply_head[start..],
        _ => &reply_head[first_event(reply_head)?..],
    };
    announced(object, name)
}

/// Where the data of the first event begins that is a JSON object.
fn first_event(head: &[u8]) -> Option<usize> {
    memmem::find_iter(head, b"data:")
        .filter(|at| *at == 0 || matches!(head[at - 1], b'\n' | b'\r'))
        .map(|at| skip_space(head, at + b"data:".len()))
        .find(|at| head.get(*at) == Some(&b'{'))
}

fn announced(object: &[u8], name: &[u8]) -> Option<String> {
    let mut walk = members(object);
    let mut id = None;
    let mut response = None;
    for (key, range) in walk.by_ref() {
        let value = &object[range];
        match key {
            b"response" => response = Some(value),
            b"store" if value == b"false" => return None,
            _ if key == name => id = Some(value),
            _ => {}
        }
    }
    if let Some((key, start)) = walk.cut() {
        match key {
            b"response" => response = Some(&object[start..]),
            _ if key == name => id = Some(&object[start..]),
            _ => {}
        }
    }
    if let Some(response) = response.filter(|response| response.first() == Some(&b'{')) {
        return announced(response, name);
    }
    let id = match id? {
        file if file.first() == Some(&b'{') => member(file, b"id")?,
        id => id,
    };
    string_value(id).filter(|id| !id.is_empty()).map(|id| id.into_owned())
}

//! What [`crate::openai::peek`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::peek::{Peek, created_resource, opening_hash, peek, resource_ids, session_key};

fn seen(model: &str, stream: bool) -> Peek {
    Peek { model: (!model.is_empty()).then(|| model.to_owned()), in_json: !model.is_empty(), stream }
}

#[test]
fn model_and_stream_are_read_from_json_whatever_the_content_type() {
    let body = br#" {"messages":[{"model":"no","stream":true}],"model":"gpt-4o","stream":true}"#;
    for content_type in ["application/json", "", "text/plain", "multipart/form-data; boundary=x"] {
        assert_eq!(peek(content_type, body), seen("gpt-4o", true));
    }
    for (body, expected) in [
        (r#"{"model":"a","model":"b","stream":true,"stream":false}"#, seen("b", false)),
        (r#"{"model":"","stream":"true"}"#, seen("", false)),
        (r#"{"model":7}"#, seen("", false)),
        (r#"{"model":"a","messages":[{"role":"us"#, seen("a", false)),
        (r#"[{"model":"a"}]"#, seen("", false)),
        ("", seen("", false)),
    ] {
        assert_eq!(peek("application/json", body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn model_and_stream_are_read_from_the_beginning_of_an_upload() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\nRIFF\r\n\
        --B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
        --B\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\nTrue\r\n--B\r\nContent-Disp";
    assert_eq!(peek("multipart/form-data; boundary=B", body), Peek { in_json: false, ..seen("whisper-1", true) });
    assert_eq!(peek("multipart/form-data", body), seen("", false));
}

#[test]
fn ids_are_found_where_the_api_puts_them() {
    for (path, body, expected) in [
        ("/files/file-abc/content?x=file-no", "", &["file-abc"][..]),
        ("/vector_stores/vs_1/file_batches/vsfb_2/files", "", &["vs_1", "vsfb_2"]),
        ("/threads/runs", r#"{"assistant_id":"asst_1","thread":{}}"#, &["asst_1"]),
        ("/threads/thread_1/runs/run_2/steps/step_3", "", &["thread_1", "run_2"]),
        ("/fine_tuning/jobs", r#"{"training_file":"file-1","validation_file":null}"#, &["file-1"]),
        ("/fine_tuning/jobs/ftjob-1/events", "", &["ftjob-1"]),
        ("/responses/resp_1/input_items", "", &["resp_1"]),
        ("/responses/input_tokens", "", &[]),
        ("/chat/completions/chatcmpl-1/messages", "", &["chatcmpl-1"]),
        ("/evals/eval_1/runs/evalrun_2", "", &["eval_1", "evalrun_2"]),
        ("/models/file-abc", "", &[]),
        ("/batches", r#"{"input_file_id":"file-1"}"#, &["file-1"]),
        (
            "/batches/batch_1",
            r#"{"output_file_id":"file-o","error_file_id":"file-e"}"#,
            &["batch_1", "file-o", "file-e"],
        ),
        ("/responses", r#"{"previous_response_id":"resp_1","conversation":"conv_1"}"#, &["resp_1", "conv_1"]),
        ("/responses", r#"{"conversation": {"id":"conv_1"},"previous_response_id":null}"#, &["conv_1"]),
        ("/videos/edits", r#"{"video":{"id":"video_1"}}"#, &["video_1"]),
        (
            "/responses",
            r#"{"input":[{"content":[{"type":"input_file","file_id" : "file-1"},{"type":"input_file","file_id":"file-1"}]}],
            "tools":[{"type":"file_search","vector_store_ids":["vs_1", "vs_2"]},{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-2"]}},
            {"type":"code_interpreter","container":"cntr_1"}]}"#,
            &["file-1", "file-2", "vs_1", "vs_2", "cntr_1"],
        ),
        (
            "/chat/completions",
            r#"{"messages":[{"content":"see file-abc, {\"file_id\":\"file-no\"} \"conversation\""}],"model":"file-x"}"#,
            &[],
        ),
        ("/responses", r#"{"conversation":"auto","file_id":"file-","container":"cntr_cut"#, &["cntr_cut"][..0]),
    ] {
        assert_eq!(resource_ids(path, body.as_bytes()), expected, "{path} {body}");
    }
}

#[test]
fn a_reply_announces_what_was_made() {
    let created = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_7\",\"object\":\"response\",\"instructions\":\"You are";
    for (path, reply, expected) in [
        ("/files", r#"{"id":"file-1","object":"file"}"#, Some("file-1")),
        ("/files/", r#" {"object":"file","id":"file-1","purp"#, Some("file-1")),
        ("/responses", created, Some("resp_7")),
        ("/responses", r#"{"id":"resp_1","output":[{"id":"msg_1"}],"store":false}"#, None),
        ("/responses", r#"{"id":"resp_1","output":[{"id":"msg_1""#, Some("resp_1")),
        ("/threads/runs", r#"{"id":"run_1","thread_id":"thread_1"}"#, Some("thread_1")),
        ("/uploads/upload_1/complete", r#"{"id":"upload_1","file":{"id":"file-9"}}"#, Some("file-9")),
        ("/fine_tuning/jobs", r#"{"id":"ftjob-1"}"#, Some("ftjob-1")),
        ("/videos/video_1/remix", r#"{"id":"video_2"}"#, Some("video_2")),
        ("/vector_stores/vs_1/search", r#"{"id":"x"}"#, None),
        ("/chat/completions", r#"{"id":"chatcmpl-1"}"#, None),
        ("/files", r#"{"error":{"message":"m"}}"#, None),
        ("/files", "", None),
        ("/files", "not json", None),
    ] {
        assert_eq!(created_resource(path, reply.as_bytes()).as_deref(), expected, "{path} {reply}");
    }
}

#[test]
fn the_session_is_a_header_before_it_is_a_field() {
    let body = br#"{"prompt_cache_key":"p","metadata":{"user_id":"u"},"conversation":{"id":"conv_1"}}"#;
    let header = |known: &'static str| move |name: &str| (name == known).then_some(" h ");
    assert_eq!(session_key(header("x-session-id"), body).as_deref(), Some("h"));
    assert_eq!(session_key(header("session_id"), b"").as_deref(), Some("h"));
    assert_eq!(session_key(header("x-other"), body).as_deref(), Some("u"));
    for (body, expected) in [
        (r#"{"prompt_cache_key":"p","session_id":"s"}"#, Some("s")),
        (r#"{"prompt_cache_key":"p","session_id":""}"#, Some("p")),
        (r#"{"conversation":{"id":"conv_1"}}"#, Some("conv_1")),
        (r#"{"conversation":"conv_1","metadata":null}"#, Some("conv_1")),
        (r#"{"metadata":{"user_id":7}}"#, None),
        ("", None),
    ] {
        assert_eq!(session_key(|_| None, body.as_bytes()).as_deref(), expected, "{body}");
    }
    let long = format!(r#"{{"session_id":"{}"}}"#, "x".repeat(1025));
    assert_eq!(session_key(|_| None, long.as_bytes()), None);
}

#[test]
fn later_turns_of_a_conversation_open_alike() {
    let hash = |body: &str| opening_hash("/chat/completions", body.as_bytes());
    let first = hash(r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}"#);
    let later = r#"{"messages":[{"role":"system","content":"s"}, {"role":"user","content":"hi"},{"role":"assistant","content":"yes"},{"role":"user","content":"more"}],"stream":true,"model":"m"}"#;
    assert_eq!(hash(later), first);
    for other in [later.replace("\"m\"", "\"n\""), later.replace("\"s\"", "\"t\""), later.replace("\"hi\"", "\"ho\"")] {
        assert_ne!(hash(&other), first, "{other}");
    }
    assert_ne!(opening_hash("/responses", later.as_bytes()), first);

    let input = |input: &str| {
        opening_hash("/responses", format!(r#"{{"model":"m","instructions":"i","input":{input}}}"#).as_bytes())
    };
    assert_eq!(
        input(r#"[{"role":"user","content":"a"}]"#),
        input(r#"[{"role":"user","content":"a"},{"type":"message"}]"#)
    );
    assert_ne!(input(r#""a""#), input(r#""b""#));
}

#[test]
fn the_opening_hash_is_the_same_on_every_machine_and_in_every_version() {
    let body = br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;
    assert_eq!(opening_hash("/chat/completions", body), 4_272_519_643_026_654_411);
}

#[test]
fn no_bytes_make_it_panic() {
    let mut chance = Chance::new(7);
    for _ in 0..10_000 {
        let body =
            chance.bytes(br#"{"model":"file_id":["file-1"],"input":{}"messages":[{"role":"user"}]}data:\u"#, 120);
        peek("multipart/form-data; boundary=\"", &body);
        resource_ids("/files/file-1", &body);
        created_resource("/responses", &body);
        session_key(|_| None, &body);
        opening_hash("/responses", &body);
    }
}

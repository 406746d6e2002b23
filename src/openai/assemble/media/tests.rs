//! What [`crate::openai::assemble::media`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::assemble::tests::{assembled, reply};

#[test]
fn a_transcription_ends_with_its_whole_text() {
    let deltas = [
        r#"{"type":"transcript.text.delta","delta":"I see","logprobs":[{"token":"I"}]}"#,
        r#"{"type":"transcript.text.delta","delta":" skies"}"#,
    ];
    assert_eq!(reply(&deltas), r#"{"text":"I see skies","logprobs":[{"token":"I"}]}"#);
    assert!(!assembled(&deltas).ended);
    let whole = assembled(&[
        deltas[0],
        r#"{"type":"transcript.text.segment","id":"seg_1","start":5.2,"text":"I","speaker":"A"}"#,
        r#"{"type":"transcript.text.done","text":"I see skies.","usage":{"type":"tokens","input_tokens":14,"output_tokens":31}}"#,
    ]);
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"text":"I see skies.","logprobs":[{"token":"I"}],"segments":[{"type":"transcript.text.segment","id":"seg_1","start":5.2,"text":"I","speaker":"A"}],"usage":{"type":"tokens","input_tokens":14,"output_tokens":31}}"#
    );
    assert!(whole.ended);
    assert_eq!(whole.facts.usage.output, Some(31));
}

#[test]
fn the_finished_image_takes_the_place_of_its_previews() {
    let preview = r#"{"type":"image_generation.partial_image","b64_json":"AA","created_at":7,"size":"1024x1024","partial_image_index":0}"#;
    assert_eq!(reply(&[preview]), r#"{"created":7,"size":"1024x1024","data":[{"b64_json":"AA"}]}"#);
    let whole = assembled(&[
        preview,
        r#"{"type":"image_generation.completed","b64_json":"BB","created_at":8,"size":"1024x1024","usage":{"input_tokens":5,"output_tokens":6}}"#,
    ]);
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"created":8,"size":"1024x1024","usage":{"input_tokens":5,"output_tokens":6},"data":[{"b64_json":"BB"}]}"#
    );
    assert!(whole.ended);
}

#[test]
fn speech_is_joined() {
    let whole = assembled(&[
        r#"{"type":"speech.audio.delta","audio":"AA"}"#,
        r#"{"type":"speech.audio.delta","audio":"BB"}"#,
        r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101}}"#,
    ]);
    assert_eq!(
        String::from_utf8(whole.reply).unwrap(),
        r#"{"audio":"AABB","usage":{"input_tokens":14,"output_tokens":101}}"#
    );
    assert!(whole.ended);
}

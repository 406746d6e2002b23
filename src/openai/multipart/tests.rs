//! What [`crate::openai::multipart`] promises. **Invariant:** every expectation is literal. **May import:** the room.

use crate::openai::chance::Chance;
use crate::openai::multipart::{MAX_HEADER_BYTES, MAX_PARTS, MAX_VALUE_BYTES, Summary};

const TYPE: &str = "multipart/form-data; boundary=XX";

fn summary<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut summary = Summary::new(content_type).unwrap();
    for piece in pieces {
        summary.push(piece);
    }
    String::from_utf8(summary.finish()).unwrap()
}

fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--XX\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn transcription() -> Vec<u8> {
    body(&[
        ("Content-Disposition: form-data; name=\"model\"", b"whisper-1"),
        (
            "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg",
            b"\r\n--X\r\n--XY\r\n\r\r\n-\xff\x00",
        ),
        ("Content-Disposition: form-data; name=\"prompt\"", "你好\r\n--XXX \"q\"".as_bytes()),
        ("Content-Disposition: form-data; name=\"empty\"", b""),
    ])
}

const TRANSCRIPTION: &str = r#"{"multipart":[{"name":"model","value":"whisper-1"},{"name":"file","filename":"a.mp3","content_type":"audio/mpeg","bytes":19},{"name":"prompt","value":"你好\r\n--XXX \"q\""},{"name":"empty","value":""}]}"#;

#[test]
fn fields_come_with_values_and_files_with_sizes() {
    assert_eq!(summary(TYPE, [&transcription()[..]]), TRANSCRIPTION);
}

#[test]
fn every_way_of_cutting_gives_the_same_summary() {
    let body = transcription();
    assert_eq!(summary(TYPE, body.chunks(1)), TRANSCRIPTION);
    for first in 0..body.len() {
        assert_eq!(summary(TYPE, [&body[..first], &body[first..]]), TRANSCRIPTION, "cut at {first}");
    }
    let mut chance = Chance::new(5);
    for _ in 0..500 {
        assert_eq!(summary(TYPE, chance.pieces(&body, 40)), TRANSCRIPTION);
    }
}

#[test]
fn a_body_without_its_closing_boundary_is_incomplete() {
    let body = transcription();
    let cut = &body[..body.len() - b"--\r\n".len()];
    assert!(summary(TYPE, [cut]).ends_with(r#"{"name":"empty","value":""}],"incomplete":true}"#));
    assert_eq!(summary(TYPE, []), r#"{"multipart":[],"incomplete":true}"#);
    assert_eq!(
        summary(TYPE, [&b"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nhal"[..]]),
        r#"{"multipart":[{"name":"a","value":"hal"}],"incomplete":true}"#
    );
}

#[test]
fn what_stands_before_the_first_and_after_the_last_boundary_is_left_out() {
    let mut whole = b"preamble --XX\r\n".to_vec();
    whole.extend(transcription());
    whole.extend_from_slice(b"--XX\r\n\r\nepilogue\r\n--XX--");
    assert_eq!(summary(TYPE, [&whole[..]]), TRANSCRIPTION);
}

#[test]
fn a_long_value_is_kept_to_its_limit_with_a_mark_and_the_true_size() {
    let long = vec![b'a'; MAX_VALUE_BYTES + 1];
    let exact = vec![b'b'; MAX_VALUE_BYTES];
    let name = "Content-Disposition: form-data; name=v";
    let body = body(&[(name, &long), (name, &exact)]);
    for pieces in [vec![&body[..]], body.chunks(4096).collect()] {
        let told = summary(TYPE, pieces);
        assert!(told.contains(&format!(r#"a","cut":true,"bytes":{}}}"#, MAX_VALUE_BYTES + 1)));
        assert!(told.ends_with("b\"}]}"));
        assert!(told.contains(&"a".repeat(MAX_VALUE_BYTES)) && !told.contains(&"a".repeat(MAX_VALUE_BYTES + 1)));
    }
}

#[test]
fn a_part_is_a_file_by_its_name_or_by_a_type_that_is_no_text() {
    let body = body(&[
        ("content-disposition: form-data; name=\"a\"\r\ncontent-type: application/octet-stream", b"123"),
        ("Content-Disposition: form-data; name=\"b\"\r\nContent-Type: text/plain; charset=utf-8", b"123"),
        ("Content-Disposition: form-data; name=\"c\"\r\nContent-Type: application/json", b"{}"),
        ("Content-Disposition: form-data; filename*=UTF-8''%e4%bd%a0.txt; name=d", b"123"),
        ("Content-Disposition: form-data; name=\"e\\\"\"; filename=\"C:\\dir\\f;g.txt\"", b""),
        ("X: y", b"?"),
    ]);
    assert_eq!(
        summary(TYPE, [&body[..]]),
        r#"{"multipart":[{"name":"a","content_type":"application/octet-stream","bytes":3},{"name":"b","value":"123"},{"name":"c","value":"{}"},{"name":"d","filename":"你.txt","bytes":3},{"name":"e\"","filename":"C:\\dir\\f;g.txt","bytes":0},{"name":"","value":"?"}]}"#
    );
}

#[test]
fn the_boundary_is_read_quoted_or_not_and_in_any_case() {
    let body = b"--a b\r\n\r\n1\r\n--a b--";
    for content_type in ["Multipart/Form-Data; charset=x; Boundary=\"a b\"", "multipart/form-data;boundary=a b; x=y"] {
        assert_eq!(summary(content_type, [&body[..]]), r#"{"multipart":[{"name":"","value":"1"}]}"#);
    }
    for content_type in ["", "application/json; boundary=x", "multipart/form-data", "multipart/form-data; boundary="] {
        assert!(Summary::new(content_type).is_none(), "{content_type}");
    }
}

#[test]
fn names_and_values_that_are_no_utf8_are_read_lossily() {
    let body = b"--XX\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\xfe\r\n--XX--";
    assert_eq!(summary(TYPE, [&body[..]]), "{\"multipart\":[{\"name\":\"\u{fffd}\",\"value\":\"\u{fffd}\"}]}");
}

#[test]
fn endless_heads_and_countless_parts_cost_no_memory() {
    let endless = [b"--XX\r\n".to_vec(), vec![b'h'; MAX_HEADER_BYTES + 1]].concat();
    let mut summary_of = Summary::new(TYPE).unwrap();
    summary_of.push(&endless);
    summary_of.push(&endless);
    assert_eq!(summary_of.carry.len(), 0);
    assert_eq!(summary_of.finish(), br#"{"multipart":[],"incomplete":true}"#);

    let many = body(&vec![("Content-Disposition: form-data; name=n", &b"v"[..]); MAX_PARTS + 7]);
    assert!(summary(TYPE, many.chunks(1000)).ends_with(r#"{"name":"n","value":"v"}],"more_parts":7}"#));
}

#[test]
fn random_bodies_never_panic_and_give_the_same_in_any_pieces() {
    let mut chance = Chance::new(6);
    for _ in 0..3_000 {
        let body = chance.bytes(b"--XX--XX\r\n\r\n\r\nContent-Disposition: ;name=\"filename=\"", 200);
        let whole = summary(TYPE, [&body[..]]);
        assert_eq!(summary(TYPE, chance.pieces(&body, 9)), whole, "{body:?}");
    }
}

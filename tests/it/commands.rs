//! The curl command of a recorded request, run by a shell: the upstream gets once more what it got.

use std::fs;
use std::process::Command;

use crate::support::KEY;
use crate::support::client::Call;
use crate::support::database::{Folder, Kind};
use crate::support::gateway::Gateway;
use crate::support::reply::Reply;
use crate::support::upstream::{FakeUpstream, Seen};
use crate::support::visitor::Visitor;

/// The boundary of an upload, and its body with another one.
fn with_boundary(seen: &Seen, boundary: &str) -> String {
    let kind = seen.head.get("content-type").expect("a content type");
    let own = kind.strip_prefix("multipart/form-data; boundary=").unwrap_or_else(|| panic!("{kind} is an upload's"));
    seen.text().replace(own, boundary)
}

/// Runs the command in a folder of its own that has these files.
fn run(command: &str, files: &[(&str, &str)]) {
    let folder = Folder::new();
    for (name, content) in files {
        fs::write(folder.file(name), content).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(&folder.0).env("OPENAI_API_KEY", KEY).env("NO_PROXY", "*");
    let ran = shell.output().expect("a shell is there");
    assert!(ran.status.success(), "{command}\n{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn an_upload_is_sent_again_by_its_command_and_the_files_it_names() {
    let upstream = FakeUpstream::always(Reply::json(200, r#"{"text":"It rains."}"#));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let field =
        |name: &str, value: &str| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = |name: &str, content: &str| {
        format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: audio/wav\r\n\r\n{content}\r\n"
        )
    };
    let body = [
        field("model", "whisper-1"),
        field("prompt", "it's \"quoted\", $(id) `id`\nand 天气; @/etc/passwd;type=x"),
        file("my speech; take 1.wav", "RIFF first"),
        file("../../speech.wav", "RIFF second"),
        "--XX--\r\n".to_owned(),
    ]
    .concat();
    let call = Call::new("POST", "/v1/audio/transcriptions").header("Content-Type", "multipart/form-data; boundary=XX");
    assert_eq!(gateway.send(call.body(&body)).status, 200);
    let id = gateway.record().number("id");
    let command = Visitor::log_in(&gateway).page(&format!("/admin/requests/{id}/curl"));
    let names: Vec<&str> = command.split("=@\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(names, [format!("request-{id}-3-myspeechtake1.wav"), format!("request-{id}-4-....speech.wav")]);
    for name in &names {
        assert!(command.lines().any(|line| line.starts_with("# Put the file") && line.contains(name)), "{command}");
    }
    run(&command, &[(names[0], "RIFF first"), (names[1], "RIFF second")]);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(with_boundary(&seen[1], "XX"), body);
}

#[test]
fn another_body_is_sent_again_with_the_content_type_it_had() {
    let upstream = FakeUpstream::always(Reply::json(200, "{}"));
    let gateway = Gateway::with(Kind::Sqlite, [upstream.row("a")]);
    let call = Call::new("POST", "/v1/notes").header("Content-Type", "text/plain; charset=utf-8");
    assert_eq!(gateway.send(call.body("it's a note\nEND")).status, 200);
    let id = gateway.record().number("id");
    run(&Visitor::log_in(&gateway).page(&format!("/admin/requests/{id}/curl")), &[]);
    let seen = upstream.seen();
    assert_eq!(seen[1].head.get("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(seen[1].text().trim_end(), seen[0].text());
}

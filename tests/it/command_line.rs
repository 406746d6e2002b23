//! Records on the command line: `-search` prints them, `-export` writes them into a file, while the server runs.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::client::Call;
use crate::support::database::Kind;
use crate::support::gateway::Gateway;
use crate::support::on_both;
use crate::support::program::{Program, Said};
use crate::support::reply::Reply;
use crate::support::samples::COMPLETION;
use crate::support::upstream::FakeUpstream;

fn ask(gateway: &Gateway, question: &str) {
    let body = format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":{question:?}}}]}}"#);
    assert_eq!(gateway.send(Call::post("/v1/chat/completions", &body)).status, 200);
}

fn run(gateway: &Gateway, args: &[&str]) -> Said {
    let all: Vec<&str> = ["-database", &gateway.database.location].into_iter().chain(args.iter().copied()).collect();
    Program::run(gateway.folder(), &all, &[])
}

/// What the program draws on a terminal (of `script`, a part of every Linux).
fn on_a_terminal(gateway: &Gateway, args: &str) -> String {
    let program = env!("CARGO_BIN_EXE_openai-api-route");
    let command = format!("{program} -database '{}' {args}", gateway.database.location);
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(gateway.folder()).stdin(Stdio::null());
    let output = script.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn records_are_printed_and_written_into_files(kind: Kind) {
    let upstream = FakeUpstream::always(Reply::json(200, COMPLETION));
    let gateway = Gateway::with(kind, [upstream.row("a")]);
    for question in ["数据库连接失败", "=first question", "second question"] {
        ask(&gateway, question);
    }
    gateway.records_when(3);
    let said = run(&gateway, &["-search", "question"]);
    assert_eq!((said.code, said.out.lines().count()), (Some(0), 2), "{}", said.err);
    assert!(said.out.lines().next().unwrap().ends_with("second question"), "{}", said.out);
    let said = run(&gateway, &["-search", "数据 status:200"]);
    assert!(said.out.trim_end().ends_with("数据库连接失败") && said.out.lines().count() == 1, "{}", said.out);
    let said = run(&gateway, &["-search", "foo:1"]);
    assert!(said.code == Some(1) && said.err.contains("foo"), "{}", said.err);

    let said = run(&gateway, &["-export", "all.jsonl", "-query", "question"]);
    assert_eq!((said.code, said.out.trim()), (Some(0), "2 records are in all.jsonl"), "{}", said.err);
    let lines = fs::read_to_string(gateway.folder().join("all.jsonl")).unwrap();
    let bodies: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["body"].as_str().unwrap().to_owned())
        .collect();
    assert!(bodies.len() == 2 && bodies[1].contains("=first question"), "{bodies:?}");
    let said = run(&gateway, &["-export", "all.csv"]);
    assert_eq!(said.out.trim(), "3 records are in all.csv");
    assert!(fs::read_to_string(gateway.folder().join("all.csv")).unwrap().starts_with("\u{feff}id,created_at,"));
    let said = run(&gateway, &["-export", "examples", "-format", "openai"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let examples = fs::read_to_string(gateway.folder().join("examples")).unwrap();
    assert_eq!(examples.lines().count(), 3);
    assert!(!gateway.folder().join("examples.part").exists());
    // Into a file nothing is drawn; on a terminal a bar grows.
    assert!(!run(&gateway, &["-export", "again.csv"]).err.contains('['));
    let drawn = on_a_terminal(&gateway, "-export again.csv");
    assert!(drawn.contains("[##############################] 3 of 3 records"), "{drawn:?}");
    let said = run(&gateway, &["-export", "x", "-format", "xml"]);
    assert!(said.code == Some(1) && said.err.contains("jsonl, csv, openai"), "{}", said.err);
}

on_both!(records_are_printed_and_written_into_files);

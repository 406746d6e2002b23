//! The house rules that can be read off the sources: openings, lengths, who imports whom, words nobody writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The rooms by height; a room may name only rooms further down, and the pure ones.
const HEIGHTS: [&[&str]; 11] = [
    &["main"],
    &["lib"],
    &["server", "console"],
    &["proxy", "dashboard"],
    &["state"],
    &["roster", "recorder"],
    &["notify"],
    &["metrics"],
    &["db", "connector"],
    &["config"],
    &["error"],
];
/// Who names a room above itself, on purpose: `state` holds the dashboard's memory of who logs in.
const KNOTS: [(&str, &str); 1] = [("state", "dashboard")];
/// The rooms that import nothing of the crate and whom everybody may import.
const PURE: [&str; 4] = ["balance", "openai", "search", "usage"];
/// What stands below a room by height and is still not its business.
const FORBIDDEN: [(&str, &str); 2] = [("proxy", "db"), ("dashboard", "proxy")];
/// What the pure rooms have no use for.
const IMPURE: [&str; 15] = [
    "actix",
    "awc",
    "diesel",
    "log::",
    "tokio",
    "chrono::Utc",
    "chrono::Local",
    "SystemTime",
    "Instant",
    "Mutex",
    "RwLock",
    "Atomic",
    "async ",
    ".await",
    "std::thread",
];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// `src/proxy/relay.rs` and `src/proxy.rs` are in the room `proxy`.
    fn room(&self) -> String {
        let first = self.path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
        first.trim_end_matches(".rs").to_owned()
    }

    /// The lines that are code, with their numbers from 1, without comments.
    fn code(&self) -> Vec<(usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(n, line)| (n + 1, without_comment(line)));
        lines.filter(|(_, line)| !line.trim().is_empty()).collect()
    }

    /// The part before the file's own tests; a file called after tests (`tests.rs`, `testing.rs`) has none.
    fn outside_tests(&self) -> Vec<(usize, &str)> {
        let of_tests = |part: Component<'_>| part.as_os_str().to_str().is_some_and(|part| part.starts_with("test"));
        if self.path.components().any(of_tests) {
            return Vec::new();
        }
        self.code().into_iter().take_while(|(_, line)| line.trim() != "#[cfg(test)]").collect()
    }
}

/// The part of a line before `//`; the slashes of a URL begin no comment.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder)).unwrap().flatten() {
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source { text: fs::read_to_string(entry.path()).unwrap(), path });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() >= 3, "the sources are read");
    found
}

/// Fails with one line per offence.
fn none(offences: Vec<String>) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

/// The rooms of the crate that a line names. `use crate::{…}` would hide some: nobody writes it.
fn rooms_named(line: &str) -> Vec<&str> {
    let after = |prefix: &'static str| line.match_indices(prefix).map(move |(at, _)| &line[at + prefix.len()..]);
    let name = |rest: &str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let found = after("crate::").chain(after("openai_api_route::"));
    found.map(|rest| &rest[..name(rest)]).collect()
}

fn height(room: &str) -> Option<usize> {
    HEIGHTS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let closed = |source: &Source| !source.text.starts_with("//! ");
    none(
        sources()
            .iter()
            .filter(|source| closed(source))
            .map(|source| format!("{}: opens without //!", source.path.display()))
            .collect(),
    );
}

#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    let long = sources()
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > 300);
    none(long.map(|(lines, path)| format!("{}: {lines} lines", path.display())).collect());
}

#[test]
fn the_rooms_that_a_line_names_are_found() {
    for (line, rooms) in [
        ("use crate::db::records::Record;", &["db"][..]),
        ("    let a = crate::error::Error::NotFound; crate::state::x()", &["error", "state"]),
        ("use openai_api_route::config::Config;", &["config"]),
        ("use std::fmt;", &[]),
    ] {
        assert_eq!(rooms_named(line), rooms, "{line}");
    }
    assert_eq!(without_comment("a // crate::db"), "a ");
    assert_eq!(without_comment("\"http://x\" // y"), "\"http://x\" ");
}

#[test]
fn every_room_has_its_place() {
    let known = |room: &str| height(room).is_some() || PURE.contains(&room);
    let strange = sources().into_iter().filter(|source| !known(&source.room()));
    none(strange.map(|source| format!("{}: no place in the import law", source.path.display())).collect());
}

#[test]
fn imports_go_one_way() {
    let mut offences = Vec::new();
    for source in sources() {
        let room = source.room();
        for (number, line) in source.code() {
            for named in rooms_named(line).into_iter().filter(|named| *named != room) {
                // A macro or a function of the crate's root is lib's, which stands above all but main.
                let pair = (room.as_str(), named);
                let allowed = if PURE.contains(&room.as_str()) {
                    false
                } else if PURE.contains(&named) || KNOTS.contains(&pair) {
                    true
                } else {
                    let named_height = height(named).unwrap_or(1);
                    height(&room).is_some_and(|own| own < named_height) && !FORBIDDEN.contains(&pair)
                };
                if !allowed {
                    offences.push(format!("{}:{number}: {room} names {named}", source.path.display()));
                }
            }
        }
    }
    none(offences);
}

#[test]
fn pure_rooms_are_pure() {
    let mut offences = Vec::new();
    for source in sources().into_iter().filter(|source| PURE.contains(&source.room().as_str())) {
        for (number, line) in source.outside_tests() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("{}:{number}: {word}", source.path.display()));
            }
        }
    }
    none(offences);
}

#[test]
fn nobody_writes_these_words() {
    let anywhere = [
        concat!("to", "do!"),
        concat!("db", "g!"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore"),
        "unimplemented!",
        "use super::*",
        "use crate::{",
        "unsafe {",
    ];
    let outside_tests = [".unwrap()", ".expect(", "panic!(", "println!(", "eprintln!("];
    let printing =
        BTreeMap::from([("println!(", ["src/main.rs", "src/lib.rs"]), ("eprintln!(", ["src/main.rs", "src/lib.rs"])]);
    let mut offences = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        for (number, line) in source.text.lines().enumerate() {
            offences.extend(
                anywhere
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{path}:{}: {word}", number + 1)),
            );
        }
        for (number, line) in source.outside_tests() {
            for word in outside_tests {
                let allowed = printing.get(word).is_some_and(|files| files.contains(&path.as_str()));
                if line.contains(word) && !allowed {
                    offences.push(format!("{path}:{number}: {word}"));
                }
            }
        }
    }
    none(offences);
}

#[test]
fn no_file_is_called_after_nothing() {
    let empty = |source: &Source| {
        ["utils", "util", "helpers", "misc", "common"].contains(&source.path.file_stem().unwrap().to_str().unwrap())
    };
    none(sources().iter().filter(|source| empty(source)).map(|source| source.path.display().to_string()).collect());
}

#[test]
fn only_one_room_knows_sql() {
    let mut offences = Vec::new();
    for source in sources().into_iter().filter(|source| source.room() != "db") {
        for (number, line) in source.code() {
            if line.contains("diesel") {
                offences.push(format!("{}:{number}: {}", source.path.display(), line.trim()));
            }
        }
    }
    none(offences);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

//! What is found is what reading every record finds, indexed or not, merged or not. **May import:** the room.

use std::time::{Duration, Instant};

use crate::db::Connection;
use crate::db::find::{Cursor, Groups, Search, facets, find, groups, histogram};
use crate::db::index::{advance, docs, segments, tidy};
use crate::db::records::{Ending, Facts, NewRecord, Store, Texts, rows_after};
use crate::db::testing::{Folder, by_hand};
use crate::search::chance::Chance;
use crate::search::segment::{Column, Doc, Name};
use crate::search::{Query, parse};

const WORDS: [&str; 16] = [
    "error",
    "Terror",
    "err",
    "read_file",
    "readable",
    "数据库连接",
    "修复",
    "已修复。",
    "修",
    "ok",
    "connection reset",
    "by peer",
    "C++",
    "-rf",
    "naïve",
    "2026",
];

fn record(chance: &mut Chance, at: i64) -> NewRecord {
    let text = |chance: &mut Chance| (0..chance.below(6)).map(|_| *chance.pick(&WORDS)).collect::<Vec<_>>().join(" ");
    let (system, user, answer) = (text(chance), text(chance), text(chance));
    let body = serde_json::json!({"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}]});
    let reply = serde_json::json!({"choices": [{"message": {"role": "assistant", "content": answer}, "finish_reason": chance.pick(&["stop", "length"])}]});
    let facts = Facts {
        started_us: at * 1_000_000,
        key_name: (*chance.pick(&["alice", "bob"])).to_owned(),
        ip: (*chance.pick(&["10.0.0.1", "10.1.2.3", "::1"])).to_owned(),
        path: "/v1/chat/completions?x=1".to_owned(),
        model: Some((*chance.pick(&["gpt-4o", "GPT-4o-mini", "qwen"])).to_owned()),
        status: *chance.pick(&[200, 200, 200, 404, 502, 499]),
        upstream_id: Some(*chance.pick(&[1, 2])),
        streamed: chance.below(2) == 0,
        first_content_us: (chance.below(3) > 0).then(|| chance.below(1_000_000) as i64),
        total_us: 1_000_000 + chance.below(20_000_000) as i64,
        tokens_in: (chance.below(3) > 0).then(|| chance.below(50_000) as i64),
        tokens_out: (chance.below(3) > 0).then(|| chance.below(5_000) as i64),
        attempts: r#"[{"upstream_id":1}]"#.to_owned(),
        ending: *chance.pick(&[Ending::Complete, Ending::Complete, Ending::Cut, Ending::Left]),
        error: (chance.below(5) == 0).then(|| "connection reset by peer".to_owned()),
        ..Facts::default()
    };
    let texts = Texts {
        body: Some(body.to_string().into_bytes()),
        response: Some(reply.to_string().into_bytes()),
        ..Texts::default()
    };
    NewRecord { facts, texts, ..NewRecord::default() }
}

pub(super) fn search(query: &str) -> Search {
    let query = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    Search { query, from_us: None, to_us: None, deadline: Instant::now() + Duration::from_secs(60) }
}

/// Whether a document matches, found out without an index.
pub(super) fn matches(doc: &Doc, query: &Query) -> bool {
    use crate::search::{NameField, NumberField, Side, What};
    let number = |column: Column| doc.numbers[column as usize];
    let has =
        |kind: Name, is_it: &dyn Fn(&str) -> bool| doc.names.iter().any(|(name, value)| *name == kind && is_it(value));
    query.clauses.iter().all(|clause| {
        let holds = match &clause.what {
            What::Text { side, terms } => doc.texts.iter().any(|(bit, text)| {
                let of_side = match side {
                    Side::Any => true,
                    Side::User => *bit == 1,
                    Side::Assistant => *bit == 2,
                    Side::System => *bit == 4,
                    Side::Error => *bit == 16,
                };
                of_side && terms.iter().any(|term| term.is_in(text))
            }),
            What::Name { field: NameField::Model, patterns } => {
                has(Name::Model, &|value| patterns.iter().any(|pattern| pattern.matches(&value.to_ascii_lowercase())))
            }
            What::Name { field: NameField::Upstream, patterns } => {
                let named = |id: &str| if id == "1" { "first" } else { "second" };
                has(Name::Upstream, &|id| {
                    patterns.iter().any(|pattern| pattern.matches(id) || pattern.matches(named(id)))
                })
            }
            What::Number { field, ranges } => {
                let value = match field {
                    NumberField::Status => number(Column::Status),
                    NumberField::Total => number(Column::Total),
                    NumberField::In => number(Column::TokensIn),
                    NumberField::TokensPerSecond => {
                        let streamed = has(Name::Is, &|word| word == "stream");
                        let took = number(Column::FirstContent).map(|first| number(Column::Total).unwrap() - first);
                        number(Column::TokensOut)
                            .zip(took.filter(|took| streamed && *took > 0))
                            .map(|(tokens, took)| tokens * 1_000_000_000 / took)
                    }
                    other => panic!("{other:?}"),
                };
                value.is_some_and(|value| ranges.iter().any(|range| range.contains(value)))
            }
            What::Ip(networks) => {
                has(Name::Ip, &|ip| networks.iter().any(|network| network.contains(ip.parse().unwrap())))
            }
            What::Is(values) => {
                has(Name::Is, &|word| values.iter().any(|value| format!("{value:?}").eq_ignore_ascii_case(word)))
            }
            other => panic!("{other:?}"),
        };
        holds != clause.negated
    })
}

const QUERIES: [&str; 34] = [
    "",
    "error",
    "err",
    "ror",
    "file",
    "\"read_file\"",
    "修复",
    "修",
    "库连",
    "数据库连接",
    "\"connection reset\"",
    "\"reset by\"",
    "-error",
    "-\"connection reset\"",
    "user:err",
    "assistant:修复",
    "system:ok",
    "error:reset",
    "error:\"reset by peer\"",
    "\"c++\"",
    "\"-rf\"",
    "naïve ok",
    "model:gpt-4o",
    "model:gpt-4o*,qwen -status:200",
    "upstream:second",
    "upstream:1",
    "status:>=400",
    "status:4xx err",
    "total:>10s in:..30k",
    "tps:>200",
    "ip:10.0.0.0/8",
    "is:error",
    "is:stream -is:aborted",
    "text:修复,ok status:200",
];

pub(super) fn stored(count: i64) -> (Folder, Connection, Store, Chance) {
    let folder = Folder::new();
    let mut conn = folder.open().database.connect().unwrap();
    by_hand(
        &folder.file("db.sqlite"),
        "INSERT INTO openai_upstreams (id, sk, endpoint, name) VALUES (1, 'a', 'https://a/v1', 'First'), (2, 'b', 'https://b/v1', 'Second')",
    );
    let (mut store, mut chance) = (Store::default(), Chance::new(5));
    for from in (0..count).step_by(50) {
        let batch: Vec<NewRecord> = (from..(from + 50).min(count)).map(|at| record(&mut chance, at)).collect();
        store.insert(&mut conn, &batch, None).unwrap();
    }
    (folder, conn, store, chance)
}

pub(super) fn all(conn: &mut Connection) -> Vec<Doc> {
    let rows = rows_after(conn, 0, 100_000).unwrap();
    docs(conn, &rows).unwrap()
}

fn compare(conn: &mut Connection) {
    let docs = all(conn);
    for query in QUERIES {
        let search = search(query);
        let expected: Vec<i64> =
            docs.iter().rev().filter(|doc| matches(doc, &search.query)).map(|doc| doc.numbers[0].unwrap()).collect();
        let (mut found, mut cursor) = (Vec::new(), Cursor::Newest);
        loop {
            let page = find(conn, &search, cursor, 170).unwrap();
            assert_eq!(
                (page.count as usize, page.count_capped, page.searched_to),
                (expected.len(), false, None),
                "{query}"
            );
            found.extend(page.rows.iter().map(|row| row.id));
            let Some(last) = page.rows.last().filter(|_| page.has_older) else { break };
            cursor = Cursor::Before(last.id);
        }
        assert_eq!(found, expected, "{query}");
        if expected.len() > 20 {
            let newer = find(conn, &search, Cursor::After(expected[15]), 10).unwrap();
            assert_eq!(newer.rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected[5..15], "{query}");
            assert!(newer.has_newer && newer.has_older);
        }
    }
}

#[test]
fn every_query_finds_what_reading_every_record_finds() {
    let (_folder, mut conn, mut store, mut chance) = stored(400);
    compare(&mut conn);
    while advance(&mut conn, 1).unwrap() > 0 {}
    for from in (400..600).step_by(20) {
        let batch: Vec<NewRecord> = (from..from + 20).map(|at| record(&mut chance, at)).collect();
        store.insert(&mut conn, &batch, None).unwrap();
        if from % 40 == 0 {
            advance(&mut conn, 1).unwrap();
        }
    }
    assert!(segments(&mut conn).unwrap().len() > 3);
    compare(&mut conn);
    while tidy(&mut conn, false).unwrap() {}
    compare(&mut conn);
}

#[test]
fn times_narrow_what_is_found_and_what_is_counted() {
    let (_folder, mut conn, ..) = stored(300);
    advance(&mut conn, 1).unwrap();
    let mut some = search("");
    (some.from_us, some.to_us) = (Some(100_000_000), Some(110_000_000));
    let page = find(&mut conn, &some, Cursor::Newest, 5).unwrap();
    assert_eq!(
        page.rows.iter().map(|row| row.facts.started_us / 1_000_000).collect::<Vec<_>>(),
        [109, 108, 107, 106, 105]
    );
    assert_eq!((page.count, page.has_older, page.has_newer), (10, true, false));
    let buckets = histogram(&mut conn, &some, 100_000_000, 5_000_000).unwrap();
    assert_eq!(
        buckets.iter().map(|bucket| (bucket.from_us, bucket.count)).collect::<Vec<_>>(),
        [(100_000_000, 5), (105_000_000, 5)]
    );
    let keys = facets(&mut conn, &some, Name::Key, 10).unwrap();
    assert_eq!(keys.iter().map(|facet| facet.count).sum::<u32>(), 10);
}

#[test]
fn conversations_are_found_by_their_newest_match() {
    let (_folder, mut conn, ..) = stored(120);
    advance(&mut conn, 1).unwrap();
    let search = search("status:200");
    let Groups { groups: first, count, has_older, .. } = groups(&mut conn, &search, Cursor::Newest, 10).unwrap();
    assert!(has_older && first.len() == 10);
    let Groups { groups: second, count: again, has_newer, .. } =
        groups(&mut conn, &search, Cursor::Before(first[9].newest_id), 1000).unwrap();
    assert!(has_newer);
    let back = groups(&mut conn, &search, Cursor::After(second[0].newest_id), 10).unwrap();
    assert_eq!((back.groups, back.has_older, back.has_newer), (first.clone(), true, false));
    assert_eq!((count, first.len() + second.len()), (again, again as usize));
    assert!(second.iter().all(|group| group.newest_id < first[9].newest_id && !first.contains(group)));
}

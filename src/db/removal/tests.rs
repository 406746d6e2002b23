//! What is removed is gone, what is left is whole. **May import:** the room.

use diesel::prelude::{QueryableByName, RunQueryDsl};
use diesel::sql_types::Binary;
use std::time::{Duration, Instant};

use crate::db::Connection;
use crate::db::find::{Cursor, Search, find};
use crate::db::index::{advance, segments, tidy};
use crate::db::records::{Facts, NewRecord, Store, Texts, unpacked};
use crate::db::removal::{
    Depth, REMOVED, expired, give_back, oldest, remove, remove_conversation, remove_groups, size,
};
use crate::db::testing::{Folder, page};
use crate::search::parse;

#[derive(QueryableByName)]
struct Data {
    #[diesel(sql_type = Binary)]
    data: Vec<u8>,
}

struct Kept {
    folder: Folder,
    conn: Connection,
    store: Store,
    records: Vec<NewRecord>,
}

impl Kept {
    fn new() -> Kept {
        let folder = Folder::new();
        let conn = folder.open().database.connect().unwrap();
        Kept { folder, conn, store: Store::default(), records: Vec::new() }
    }

    /// A turn of a conversation: everything said before is sent again. Words named `secret…` stand in one turn only.
    fn turn(&mut self, conversation: usize, turn: usize) {
        let system = format!("{{\"role\":\"system\",\"content\":\"{}\"}}", "shared instructions ".repeat(100));
        let mut messages = vec![system];
        for at in 0..=turn {
            let long = "padding ".repeat(100);
            messages.push(format!("{{\"role\":\"user\",\"content\":\"question secret{conversation}q{at} {long}\"}}"));
            if at < turn {
                messages.push(format!("{{\"role\":\"assistant\",\"content\":\"answer secret{conversation}a{at}\"}}"));
            }
        }
        let body = format!("{{\"messages\":[{}]}}", messages.join(","));
        let reply = format!(
            "{{\"choices\":[{{\"message\":{{\"role\":\"assistant\",\"content\":\"answer secret{conversation}a{turn}\"}}}}]}}"
        );
        let facts = Facts { path: "/v1/chat/completions".to_owned(), status: 200, ..Facts::default() };
        let texts = Texts { body: Some(body.into_bytes()), response: Some(reply.into_bytes()), ..Texts::default() };
        let record = NewRecord { facts, texts, ..NewRecord::default() };
        self.store.insert(&mut self.conn, std::slice::from_ref(&record), None).unwrap();
        self.records.push(record);
    }

    fn settle(&mut self) {
        while advance(&mut self.conn, 1).unwrap() > 0 || tidy(&mut self.conn, false).unwrap() {}
        give_back(&mut self.conn, 1000).unwrap();
    }

    /// The records with these ids, and no others, are there and whole.
    fn are_left(&mut self, ids: &[i64]) {
        let mut all = page(&mut self.conn, None, 1000);
        all.reverse();
        assert_eq!(all.iter().map(|record| record.row.id).collect::<Vec<_>>(), ids);
        for record in all.iter().filter(|record| record.texts.body_note.as_deref() != Some(REMOVED)) {
            assert_eq!(record.texts, self.records[record.row.id as usize - 1].texts);
        }
    }

    fn finds(&mut self, query: &str) -> Vec<i64> {
        let search = Search {
            query: parse(query).unwrap(),
            from_us: None,
            to_us: None,
            deadline: Instant::now() + Duration::from_secs(60),
        };
        find(&mut self.conn, &search, Cursor::Newest, 100).unwrap().rows.iter().map(|row| row.id).collect()
    }

    /// Whether a text is anywhere in the database: in packs, in rows, in the index, in free pages.
    fn holds(&mut self, text: &str) -> bool {
        let packs: Vec<Data> = diesel::sql_query("SELECT data FROM packs").load(&mut self.conn).unwrap();
        let in_packs = packs.iter().any(|pack| has(&unpacked(&pack.data).unwrap(), text));
        let in_files =
            self.folder.files().iter().any(|name| has(&std::fs::read(self.folder.file(name)).unwrap(), text));
        let found = !self.finds(text).is_empty();
        in_packs || in_files || found
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[test]
fn a_removed_conversation_is_gone_and_the_others_are_whole() {
    let mut kept = Kept::new();
    for turn in 0..4 {
        kept.turn(1, turn);
        kept.turn(2, turn);
    }
    kept.settle();
    assert!(kept.holds("secret1q0") && kept.holds("secret2a3"));
    // The first owns what both share.
    let removed = remove_conversation(&mut kept.conn, 1, Depth::Record).unwrap();
    assert!(removed.records == 4 && removed.bytes > 0, "{removed:?}");
    assert!(kept.finds("secret1q0").is_empty(), "gone before the index is written again");
    kept.settle();
    kept.are_left(&[2, 4, 6, 8]);
    for text in ["secret1q0", "secret1a0", "secret1q3", "secret1a3"] {
        assert!(!kept.holds(text), "{text}");
    }
    assert_eq!(kept.finds("secret2q1"), [4]);
    // A later conversation with the same instructions finds them where they are.
    kept.turn(3, 0);
    kept.settle();
    remove_conversation(&mut kept.conn, 2, Depth::Record).unwrap();
    kept.settle();
    kept.are_left(&[9]);
    remove_conversation(&mut kept.conn, 9, Depth::Record).unwrap();
    kept.settle();
    kept.are_left(&[]);
    assert!(!kept.holds("shared instructions") && !kept.holds("padding"));
    assert!(segments(&mut kept.conn).unwrap().is_empty());
}

#[test]
fn one_record_goes_and_its_conversation_stays_whole() {
    let mut kept = Kept::new();
    (0..5).for_each(|turn| kept.turn(1, turn));
    remove(&mut kept.conn, &[5], Depth::Record).unwrap();
    kept.settle();
    kept.are_left(&[1, 2, 3, 4]);
    assert!(!kept.holds("secret1q4"));
    // What a later record repeats stays with it.
    remove(&mut kept.conn, &[2], Depth::Record).unwrap();
    kept.settle();
    kept.are_left(&[1, 3, 4]);
    assert!(remove(&mut kept.conn, &[2], Depth::Record).unwrap().records == 0);
}

#[test]
fn bodies_go_and_figures_stay() {
    let mut kept = Kept::new();
    (0..3).for_each(|turn| kept.turn(1, turn));
    kept.turn(2, 0);
    kept.settle();
    remove_conversation(&mut kept.conn, 1, Depth::Bodies).unwrap();
    kept.settle();
    kept.are_left(&[1, 2, 3, 4]);
    assert!(!kept.holds("secret1q1"));
    assert_eq!((kept.finds("has:body"), kept.finds("status:200").len()), (vec![4], 4));
    let removed = page(&mut kept.conn, None, 10).remove(3);
    assert_eq!((removed.texts.body, removed.texts.body_note.as_deref()), (None, Some(REMOVED)));
}

#[test]
fn conversations_have_their_time_as_a_whole_and_the_file_shrinks() {
    let mut kept = Kept::new();
    for turn in 0..3 {
        kept.turn(1, turn);
        kept.turn(2, turn);
    }
    // The first conversation ended before the time, the second goes on after it.
    diesel::sql_query("UPDATE records SET started_us = id").execute(&mut kept.conn).unwrap();
    let found = expired(&mut kept.conn, 6, Depth::Record, 0).unwrap();
    assert_eq!((found.groups, found.looked_to), (vec![vec![1, 3, 5]], None));
    remove(&mut kept.conn, &[1, 3, 5], Depth::Bodies).unwrap();
    assert!(expired(&mut kept.conn, 6, Depth::Bodies, 0).unwrap().groups.is_empty());
    assert_eq!(expired(&mut kept.conn, 6, Depth::Record, 0).unwrap().groups, [[1, 3, 5]]);
    assert_eq!(oldest(&mut kept.conn, 0.0).unwrap(), [[1, 3, 5]]);
    assert_eq!(oldest(&mut kept.conn, 1.0).unwrap(), [[1, 3, 5], [2, 4, 6]]);

    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = (0..4_000_000).map(|_| next()).collect();
    let record = NewRecord { texts: Texts { body: Some(noise), ..Texts::default() }, ..NewRecord::default() };
    let id = kept.store.insert(&mut kept.conn, &[record], None).unwrap()[0];
    let file = kept.folder.file("db.sqlite");
    kept.settle();
    let (full, on_disk) = (size(&mut kept.conn).unwrap(), std::fs::metadata(&file).unwrap().len());
    remove(&mut kept.conn, &[id], Depth::Record).unwrap();
    kept.settle();
    assert!(size(&mut kept.conn).unwrap() < full - 1_000_000);
    assert!(std::fs::metadata(&file).unwrap().len() < on_disk - 1_000_000);
}

#[test]
fn the_index_goes_on_between_the_steps_of_a_removal() {
    let mut kept = Kept::new();
    let record = |at: usize| {
        let body = format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"number{at}x\"}}]}}");
        let texts = Texts { body: Some(body.into_bytes()), ..Texts::default() };
        NewRecord { facts: Facts { status: 200, ..Facts::default() }, texts, ..NewRecord::default() }
    };
    let store = |kept: &mut Kept, records: std::ops::Range<usize>| {
        let records: Vec<NewRecord> = records.map(record).collect();
        kept.store.insert(&mut kept.conn, &records, None).unwrap()
    };
    let old = store(&mut kept, 0..1_000);
    kept.settle();
    let (mut written, mut came) = (Vec::new(), 1_000);
    for step in old.chunks(50).take(10) {
        let groups: Vec<&[i64]> = step.chunks(1).collect();
        remove_groups(&mut kept.conn, &groups, Depth::Record).unwrap();
        store(&mut kept, came..came + 100);
        came += 100;
        assert_eq!(advance(&mut kept.conn, 100).unwrap(), 100, "what came meanwhile is indexed");
        // A segment is written anew now and then, not for each step.
        let first = segments(&mut kept.conn).unwrap()[0].id;
        while tidy(&mut kept.conn, true).unwrap() {}
        written.push(segments(&mut kept.conn).unwrap()[0].id != first);
    }
    let times = written.iter().filter(|written| **written).count();
    assert!((1..=4).contains(&times), "{written:?}");
    assert!(kept.finds("number499x").is_empty() && kept.finds("number500x").len() == 1);
    assert_eq!(kept.finds(&format!("number{}x", came - 1)).len(), 1);
    kept.settle();
    assert!(!kept.holds("number1x") && kept.finds("number999x").len() == 1);
}

#[test]
fn what_was_said_is_not_found_once_it_is_gone_whatever_the_index_still_holds() {
    let mut kept = Kept::new();
    for turn in 0..3 {
        kept.turn(1, turn);
        kept.turn(2, turn);
    }
    while advance(&mut kept.conn, 1).unwrap() > 0 {}
    remove(&mut kept.conn, &[1, 3, 5], Depth::Bodies).unwrap();
    for rewritten in [false, true] {
        let queries: [(&str, &[i64]); 5] = [
            ("secret1q1", &[]),
            ("-secret1q1", &[6, 5, 4, 3, 2, 1]),
            ("has:body", &[6, 4, 2]),
            ("-has:body", &[5, 3, 1]),
            ("has:body,tool", &[6, 4, 2]),
        ];
        for (query, expected) in queries {
            assert_eq!(kept.finds(query), expected, "{query}, {rewritten}");
        }
        while tidy(&mut kept.conn, false).unwrap() {}
    }
}

//! The matches with the greatest figures are those that reading every record gives. **May import:** the room.

use std::time::Instant;

use crate::db::Connection;
use crate::db::find::tests::{all, matches, search, stored};
use crate::db::find::{Cursor, Search, TOP, top};
use crate::db::index::{advance, tidy};
use crate::search::NumberField;
use crate::search::segment::{Column, Doc};

/// Some that the index decides, some that only reading does; some with fewer matches than an order has, some with more.
const QUERIES: [&str; 6] = ["", "status:>=400", "修复", "ror", "\"reset by\"", "-error -is:aborted"];

fn figure(doc: &Doc, by: NumberField) -> Option<i64> {
    let number = |column: Column| doc.numbers[column as usize];
    match by {
        NumberField::Total => number(Column::Total),
        NumberField::FirstContent => number(Column::FirstContent),
        NumberField::Cost => number(Column::Cost),
        NumberField::Tokens => match (number(Column::TokensIn), number(Column::TokensOut)) {
            (None, tokens_out) => tokens_out,
            (Some(tokens_in), tokens_out) => Some(tokens_in + tokens_out.unwrap_or(0)),
        },
        other => panic!("{other:?}"),
    }
}

fn compare(conn: &mut Connection) {
    let docs = all(conn);
    for query in QUERIES {
        let search = search(query);
        let matching: Vec<&Doc> = docs.iter().filter(|doc| matches(doc, &search.query)).collect();
        for by in [NumberField::Total, NumberField::FirstContent, NumberField::Tokens, NumberField::Cost] {
            let mut expected: Vec<(Option<i64>, i64)> =
                matching.iter().map(|doc| (figure(doc, by), doc.numbers[0].unwrap())).collect();
            expected.sort_by(|a, b| b.cmp(a));
            let expected: Vec<i64> = expected.into_iter().map(|(_, id)| id).take(TOP).collect();
            let (mut found, mut cursor) = (Vec::new(), Cursor::Newest);
            loop {
                let page = top(conn, &search, by, cursor, 400).unwrap();
                assert_eq!((page.found.count as usize, page.stopped), (matching.len(), false), "{query} by {by:?}");
                assert_eq!(page.found.has_newer, !found.is_empty(), "{query} by {by:?}");
                found.extend(page.found.rows.iter().map(|row| row.id));
                let Some(last) = page.found.rows.last().filter(|_| page.found.has_older) else { break };
                cursor = Cursor::Before(last.id);
            }
            assert_eq!(found, expected, "{query} by {by:?}");
            if expected.len() > 50 {
                let before = top(conn, &search, by, Cursor::After(expected[40]), 10).unwrap().found;
                assert_eq!(before.rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected[30..40], "{query}");
                assert!(before.has_newer && before.has_older);
            }
        }
    }
}

#[test]
fn the_greatest_of_all_matches_come_first_indexed_or_not() {
    let (_folder, mut conn, ..) = stored(1_300);
    compare(&mut conn);
    advance(&mut conn, 1).unwrap();
    compare(&mut conn);
    while advance(&mut conn, 1).unwrap() > 0 || tidy(&mut conn, false).unwrap() {}
    compare(&mut conn);
}

#[test]
fn a_deadline_cuts_the_order_short_and_says_so() {
    let (_folder, mut conn, ..) = stored(200);
    while advance(&mut conn, 1).unwrap() > 0 {}
    let late = |query: &str| Search { deadline: Instant::now(), ..search(query) };
    let phrase = top(&mut conn, &late("\"reset by\""), NumberField::Total, Cursor::Newest, 10).unwrap();
    assert!(phrase.stopped && phrase.found.rows.is_empty());
    let sure = top(&mut conn, &late("status:200"), NumberField::Total, Cursor::Newest, 10).unwrap();
    assert!(!sure.stopped && sure.found.rows.len() == 10, "what the index decides takes no reading");
}

//! Sums of one side alone, where there were none at first. **May import:** the room.

use diesel::connection::SimpleConnection;

use crate::db::marks;
use crate::db::rollups::{By, Filter, Point, Query, SIDES_FROM, Sample, add, series, totals};
use crate::db::testing::Folder;
use crate::db::{Connection, PooledConnection};

const HOUR_S: i64 = 3600;
/// An hour's beginning in 2026.
const START_S: i64 = 1_790_000_000 / HOUR_S * HOUR_S;

fn run(conn: &mut PooledConnection, sql: &str) {
    let Connection::Sqlite(conn) = &mut **conn else { panic!("SQLite") };
    conn.batch_execute(sql).unwrap();
}

/// What is told of six hours, asked in every way that one side alone can tell.
fn told(conn: &mut PooledConnection) -> Vec<Vec<Point>> {
    let filters = [
        Filter::default(),
        Filter { upstream_id: Some(1), ..Filter::default() },
        Filter { model: Some("b".to_owned()), ..Filter::default() },
        Filter { key_name: Some("k".to_owned()), ..Filter::default() },
        Filter { model: Some("a".to_owned()), key_name: Some("k".to_owned()), ..Filter::default() },
    ];
    let mut all = Vec::new();
    for filter in filters {
        for by in [None, Some(By::Upstream), Some(By::Model), Some(By::Key)] {
            for step_s in [60, 1800, HOUR_S] {
                let (from_us, to_us) = ((START_S + 700) * 1_000_000, (START_S + 6 * HOUR_S - 900) * 1_000_000);
                all.push(series(conn, &Query { from_us, to_us, step_s, filter: filter.clone(), by }).unwrap());
            }
        }
    }
    all
}

#[test]
fn what_was_summed_up_before_there_were_sides_counts_as_well() {
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.get().unwrap();
    let samples: Vec<Sample<'_>> = (0..1_200)
        .map(|n| Sample {
            started_us: (START_S + n * 17) * 1_000_000,
            upstream_id: Some(n % 3).filter(|id| *id > 0),
            model: ["a", "b", ""][(n / 2 % 3) as usize],
            key_name: ["k", "l"][(n / 5 % 2) as usize],
            is_error: n % 7 == 0,
            tokens_in: Some(n),
            total_us: n * 1000,
            ..Sample::default()
        })
        .collect();
    samples.chunks(100).for_each(|batch| add(conn, batch).unwrap());
    let expected = told(conn);
    assert!(expected.iter().filter(|points| points.len() > 3).count() > 40);

    let since_s = START_S + 2 * HOUR_S;
    run(conn, &format!("DELETE FROM rollups_by WHERE kind >= 5 AND bucket_s < {since_s}"));
    assert_ne!(told(conn), expected, "they are asked for");
    marks::set(conn, SIDES_FROM, since_s).unwrap();
    assert_eq!(told(conn), expected, "each hour from where it stands");
    let whole = totals(conn, START_S * 1_000_000, (START_S + 6 * HOUR_S) * 1_000_000, &Filter::default()).unwrap();
    assert_eq!(whole.requests, 1_200);
}

#[test]
fn the_migration_says_from_when_on_there_are_sides() {
    let migration = include_str!("../../../migrations/sqlite/2026-11-29-000040_sums_by_side/up.sql");
    let folder = Folder::new();
    let opened = folder.open();
    let conn = &mut opened.database.get().unwrap();
    run(conn, migration);
    assert_eq!(marks::get(conn, SIDES_FROM).unwrap(), None, "of a new database from the first request on");
    add(conn, &[Sample { started_us: START_S * 1_000_000, ..Sample::default() }]).unwrap();
    run(conn, migration);
    let from_s = marks::get(conn, SIDES_FROM).unwrap().unwrap();
    let ahead_s = from_s - chrono::Utc::now().timestamp();
    assert!(from_s % HOUR_S == 0 && (HOUR_S - 60..=2 * HOUR_S).contains(&ahead_s), "{ahead_s}");
}

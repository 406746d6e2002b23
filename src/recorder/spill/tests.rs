//! The spill file: order, crashes, damage, older files, doubt.

use std::fs;
use std::path::PathBuf;

use crate::db::records::{Facts, NewRecord, Texts};
use crate::recorder::spill::Spill;

fn place(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("oar-spill-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn record(model: &str, body: Option<&[u8]>) -> NewRecord {
    let texts = Texts {
        body: body.map(<[u8]>::to_vec),
        body_note: Some("cut".to_owned()),
        headers: body.map(|_| b"host: a\n".to_vec()),
        ..Texts::default()
    };
    NewRecord { facts: Facts { model: Some(model.to_owned()), ..Facts::default() }, texts, ..NewRecord::default() }
}

#[test]
fn records_come_back_in_order_byte_for_byte_and_the_file_goes() {
    let path = place("order");
    let all = [record("a", Some(b"\x00\xff{}")), record("b", None), record("c", Some(b""))];
    let mut spill = Spill::open(&path);
    spill.append(&all[..2], None, false).unwrap();
    spill.append(&all[2..], None, false).unwrap();
    let (first, ends) = spill.read(2, usize::MAX).unwrap();
    assert_eq!(first, all[..2]);
    assert!(!spill.advance(ends[1]));
    let (rest, ends) = spill.read(2, usize::MAX).unwrap();
    assert_eq!(rest, all[2..]);
    assert!(spill.advance(ends[0]));
    assert!(spill.is_empty() && !path.exists());
}

#[test]
fn what_is_kept_in_memory_comes_in_its_place_and_stands_in_the_file_as_well() {
    let path = place("kept");
    let all: Vec<NewRecord> = (0..6).map(|n| record(&n.to_string(), Some(b"{}"))).collect();
    let mut spill = Spill::open(&path);
    spill.append(&all[..1], None, false).unwrap();
    spill.append(&all[1..3], None, false).unwrap();
    spill.keep(all[1..3].to_vec());
    spill.append(&all[3..4], None, false).unwrap();
    spill.append(&all[4..], None, false).unwrap();
    // Not the neighbours of what is kept: these are read from the file.
    spill.keep(all[4..].to_vec());
    // A file that is no more shows what comes from memory.
    let bytes = fs::read(&path).unwrap();
    let mut read = Vec::new();
    for is_kept in [false, true, true, false, false, false] {
        if is_kept {
            fs::write(&path, b"").unwrap();
            spill.read(1, usize::MAX).unwrap();
            // It was not stored after all.
            fs::write(&path, &bytes).unwrap();
        }
        let (records, ends) = spill.read(1, usize::MAX).unwrap();
        read.extend(records);
        spill.advance(ends[0]);
    }
    assert_eq!(read, all);
    assert!(!path.exists());
}

#[test]
fn half_a_frame_at_the_end_is_taken_off_and_writing_goes_on() {
    let path = place("half");
    Spill::open(&path).append(&[record("a", None), record("b", None)], None, false).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let mut spill = Spill::open(&path);
    spill.append(&[record("c", None)], None, false).unwrap();
    let (rows, ends) = spill.read(10, usize::MAX).unwrap();
    assert_eq!(rows, [record("a", None), record("c", None)]);
    spill.advance(ends[1]);
    assert!(!path.exists());
}

#[test]
fn what_the_database_has_taken_is_not_read_again() {
    let path = place("taken");
    let mut spill = Spill::open(&path);
    spill.append(&[record("a", None), record("b", None)], None, false).unwrap();
    let (_, ends) = spill.read(1, usize::MAX).unwrap();
    let mark = spill.mark().unwrap();
    let mut spill = Spill::open(&path);
    assert_eq!(spill.mark().unwrap(), mark);
    spill.taken(i64::try_from(ends[0]).ok());
    let (rest, _) = spill.read(10, usize::MAX).unwrap();
    assert_eq!(rest, [record("b", None)]);
    fs::remove_file(path).unwrap();
}

#[test]
fn what_may_stand_in_the_database_is_skipped_only_when_it_does() {
    let path = place("doubt");
    let mut spill = Spill::open(&path);
    let mark = spill.mark();
    spill.append(&[record("a", None), record("b", None)], Some(7), true).unwrap();
    spill.append(&[record("c", None)], None, false).unwrap();
    for (noted, first) in [(None, "a"), (Some(-6), "a"), (Some(-7), "c")] {
        let mut spill = Spill::open(&path);
        assert_eq!(spill.mark(), mark, "the name is that of the transactions before the file");
        spill.taken(noted);
        let (rest, _) = spill.read(1, usize::MAX).unwrap();
        assert_eq!(rest, [record(first, None)], "{noted:?}");
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn a_file_that_ends_before_its_first_frame_is_begun_anew() {
    let path = place("begun");
    Spill::open(&path).append(&[record("a", None)], None, false).unwrap();
    let bytes = fs::read(&path).unwrap();
    for kept in [0, 5, 20, 32, 40] {
        fs::write(&path, &bytes[..kept]).unwrap();
        let mut spill = Spill::open(&path);
        assert!(spill.is_empty());
        spill.append(&[record("b", None)], None, false).unwrap();
        assert_eq!(Spill::open(&path).read(9, usize::MAX).unwrap().0, [record("b", None)], "{kept}");
    }
    fs::remove_file(path).unwrap();
}

/// A frame as it was before headers were recorded: its last four bytes say that there are none.
fn without_headers(frame: &[u8]) -> Vec<u8> {
    let rest = &frame[8..frame.len() - 4];
    [&u32::try_from(rest.len()).unwrap().to_le_bytes()[..], &crc32fast::hash(rest).to_le_bytes(), rest].concat()
}

#[test]
fn files_of_older_versions_are_read_from_their_beginning() {
    let path = place("older");
    let mut spill = Spill::open(&path);
    spill.append(&[record("a", None)], None, false).unwrap();
    // Neither a head of the file nor headers in the frame.
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, without_headers(&bytes[32..])).unwrap();
    let mut spill = Spill::open(&path);
    assert_eq!(spill.mark(), None);
    spill.append(&[record("b", None)], None, false).unwrap();
    let (all, ends) = spill.read(10, usize::MAX).unwrap();
    assert_eq!(all, [record("a", None), record("b", None)]);
    assert!(spill.advance(ends[1]));
}

#[test]
fn a_damaged_frame_is_an_error_and_the_file_is_kept_aside() {
    let path = place("damaged");
    Spill::open(&path).append(&[record("a", Some(b"text"))], None, false).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut spill = Spill::open(&path);
    assert_eq!(spill.read(10, usize::MAX).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    let aside = spill.set_aside(7).unwrap();
    assert!(spill.is_empty() && !path.exists());
    assert_eq!(fs::read(&aside).unwrap(), bytes);
    fs::remove_file(aside).unwrap();
}

//! A segment answers as its documents would, built at once or merged. **May import:** the room.

use std::convert::Infallible;

use crate::search::chance::Chance;
use crate::search::segment::bits::Bits;
use crate::search::segment::build::Builder;
use crate::search::segment::merge::{Source, merge};
use crate::search::segment::read::{Reader, Wanted};
use crate::search::segment::{Column, Doc, Kind, Name, Part, after_prefix};
use crate::search::text::{fold, tokens};

fn docs(count: i64) -> Vec<Doc> {
    let mut chance = Chance::new(11);
    let words = ["alpha", "alpine", "beta", "数据库连接", "修复", "ok", "read_file", "Übung", "a"];
    (0..count)
        .map(|at| {
            let mut numbers = [None; Column::ALL.len()];
            numbers[Column::Id as usize] = Some(at * 3 + 5);
            numbers[Column::Total as usize] = (chance.below(4) > 0).then(|| chance.below(1_000_000) as i64);
            numbers[Column::Cost as usize] = Some(-(chance.below(9) as i64));
            let text = |chance: &mut Chance| {
                (0..chance.below(9)).map(|_| words[chance.below(words.len())]).collect::<Vec<_>>().join(" ")
            };
            let texts = (0..chance.below(4)).map(|side| (1 << side, fold(&text(&mut chance)))).collect();
            let names =
                vec![(Name::Model, ["gpt", "gpt-4o", "qwen"][chance.below(3)].to_owned()), (Name::Key, "k".to_owned())];
            Doc { numbers, names, texts }
        })
        .collect()
}

fn build(docs: &[Doc]) -> Vec<Part> {
    let mut builder = Builder::default();
    docs.iter().for_each(|doc| builder.push(doc));
    builder.finish()
}

fn asked<T>(parts: &[Part], docs: u32, ask: impl FnOnce(&mut Reader<'_, Infallible>) -> T) -> T {
    let mut fetch = |wanted: &Wanted| {
        let of_kind: Vec<&Part> = parts.iter().filter(|part| part.kind == wanted.kind).collect();
        let begin = of_kind.iter().rposition(|part| part.key <= wanted.from).unwrap_or(0);
        let kept = of_kind[begin..].iter().filter(|part| wanted.below.as_ref().is_none_or(|below| part.key < *below));
        Ok(kept.map(|part| part.data.clone()).collect())
    };
    let mut reader = Reader::new(docs, &mut fetch);
    let answer = ask(&mut reader);
    assert!(!reader.is_damaged());
    answer
}

fn found(docs: &[Doc], is_it: impl Fn(&Doc) -> bool) -> Vec<u32> {
    (0..docs.len() as u32).filter(|at| is_it(&docs[*at as usize])).collect()
}

fn compare(parts: &[Part], docs: &[Doc]) {
    let count = docs.len() as u32;
    for (token, prefix, sides) in [
        ("alpha", false, 7),
        ("al", true, 7),
        ("al", true, 2),
        ("修复", false, 7),
        ("复", false, 7),
        ("库", true, 1),
        ("zz", true, 7),
        ("übung", false, 7),
    ] {
        let has = |doc: &Doc| {
            doc.texts.iter().filter(|(side, _)| side & sides != 0).any(|(_, text)| {
                let mut any = false;
                tokens(text, |found| any |= &text[found.clone()] == token || prefix && text[found].starts_with(token));
                any
            })
        };
        let bits = asked(parts, count, |reader| reader.token(token, prefix, sides)).unwrap();
        assert_eq!(bits.iter().collect::<Vec<_>>(), found(docs, has), "{token}");
    }
    let bits = asked(parts, count, |reader| reader.name(Name::Model, "gpt", |name| name.ends_with("4o"))).unwrap();
    assert_eq!(bits.iter().collect::<Vec<_>>(), found(docs, |doc| doc.names[0].1 == "gpt-4o"));
    let mut facets = Vec::new();
    asked(parts, count, |reader| {
        reader.facets(Name::Key, &Bits::all(count), |name, docs| facets.push((name.to_owned(), docs)))
    })
    .unwrap();
    assert_eq!(facets, [("k".to_owned(), count)]);
    for column in Column::ALL {
        let values = asked(parts, count, |reader| reader.column(column)).unwrap();
        assert_eq!(values, docs.iter().map(|doc| doc.numbers[column as usize]).collect::<Vec<_>>(), "{column:?}");
    }
}

#[test]
fn a_segment_answers_as_its_documents_would() {
    let docs = docs(3000);
    let parts = build(&docs);
    compare(&parts, &docs);
    assert!(parts.iter().filter(|part| part.kind == Kind::Column).count() == Column::ALL.len());
}

#[test]
fn merged_segments_answer_as_one_and_removed_documents_are_gone() {
    let all = docs(2000);
    let mut removed = Bits::none(700);
    (0..700).filter(|doc| doc % 3 == 0).for_each(|doc| removed.insert(doc));
    let sources = vec![
        Source { parts: build(&all[..700]), docs: 700, removed, textless: Bits::none(700) },
        Source { parts: build(&all[700..1999]), docs: 1299, removed: Bits::none(1299), textless: Bits::none(1299) },
        Source { parts: build(&all[1999..]), docs: 1, removed: Bits::none(1), textless: Bits::none(1) },
    ];
    let (parts, count) = merge(sources).unwrap();
    let left: Vec<Doc> =
        all.iter().enumerate().filter(|(at, _)| *at >= 700 || at % 3 != 0).map(|(_, doc)| doc.clone()).collect();
    assert_eq!(count as usize, left.len());
    compare(&parts, &left);
    assert_eq!(parts, build(&left));
}

#[test]
fn a_prefix_ends_where_no_term_begins_with_it() {
    assert_eq!(after_prefix(b"ab").unwrap(), b"ac");
    assert_eq!(after_prefix(b"a\xff").unwrap(), b"b");
    assert_eq!(after_prefix(b"\xff"), None);
}

//! Folding, tokens and terms against other ways to say the same. **May import:** this room.

use std::collections::BTreeSet;

use crate::search::chance::Chance;
use crate::search::text::{Class, Lookup, MAX_LOOKUPS, MAX_TOKEN_CHARS, Term, class_of, fold, fold_into, tokens};

/// Few of each kind, so that a short term has a fair chance to be in a text.
const ALPHABETS: [&str; 8] = [
    "ab",
    "abA_- ",
    "修复",
    "修复a。 ",
    "aé\u{301}ßſİΣς ",
    "กาa ๆหあーｱ゙한 글1",
    "🙂a修_\u{200d}🙂",
    "aB1é_-. \t\n\u{3000}\u{a0}修复。あกＡ２İΣς\u{301}🙂\"\\",
];

fn term(text: &str) -> Term {
    Term::new(text).unwrap()
}

fn tokens_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let folded = fold(text);
    tokens(&folded, |range| found.push(folded[range].to_owned()));
    found
}

/// Folding, said in the plainest way.
fn plain_fold(text: &str) -> String {
    let mut folded = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_whitespace() {
            folded.extend(c.to_lowercase());
        } else if !chars.peek().is_some_and(|next| next.is_whitespace()) {
            folded.push(' ');
        }
    }
    folded
}

/// Tokens, said in the plainest way.
fn plain_tokens(folded: &str) -> Vec<String> {
    let chars: Vec<char> = folded.chars().collect();
    let mut found = Vec::new();
    for run in chars.chunk_by(|a, b| class_of(*a) == class_of(*b)) {
        match class_of(run[0]) {
            Class::Sign => {}
            Class::Spaced => found.push(run.iter().take(MAX_TOKEN_CHARS).collect()),
            Class::Unspaced => {
                found.extend(run.windows(2).map(|pair| pair.iter().collect()));
                found.extend(run.last().map(char::to_string));
            }
        }
    }
    found
}

/// Containment, said in the plainest way: at some place all characters are the same.
fn plain_is_in(term: &[char], text: &[char]) -> bool {
    let spaced = |c: char| class_of(c) == Class::Spaced;
    text.windows(term.len()).enumerate().any(|(at, window)| {
        let starts_well = !spaced(term[0]) || at == 0 || !spaced(text[at - 1]);
        window == term && starts_well
    })
}

fn satisfied(lookup: &Lookup, index: &BTreeSet<String>) -> bool {
    match lookup.prefix {
        false => index.contains(&lookup.token),
        true => index.range(lookup.token.clone()..).next().is_some_and(|token| token.starts_with(&lookup.token)),
    }
}

#[test]
fn every_character_folds_to_its_lower_case_and_stays_so() {
    for c in '\0'..=char::MAX {
        let text = format!("{c} {c}{c}  b{c}A\u{3000}");
        let folded = fold(&text);
        assert_eq!(folded, plain_fold(&text), "{c:?}");
        assert_eq!(fold(&folded), folded, "{c:?}");
    }
}

#[test]
fn random_texts_fold_as_said() {
    let mut chance = Chance::new(1);
    for alphabet in ALPHABETS {
        let alphabet: Vec<char> = alphabet.chars().chain(" \t\r\n".chars()).collect();
        for round in 0..2_000 {
            let text = chance.text(&alphabet, if round % 4 == 0 { 200 } else { 24 });
            let mut folded = "before ".to_owned();
            fold_into(&text, &mut folded);
            assert_eq!(folded, format!("before {}", plain_fold(&text)), "{text:?}");
        }
    }
}

#[test]
fn a_term_is_in_a_text_as_the_rule_says() {
    for (searched, text, expected) in [
        ("err", "An ERROR", true),
        ("file", "read_file", true),
        ("ror", "error", false),
        ("修复", "已修复。", true),
        ("复", "已修复。", true),
        ("error", "错误error", true),
        ("rror", "错误error", false),
        ("_file", "read_file", true),
        ("d_f", "read_file", false),
        ("read file", "Read \n\t file", true),
        ("a-a", "xa-a-a", true),
        ("über", "ÜBER", true),
        ("ber", "über", false),
        ("２", "1２", false),
        ("i\u{307}", "İ", true),
        ("σ", "ΟΔΟΣ Σ", true),
        ("🙂", "a🙂b", true),
        ("ok", "quick ok", true),
        (" ok", "ok", false),
        ("ｱ", "カｱ", true),
        ("x", "", false),
    ] {
        assert_eq!(term(searched).is_in(&fold(text)), expected, "{searched:?} in {text:?}");
    }
}

#[test]
fn there_is_no_term_without_anything_to_search_for() {
    assert!(["", " ", "\t\u{3000}\n"].into_iter().all(|text| Term::new(text).is_none()));
    assert_eq!(term(" Foo \n Bar ").as_str(), " foo bar ");
}

#[test]
fn all_hits_are_found_and_none_overlaps() {
    assert_eq!(term("a-a").find_in("xa-a-a a-a-a"), [3..6, 7..10]);
    assert_eq!(term("哈哈").find_in("哈哈哈哈哈"), [0..6, 6..12]);
    assert_eq!(term("err").find_in("error terror err"), [0..3, 13..16]);
    assert!(term("x").find_in("").is_empty());
}

#[test]
fn the_tokens_of_a_text_are_words_and_pairs() {
    assert_eq!(tokens_of("Read_file: 已修复 ok修。"), ["read", "file", "已修", "修复", "复", "ok", "修"]);
    assert_eq!(tokens_of("한글 กา🙂é1"), ["한글", "글", "กา", "า", "é1"]);
    assert!(tokens_of(" _-。🙂\u{301}").is_empty());
    let long = "é".repeat(MAX_TOKEN_CHARS + 5);
    assert_eq!(tokens_of(&format!("{long} b")), [&long[..2 * MAX_TOKEN_CHARS], "b"]);
}

#[test]
fn long_texts_have_the_tokens_of_their_characters_one_by_one() {
    let mut chance = Chance::new(3);
    let ascii = "abcdefghijk0123456789 _-";
    for alphabet in ALPHABETS.into_iter().chain([ascii, ascii, "ab ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé修 "]) {
        let alphabet: Vec<char> = alphabet.chars().collect();
        for _ in 0..400 {
            let text = fold(&chance.text(&alphabet, 400));
            assert_eq!(tokens_of(&text), plain_tokens(&text), "{text:?}");
        }
    }
}

#[test]
fn an_index_is_asked_for_what_must_be_there() {
    let long = "a".repeat(MAX_TOKEN_CHARS + 1);
    let word = &long[1..];
    // A token with a star may go on.
    let cases: [(&str, &[&str], bool); 17] = [
        ("err", &["err*"], true),
        ("read_fi", &["read", "fi*"], false),
        ("_fi", &["fi*"], false),
        ("fi_", &["fi"], false),
        ("修", &["修*"], true),
        ("修复", &["修复"], true),
        ("修复了", &["修复", "复了"], false),
        ("修。", &["修"], false),
        ("。修", &["修*"], false),
        ("修复。", &["修复", "复"], false),
        ("修a", &["修", "a*"], false),
        ("a修", &["a", "修*"], false),
        ("哈哈哈哈", &["哈哈"], false),
        ("...", &[], false),
        (" \u{301}🙂", &[], false),
        (word, &[&format!("{word}*")], true),
        (&long, &[word], false),
    ];
    for (searched, lookups, exact) in cases {
        let probes = term(searched).probes();
        let star = |lookup: &Lookup| format!("{}{}", lookup.token, if lookup.prefix { "*" } else { "" });
        assert_eq!(probes.lookups.iter().map(star).collect::<Vec<_>>(), lookups, "{searched}");
        assert_eq!(probes.exact, exact, "{searched}");
    }
    let phrase: String = (0..1_000).map(|n| format!("w{n} ")).collect();
    assert_eq!(term(&phrase).probes().lookups.len(), MAX_LOOKUPS);
}

#[test]
fn short_terms_are_those_an_index_hardly_helps() {
    let short = |text: &str| term(text).is_short();
    assert!(["修", "。", "🙂", "。修", " 修"].into_iter().all(short));
    assert!(!["修复", "a", "修。", "a。", "修a"].into_iter().any(short));
}

#[test]
fn the_index_the_term_and_the_plain_reader_agree_on_random_texts() {
    let mut chance = Chance::new(2);
    let (mut found, mut absent, mut exact) = (0, 0, 0);
    for alphabet in ALPHABETS {
        let alphabet: Vec<char> = alphabet.chars().collect();
        for round in 0..8_000 {
            let text = fold(&chance.text(&alphabet, if round % 10 == 0 { 80 } else { 12 }));
            let longest = if round % 10 == 0 { 40 } else { 4 };
            let Some(term) = Term::new(&chance.text(&alphabet, longest)) else {
                continue;
            };
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let is_in = term.is_in(&text);
            assert_eq!(is_in, plain_is_in(&chars(term.as_str()), &chars(&text)), "{term:?} in {text:?}");
            assert_eq!(term.find_in(&text).is_empty(), !is_in);
            assert!(term.find_in(&text).into_iter().all(|hit| &text[hit] == term.as_str()));
            let mut index = BTreeSet::new();
            tokens(&text, |range| {
                index.insert(text[range].to_owned());
            });
            let probes = term.probes();
            let all = probes.lookups.iter().all(|lookup| satisfied(lookup, &index));
            assert!(all || !is_in, "{term:?} in {text:?} and the index does not find it");
            assert!(!probes.exact || all == is_in, "{term:?} is exact, and is not in {text:?}");
            found += usize::from(is_in);
            absent += usize::from(!is_in);
            exact += usize::from(probes.exact && is_in);
        }
    }
    assert!(found > 5_000 && absent > 5_000 && exact > 2_000, "{found} found, {absent} absent, {exact} exact");
}

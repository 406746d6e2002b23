//! What is wrong with a query, in a page's language. Start at [`said`].
//!
//! **Invariant:** no kind is without words, and the English ones are those of `search`. **May import:** `search`.

use std::fmt::Display;

use crate::dashboard::words::{Key, Lang};
use crate::search::mistake::listed;
use crate::search::{BadFigure, Mistake, NumberField};

/// What is wrong, and what to write instead.
pub(super) fn said(lang: Lang, mistake: &Mistake) -> String {
    let told = |key: Key, args: &[&dyn Display]| lang.tf(key.0, args);
    match mistake {
        Mistake::TooLong(most) => told(Key("wrong.too_long"), &[most]),
        Mistake::Minuses(quoted) => told(Key("wrong.minuses"), &[quoted]),
        Mistake::LoneMinus => told(Key("wrong.lone_minus"), &[]),
        Mistake::EmptyQuotes => told(Key("wrong.empty_quotes"), &[]),
        Mistake::BlankQuotes => told(Key("wrong.blank_quotes"), &[]),
        Mistake::OpenQuote => told(Key("wrong.open_quote"), &[]),
        Mistake::InnerQuote { word, quoted } => told(Key("wrong.inner_quote"), &[word, quoted]),
        Mistake::BehindQuote => told(Key("wrong.behind_quote"), &[]),
        Mistake::Comma(list) => told(Key("wrong.comma"), &[list]),
        Mistake::Reserved(sign) => told(Key("wrong.reserved"), &[sign]),
        Mistake::Denied(instead) => told(Key("wrong.denied"), &[instead]),
        Mistake::Gap => told(Key("wrong.gap"), &[]),
        Mistake::NearField { name, near, quoted } => told(Key("wrong.near_field"), &[name, &listed(near), quoted]),
        Mistake::UnknownField { name, fields, quoted } => {
            told(Key("wrong.unknown_field"), &[name, &listed(fields), quoted])
        }
        Mistake::NoField(quoted) => told(Key("wrong.no_field"), &[quoted]),
        Mistake::NoValue { field, example } => told(Key("wrong.no_value"), &[field, example]),
        Mistake::Compared => told(Key("wrong.compared"), &[]),
        Mistake::Thousands(number) => told(Key("wrong.thousands"), &[number]),
        Mistake::Address(value) => told(Key("wrong.address"), &[value]),
        Mistake::UnknownValue { field, value, values } => {
            told(Key("wrong.unknown_value"), &[field, value, &listed(values)])
        }
        Mistake::Figure { value, figure } => told(Key("wrong.figure"), &[value, &of_figure(lang, figure)]),
        Mistake::NotSummed => told(Key("wrong.not_summed"), &[]),
        Mistake::SummedApart => told(Key("wrong.summed_apart"), &[]),
        Mistake::ShortTerm { term, days } => told(Key("wrong.short_term"), &[term, days]),
    }
}

fn of_figure(lang: Lang, figure: &BadFigure) -> String {
    let told = |key: Key, args: &[&dyn Display]| lang.tf(key.0, args);
    let called = |field: &NumberField| lang.t(called(*field).0);
    match figure {
        BadFigure::NeverExact(field) => told(Key("wrong.never_exact"), &[&called(field)]),
        BadFigure::NoEnd => told(Key("wrong.no_end"), &[]),
        BadFigure::Backwards => told(Key("wrong.backwards"), &[]),
        BadFigure::Never(field) => {
            let (least, most) = BadFigure::ends(*field);
            told(Key("wrong.never"), &[&called(field), &least, &most])
        }
        BadFigure::Beyond(field) => {
            let (least, most) = BadFigure::ends(*field);
            told(Key("wrong.beyond"), &[&called(field), &least, &most])
        }
        BadFigure::Unwritten { field, example } => told(Key("wrong.unwritten"), &[&called(field), example]),
        BadFigure::Negative { field, example } => told(Key("wrong.negative"), &[&called(field), example]),
        BadFigure::Zero => told(Key("wrong.zero"), &[]),
        BadFigure::NeedsUnit { units, number } => told(Key("wrong.needs_unit"), &[&listed(units), number]),
        BadFigure::NoUnit { field, example } => told(Key("wrong.no_unit"), &[&called(field), example]),
        BadFigure::Unit { field, units, example } => {
            told(Key("wrong.unit"), &[&called(field), &listed(units), example])
        }
        BadFigure::Decimals => told(Key("wrong.decimals"), &[]),
    }
}

/// What figures of a field are called in a sentence.
fn called(field: NumberField) -> Key {
    match field {
        NumberField::Status => Key("wrong.a_status"),
        NumberField::FirstContent | NumberField::Total => Key("wrong.a_time"),
        NumberField::Tokens | NumberField::In | NumberField::Out => Key("wrong.tokens"),
        NumberField::TokensPerSecond => Key("wrong.speed"),
        NumberField::Cost => Key("wrong.a_cost"),
        NumberField::Attempts => Key("wrong.attempts"),
        NumberField::Id | NumberField::Conv => Key("wrong.an_id"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::dashboard::mistake::said;
    use crate::dashboard::words::Lang;
    use crate::search::{Mistake, QueryError, parse};

    /// A text for every kind of mistake, and for every name of a figure.
    const WRONG: [&str; 41] = [
        "--verbose",
        "- model:x",
        "model:\"\"",
        "\" \"",
        "a \"b",
        "foo\"bar\"",
        "\"foo\"bar",
        "\"a\",\"b\"",
        "a OR b",
        "status:!404",
        "model:a,,b",
        "modle:x",
        "colour:red",
        "错误：超时",
        "model:",
        "model:>x",
        "in:>32,768",
        "ip:10.*",
        "is:eror",
        "in:1.5",
        "total:..",
        "total:5s..1s",
        "status:>999",
        "status:99",
        "ttft:abc",
        "in:-5",
        "in:007",
        "total:10",
        "attempts:2k",
        "in:5q",
        "cost:0.0000000000000001",
        "status:x",
        "total:x",
        "tokens:x",
        "tps:x",
        "cost:x",
        "attempts:x",
        "id:x",
        "conv:-1",
        "out:x",
        "tps:-1",
    ];

    fn all() -> Vec<Mistake> {
        let long = format!("model:{}", vec!["a"; 201].join(","));
        let typed = WRONG.into_iter().chain([long.as_str()]);
        let mut all: Vec<Mistake> = typed.map(|text| *parse(text).expect_err(text).mistake).collect();
        let short = Mistake::ShortTerm { term: "修".to_owned(), days: 7 };
        for further in [short, Mistake::NotSummed, Mistake::SummedApart] {
            all.push(*QueryError::new("修", 0..3, further).mistake);
        }
        all
    }

    #[test]
    fn every_kind_of_mistake_is_told_in_both_languages_and_in_english_as_programs_get_it() {
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for mistake in all() {
            let english = mistake.to_string();
            assert_eq!(said(Lang::En, &mistake), english);
            let chinese = said(Lang::Zh, &mistake);
            assert!(chinese.chars().any(is_chinese) && chinese.ends_with('。'), "{chinese}");
            assert!(!chinese.contains('{') && !english.contains('{'), "{chinese} {english}");
            // What stands in ticks is to be typed: it is the same in every language.
            let typed =
                |text: &str| -> BTreeSet<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
            assert_eq!(typed(&chinese), typed(&english), "{chinese}");
            let words = chinese.split('`').step_by(2).collect::<String>();
            assert!(!words.contains(" is ") && !words.contains("Write"), "{chinese}");
        }
    }

    #[test]
    fn no_kind_is_left_out_of_that() {
        let english: Vec<String> = all().iter().map(ToString::to_string).collect();
        let words = include_str!("../../templates/words/en.txt").lines();
        for (key, text) in words.filter_map(|line| line.split_once(" = ")).filter(|(key, _)| key.starts_with("wrong."))
        {
            let pieces: Vec<&str> = text.split(['{', '}']).step_by(2).collect();
            let told = |said: &&String| pieces.iter().all(|piece| said.contains(piece));
            assert!(english.iter().any(|said| told(&said)), "{key} is never told");
        }
    }
}

//! Figures read, bounded and written. **May import:** this room.

use crate::search::numbers::{range, write_range};
use crate::search::query::{NumberField, NumberRange};

fn bounds(field: NumberField, text: &str) -> (Option<i64>, Option<i64>) {
    let NumberRange { low, high } = range(field, text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    (low, high)
}

#[test]
fn figures_are_read_in_the_unit_that_is_recorded() {
    for (field, text, low, high) in [
        (NumberField::Status, "502", Some(502), Some(502)),
        (NumberField::Status, "4xx", Some(400), Some(499)),
        (NumberField::Status, "<500", None, Some(499)),
        (NumberField::FirstContent, ">300ms", Some(300_001), None),
        (NumberField::Total, ">=1.5s", Some(1_500_000), None),
        (NumberField::Total, "1h..1D", Some(3_600_000_000), Some(86_400_000_000)),
        (NumberField::Total, "7µs", Some(7), Some(7)),
        (NumberField::In, ">32k", Some(32_001), None),
        (NumberField::In, "1.5M", Some(1_500_000), Some(1_500_000)),
        (NumberField::Tokens, "0", Some(0), Some(0)),
        (NumberField::TokensPerSecond, "<=20.25", None, Some(20_250)),
        (NumberField::Cost, "$0.05..", Some(50_000_000), None),
        (NumberField::Cost, "..1", None, Some(1_000_000_000)),
        (NumberField::Id, "9223372036854775807", Some(i64::MAX), Some(i64::MAX)),
    ] {
        assert_eq!(bounds(field, text), (low, high), "{text}");
    }
}

#[test]
fn a_figure_between_two_that_can_be_recorded_makes_the_bound_it_means() {
    for (text, low, high) in [
        (">1.5", Some(2), None),
        (">=1.5", Some(2), None),
        ("<1.5", None, Some(1)),
        ("<=1.5", None, Some(1)),
        ("1.5..3.5", Some(2), Some(3)),
        (">2", Some(3), None),
        ("<2", None, Some(1)),
        (">2.0", Some(3), None),
        (">=0.0000001", Some(1), None),
    ] {
        assert_eq!(bounds(NumberField::Attempts, text), (low, high), "{text}");
    }
    assert!(range(NumberField::Attempts, "1.5").is_err());
    assert!(range(NumberField::Attempts, "1.2..1.8").is_err());
    assert!(range(NumberField::Cost, "0.0000000001").is_err());
    assert_eq!(bounds(NumberField::Cost, ">0.0000000001"), (Some(1), None));
}

#[test]
fn what_is_no_figure_is_refused() {
    for text in [
        "",
        ">",
        "=",
        "..",
        "1..2..3",
        ">1..2",
        "==1",
        "1.",
        ".5",
        "1.2.3",
        "+1",
        "-1",
        "1e3",
        "1_000",
        "01",
        "0x10",
        "∞",
        "１",
        "1 ",
        "> 1",
        "1kk",
        "k",
        "NaN",
        "9223372036854775808g",
    ] {
        assert!(range(NumberField::In, text).is_err(), "{text}");
    }
    for text in ["4x", "0xx", "xxx", "4xxx", ">4xx", "99", "1000", "<100", ">999"] {
        assert!(range(NumberField::Status, text).is_err(), "{text}");
    }
}

#[test]
fn a_range_is_written_shortly_and_read_back() {
    for (field, low, high, text) in [
        (NumberField::Total, Some(10_000_001), None, ">10s"),
        (NumberField::Total, Some(10_000_000), None, ">=10s"),
        (NumberField::Total, None, Some(299_999), "<300ms"),
        (NumberField::Total, Some(0), Some(90_000_000), "0s..90s"),
        (NumberField::Total, Some(1), Some(1), "1us"),
        (NumberField::Status, Some(400), None, ">=400"),
        (NumberField::Status, Some(400), Some(499), "4xx"),
        (NumberField::Status, Some(100), None, ">=100"),
        (NumberField::Tokens, Some(0), None, ">=0"),
        (NumberField::Tokens, None, Some(0), "<=0"),
        (NumberField::TokensPerSecond, Some(20_050), Some(20_050), "20.05"),
        (NumberField::Cost, Some(50_000_001), None, ">0.05"),
        (NumberField::Cost, Some(1), Some(1_000_000_000), "0.000000001..1"),
        (NumberField::Id, None, Some(i64::MAX), "<=9223372036854775807"),
    ] {
        assert_eq!(write_range(field, NumberRange { low, high }), text);
        assert_eq!(bounds(field, text), (low, high), "{text}");
    }
}

#[test]
fn a_range_holds_its_ends() {
    let holds = |text: &str, number: i64| range(NumberField::In, text).unwrap().contains(number);
    assert!(holds("1..3", 1) && holds("1..3", 3) && !holds("1..3", 0) && !holds("1..3", 4));
    assert!(holds(">3", i64::MAX) && !holds(">3", 3) && holds("<=3", 3) && !holds("<3", 3));
}

//! What is read out of what is typed, and what is said of the rest. **May import:** this room.

use crate::search::error::QueryError;
use crate::search::parse::{MAX_VALUES, parse};
use crate::search::{FIELDS, Has, Is, NameField, NumberField, NumberRange, Pattern, Query, Side, What};

fn read(text: &str) -> Query {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> QueryError {
    parse(text).expect_err(text)
}

/// The canonical text.
fn written(text: &str) -> String {
    read(text).to_string()
}

#[test]
fn a_query_is_read_into_its_clauses() {
    let query = read("-model:gpt-4o*,o3 status:5xx \"Hello  World\" is:error,CUT has:tool");
    let number = NumberRange { low: Some(500), high: Some(599) };
    let names = vec![Pattern::new("gpt-4o*"), Pattern::new("o3")];
    let whats: Vec<&What> = query.clauses.iter().map(|clause| &clause.what).collect();
    assert_eq!(*whats[0], What::Name { field: NameField::Model, patterns: names });
    assert_eq!(*whats[1], What::Number { field: NumberField::Status, ranges: vec![number] });
    assert!(matches!(whats[2], What::Text { side: Side::Any, terms } if terms[0].as_str() == "hello world"));
    assert_eq!(*whats[3], What::Is(vec![Is::Error, Is::Cut]));
    assert_eq!(*whats[4], What::Has(vec![Has::Tool]));
    assert_eq!(
        query.clauses.iter().map(|clause| clause.negated).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
    assert_eq!(query.clauses[1].span, 18..28);
    assert_eq!(read("").clauses, []);
    assert_eq!(read(" \u{3000}\t").clauses, []);
}

#[test]
fn every_example_of_the_help_uses_its_field() {
    for help in FIELDS {
        assert!(!help.examples.is_empty() && !help.what.is_empty(), "{}", help.name);
        for example in help.examples {
            let shown = written(example);
            let expected = if help.name == "text" { "text:" } else { help.name };
            assert!(shown.trim_start_matches('-').starts_with(expected), "{example} is {shown}");
            assert_eq!(read(example).clauses.len(), 1, "{example}");
        }
    }
}

#[test]
fn what_is_typed_is_written_in_one_way() {
    for (typed, expected) in [
        ("Foo", "foo"),
        ("\"foo\"", "foo"),
        ("foo,bar", "\"foo,bar\""),
        ("你好，世界", "\"你好，世界\""),
        ("\"-\"", "\"-\""),
        ("-foo -\"a b\"", "-foo -\"a b\""),
        ("\"-foo\" \"OR\" \"a:b\" \"(\"", "\"-foo\" or \"a:b\" \"(\""),
        (r#""say \"hi\" to C:\new \* \\""#, r#""say \"hi\" to c:\\new \\* \\""#),
        ("or and not", "or and not"),
        ("Hello! a=b C++ don't", "\"hello!\" \"a=b\" c++ \"don't\""),
        ("user:a,\"b c\"", "user:a,\"b c\""),
        ("text:a text:a,b", "a text:a,b"),
        ("MODEL:GPT-4o", "model:gpt-4o"),
        ("model:=x", "model:x"),
        ("model:通义,*", "model:通义,*"),
        ("key:\"a,b\",c", "key:\"a,b\",c"),
        (r#"ua:"*Win*(NT \*)""#, r#"ua:"*win*(nt \*)""#),
        ("path:/v1/x:y", "path:\"/v1/x:y\""),
        ("tool:“读取 文件”", "tool:\"读取 文件\""),
        ("status:502,4XX,>=400,500..599,..499", "status:502,4xx,>=400,5xx,<=499"),
        ("total:>10s ttft:<300ms total:1.5s..2m", "total:>10s ttft:<300ms total:1500ms..2m"),
        ("in:>32k out:1.5M tokens:=0", "in:>32k out:1500k tokens:0"),
        ("in:>32,=768 in:1,234 status:>=500,429", "in:>=33,=768 in:1,234 status:>=500,429"),
        ("tps:<20.5 cost:>$0.05 attempts:>1", "tps:<20.5 cost:>0.05 attempts:>=2"),
        ("id:>1.5 conv:678", "id:>=2 conv:678"),
        ("ip:10.1.2.3/8,::1", "ip:10.0.0.0/8,::1"),
        ("Is:Error has:TOOL,body", "is:error has:tool,body"),
        ("status:\"502\"", "status:502"),
    ] {
        assert_eq!(written(typed), expected, "{typed}");
        assert_eq!(read(expected), read(typed), "{typed}");
    }
}

#[test]
fn full_width_input_is_read_like_its_counterpart() {
    for (typed, plain) in [
        ("ｍｏｄｅｌ：ｇｐｔ－４ｏ＊，ｏ３", "model:gpt-4o*,o3"),
        ("ｓｔａｔｕｓ：＞＝４００", "status:>=400"),
        ("status：＜５００　total：＞１０ｓ", "status:<500 total:>10s"),
        ("－is：error", "-is:error"),
        ("assistant：“对不起”", "assistant:\"对不起\""),
        ("＂a b＂ “c d” ”e f“", "\"a b\" \"c d\" \"e f\""),
        ("user:你好，世界", "user:你好,世界"),
        ("cost:＞＄０．０５", "cost:>0.05"),
        ("in:１．．２", "in:1..2"),
    ] {
        assert_eq!(read(typed), read(plain), "{typed}");
    }
    // Text is searched for as it is written.
    assert_eq!(written("ＧＰＴ “（：）”"), "\"ｇｐｔ\" \"（：）\"");
    assert_eq!(read("你好！").texts().next().unwrap().1.as_str(), "你好！");
}

#[test]
fn an_error_says_what_where_and_what_instead() {
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        // Typed, the part at fault, a piece of what is said, the text put right.
        ("a modle:gpt-4o", "modle:", "`model`", Some("a model:gpt-4o")),
        ("latency:>1s", "latency:", "`total`", Some("total:>1s")),
        ("colour:red", "colour:", "the fields are `model`, `upstream`", Some("\"colour:red\"")),
        ("http://x.y", "http:", "`\"http://x.y\"`", Some("\"http://x.y\"")),
        (r"-C:\x", "C:", "stand a field", Some(r#"-"C:\\x""#)),
        ("12:30", "12:", "stand a field", Some("\"12:30\"")),
        ("错误：超时", "错误：", "stand a field", Some("\"错误：超时\"")),
        (":x", ":", "stand a field", Some("\":x\"")),
        ("\"role\":\"user\"", "\"role\":", "stand a field", Some(r#""\"role\":\"user\"""#)),
        ("model: gpt-4o x", "model:", "without a space", Some("model:gpt-4o x")),
        ("Error:", "Error:", "nothing behind `error:`", Some("\"Error:\"")),
        ("model:a,,b", "a,,b", "one side of a comma", Some("model:a,b")),
        ("model:,", ",", "one side of a comma", None),
        ("model:\"\"", "\"\"", "nothing between these quotes", None),
        ("\" \"", "\" \"", "only white space", None),
        ("a \"b c", "\"", "never closed", Some("a \"b c\"")),
        ("foo\"bar\"", "\"", "middle", Some(r#""foo\"bar\"""#)),
        ("\"foo\"bar", "b", "closing quote", Some("\"foo\" bar")),
        ("\"a\",\"b\"", ",", "only in a filter", Some("text:\"a\",\"b\"")),
        ("--verbose", "--verbose", "one `-`", Some("\"--verbose\"")),
        ("a - model:x b", "-", "right in front", Some("a -model:x b")),
        ("a －", "－", "right in front", Some("a \"-\"")),
        ("a AND b", "AND", "not supported, write `-field:x` or `a,b`", Some("a b")),
        ("a NOT is:cut", "NOT", "not supported", Some("a -is:cut")),
        ("model:a OR Model:b", "OR", "not supported", Some("model:a,b")),
        ("a || b", "||", "not supported", None),
        ("!is:cut", "!", "not supported", Some("-is:cut")),
        ("status:!404", "!", "not supported", Some("-status:404")),
        ("(a or b)", "(", "not supported", None),
        ("（错）", "（", "`(` is not supported", Some("\"（错）\"")),
        ("print(x)", "(", "not supported", Some("\"print(x)\"")),
        ("model:a|b", "|", "not supported", Some("model:\"a|b\"")),
        ("ＯＲ", "ＯＲ", "`OR` is not supported", None),
        ("model:>x", ">x", "not compared", None),
        ("status:abc", "abc", "like `502`", None),
        ("status:502,99", "99", "from 100 to 999", None),
        ("status:>999", ">999", "nothing can match", None),
        ("in:<0", "<0", "nothing can match", None),
        ("in:-5", "-5", "never negative", None),
        ("in:1.5", "1.5", "never exactly", None),
        ("in:32,000", "000", "`1000`", None),
        ("in:>32,768", ">32,768", "not between digits", Some("in:>32768")),
        ("total:>10", ">10", "`10s`", Some("total:>10s")),
        ("total:1..5s", "1..5s", "`1ms`", Some("total:1s..5s")),
        ("total:1s..5", "1s..5", "`5s`", Some("total:1s..5s")),
        ("total:5s..1s", "5s..1s", "smaller one first", Some("total:1s..5s")),
        ("total:..", "..", "at least one end", None),
        ("in:5q", "5q", "`k`, `m`, `g`", None),
        ("attempts:2k", "2k", "no unit", Some("attempts:2")),
        ("in:99999999999999999999999999999999999999999", "99999999999999999999999999999999999999999", "1000g", None),
        ("cost:>0.0000000000000001", ">0.0000000000000001", "decimals", None),
        ("is:eror", "eror", "`error`, `stream`", Some("is:error")),
        ("has:video", "video", "`tool`, `image`", None),
        ("ip:10.*", "10.*", "`10.0.0.0/8`", None),
        ("ip:10.0.0.0/33", "10.0.0.0/33", "no address", None),
    ];
    for (typed, at, said, suggestion) in cases {
        let error = refused(typed);
        assert_eq!(&typed[error.at.clone()], *at, "{typed}: {error}");
        assert!(error.mistake.to_string().contains(said), "{typed}: {}", error.mistake);
        assert_eq!(error.suggestion.as_deref(), *suggestion, "{typed}");
        let before = |byte: usize| typed[..byte].chars().count();
        assert_eq!(error.at_chars, before(error.at.start)..before(error.at.end), "{typed}");
        if let Some(suggestion) = suggestion {
            read(suggestion);
        }
    }
}

#[test]
fn a_query_may_be_long_but_not_endless() {
    let values = |count: usize| format!("model:{}", vec!["a"; count].join(","));
    assert_eq!(read(&values(MAX_VALUES)).clauses.len(), 1);
    assert!(refused(&format!("{} b", values(MAX_VALUES))).mistake.to_string().contains("more than 200"));
}

#[test]
fn a_clause_can_be_dropped_and_the_terms_be_marked() {
    let query = read("foo -bar user:a,b is:cut");
    assert_eq!(query.without(1).to_string(), "foo user:a,b is:cut");
    assert_eq!(query.without(4), query);
    assert_eq!(query.clauses[1].to_string(), "-bar");
    let texts: Vec<(Side, &str)> = query.texts().map(|(side, term)| (side, term.as_str())).collect();
    assert_eq!(texts, [(Side::Any, "foo"), (Side::User, "a"), (Side::User, "b")]);
}

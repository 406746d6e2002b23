//! Attempts as a row keeps them: their JSON, or for those that went without an error four or five numbers, an eighth of
//! the room.
//!
//! Start at [`short`] and [`long`]. **Invariant:** what is read is what was written. **May import:** std.

use std::borrow::Cow;

/// What stands for a number that is not there.
const NONE: &str = "-";
const NAMES: [&str; 5] = ["upstream_id", "began_us", "took_us", "status", "connect_us"];
/// Those before it have a place also where they are not there.
const PLACED: usize = 4;

/// `upstream began took status`, with `connecting` behind where that is known; attempts separated by commas; the JSON itself when it says more than that.
pub(in crate::db) fn short(json: &str) -> Cow<'_, str> {
    short_of(json).filter(|short| long(short) == json).map_or(Cow::Borrowed(json), Cow::Owned)
}

fn short_of(json: &str) -> Option<String> {
    let mut short = String::new();
    for attempt in json.strip_prefix("[{")?.strip_suffix("}]")?.split("},{") {
        if !short.is_empty() {
            short.push(',');
        }
        let mut members = attempt.split(',').peekable();
        for (at, name) in NAMES.iter().enumerate() {
            let told = |member: &&str| member.strip_prefix('"').is_some_and(|member| member.starts_with(name));
            let number = match members.next_if(told).and_then(|member| member.split_once(':')) {
                Some((_, number)) => number,
                None if at < PLACED => NONE,
                None => continue,
            };
            if at > 0 {
                short.push(' ');
            }
            short.push_str(number);
        }
        if members.next().is_some() {
            return None;
        }
    }
    Some(short)
}

/// The JSON that [`short`] stands for.
pub(in crate::db) fn long(short: &str) -> Cow<'_, str> {
    long_of(short).map_or(Cow::Borrowed(short), Cow::Owned)
}

fn long_of(short: &str) -> Option<String> {
    let mut json = String::with_capacity(short.len() + 64);
    json.push('[');
    for attempt in short.split(',') {
        if json.len() > 1 {
            json.push(',');
        }
        json.push('{');
        let (mut numbers, mut is_first) = (attempt.split(' '), true);
        for (at, name) in NAMES.iter().enumerate() {
            let number = match numbers.next() {
                Some(NONE) => continue,
                Some(number) => number,
                None if at < PLACED => return None,
                None => continue,
            };
            number.parse::<i64>().ok()?;
            for piece in [if is_first { "\"" } else { ",\"" }, name, "\":", number] {
                json.push_str(piece);
            }
            is_first = false;
        }
        if numbers.next().is_some() {
            return None;
        }
        json.push('}');
    }
    json.push(']');
    Some(json)
}

#[cfg(test)]
mod tests {
    use crate::db::records::tries::{long, short};

    #[test]
    fn plain_attempts_are_short_and_all_come_back() {
        for (json, kept) in [
            (r#"[{"upstream_id":7,"began_us":45,"took_us":812345,"status":200}]"#, "7 45 812345 200"),
            (
                r#"[{"upstream_id":7,"began_us":45,"took_us":8,"connect_us":6},{"upstream_id":9,"began_us":60,"took_us":3,"status":200}]"#,
                "7 45 8 - 6,9 60 3 200",
            ),
            (r#"[{"upstream_id":7,"began_us":45,"took_us":8},{"upstream_id":9,"began_us":60}]"#, "7 45 8 -,9 60 - -"),
            ("[]", "[]"),
            ("", ""),
            ("not json", "not json"),
            (r#"[{"upstream_id":7,"began_us":1,"error":"x"}]"#, r#"[{"upstream_id":7,"began_us":1,"error":"x"}]"#),
            (r#"[{"upstream_id":null,"status":5}]"#, r#"[{"upstream_id":null,"status":5}]"#),
            (r#"[ {"upstream_id":7} ]"#, r#"[ {"upstream_id":7} ]"#),
        ] {
            assert_eq!(short(json), kept);
            assert_eq!(long(kept), json);
        }
    }
}

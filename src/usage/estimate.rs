//! How many tokens a text will be, before anybody has counted them. Start at [`tokens`].
//!
//! **Invariant:** a guess, and shown as one: nothing is charged by it. **May import:** std.

/// About how many tokens a text is, as today's large vocabularies cut it: four letters of Latin script to one, three of
/// another alphabet to two, five Chinese, Japanese or Korean characters to four.
pub fn tokens(text: &str) -> i64 {
    let twentieths = |c: char| match c {
        '\0'..='\u{7f}' => 5,
        '\u{2e80}'.. => 16,
        _ => 13,
    };
    let all: i64 = text.chars().map(twentieths).sum();
    (all + 19) / 20
}

#[cfg(test)]
mod tests {
    use crate::usage::estimate::tokens;

    #[test]
    fn a_guess_is_near_what_is_counted_in_either_script() {
        assert_eq!((tokens(""), tokens("a"), tokens("数")), (0, 1, 1));
        assert!((8..=13).contains(&tokens("The quick brown fox jumps over the lazy dog")));
        assert!((6..=13).contains(&tokens("数据库连接超时，请稍后再试")));
    }
}

//! How fast a streamed answer came. Start at [`thousandths`].
//!
//! **Invariant:** what took no time has no speed. **May import:** std.

/// Tokens of an answer by the time from its first content to its end, both in µs from the request's start: in thousandths of
/// a token per second.
pub fn thousandths(tokens_out: i64, first_content_us: i64, total_us: i64) -> Option<i64> {
    let took_us = total_us.checked_sub(first_content_us).filter(|took_us| *took_us > 0)?;
    i64::try_from(i128::from(tokens_out) * 1_000_000_000 / i128::from(took_us)).ok()
}

#[cfg(test)]
mod tests {
    use crate::usage::speed::thousandths;

    #[test]
    fn speed_is_told_where_time_has_passed() {
        assert_eq!(thousandths(50, 500_000, 1_500_000), Some(50_000));
        assert_eq!(
            (thousandths(50, 5, 5), thousandths(50, 9, 5), thousandths(i64::MAX, i64::MIN, 5)),
            (None, None, None)
        );
        assert_eq!(thousandths(i64::MAX, 0, 1), None);
    }
}

//! Two texts compared word by word. Start at [`words`].
//!
//! **Invariant:** bounded in text and time. **May import:** `said`.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::dashboard::pages::requests::said::beginning;

/// Text that is compared, and shown.
pub(super) const BYTES: usize = 20 << 10;
/// How long words may be compared.
const PATIENCE: Duration = Duration::from_millis(300);

/// A stretch of text: kept, added or removed.
pub(super) struct Stretch {
    pub(super) tag: &'static str,
    pub(super) text: String,
}

/// Two texts as one, word by word.
pub(super) fn words(before: &str, after: &str) -> Vec<Stretch> {
    let (before, after) = (beginning(before, BYTES), beginning(after, BYTES));
    let diff = TextDiff::configure().timeout(PATIENCE).diff_unicode_words(before, after);
    let mut stretches: Vec<Stretch> = Vec::new();
    for change in diff.iter_all_changes() {
        let tag = match change.tag() {
            ChangeTag::Equal => "",
            ChangeTag::Delete => "del",
            ChangeTag::Insert => "ins",
        };
        match stretches.last_mut().filter(|last| last.tag == tag) {
            Some(last) => last.text.push_str(change.value()),
            None => stretches.push(Stretch { tag, text: (*change.value()).to_owned() }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::stretch::words;

    #[test]
    fn words_that_changed_stand_out_and_the_rest_stays() {
        let told: Vec<String> = words("the pool is small", "the pool is large")
            .iter()
            .map(|one| format!("{}:{}", one.tag, one.text))
            .collect();
        assert_eq!(told, [":the pool is ", "del:small", "ins:large"]);
        let both: String = words("数据库连接", "数据库重启")
            .iter()
            .filter(|one| one.tag != "del")
            .map(|one| one.text.clone())
            .collect();
        assert_eq!(both, "数据库重启");
    }
}

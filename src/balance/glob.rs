//! Which models an upstream may be asked for: lists of exact names and globs. Start at [`ModelRules::judge`].
//!
//! **Invariant:** nothing here parses a list while a request waits, and no pattern makes matching take exponential time.
//! **May import:** std.

/// One entry of a model list: an exact name, or a glob where `*` stands for any text (none, too) and `?` for one
/// character. Upper and lower case differ, as in model names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    is_glob: bool,
}

impl Pattern {
    /// The pattern written as `text`, surrounding blanks cut off.
    pub fn new(text: &str) -> Pattern {
        let text = text.trim();
        Pattern { text: text.into(), is_glob: text.contains(['*', '?']) }
    }

    /// Does `model` as a whole match? In no more than pattern × model steps: only the latest `*` is ever retried,
    /// because an earlier one can gain nothing by taking more (<https://research.swtch.com/glob>).
    pub fn matches(&self, model: &str) -> bool {
        if !self.is_glob {
            return *self.text == *model;
        }
        let mut pattern = self.text.chars();
        let mut rest = model.chars();
        // After the latest `*`: the pattern behind it, and the model from where it was last tried.
        let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            let mut next_pattern = pattern.clone();
            match next_pattern.next() {
                Some('*') => {
                    pattern = next_pattern.clone();
                    star = Some((next_pattern, rest.clone()));
                    continue;
                }
                Some(wanted) => {
                    let mut next_rest = rest.clone();
                    if next_rest.next().is_some_and(|found| wanted == '?' || wanted == found) {
                        pattern = next_pattern;
                        rest = next_rest;
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after_star, tried)) = &mut star else {
                return false;
            };
            if tried.next().is_none() {
                return false;
            }
            pattern = after_star.clone();
            rest = tried.clone();
        }
    }
}

/// What a pair of lists says about a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The upstream may be asked for it.
    Admitted,
    /// There is an allow list and the model is not on it.
    NotAllowed,
    /// The model is on the deny list.
    Denied,
}

/// The models an upstream may be asked for. Empty lists admit everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRules {
    /// When not empty, a model must match one of these.
    pub allow: Vec<Pattern>,
    /// A model that matches one of these is out, even if allowed.
    pub deny: Vec<Pattern>,
}

impl ModelRules {
    /// Read both lists as the database holds them: entries separated by commas or line ends, blanks around them ignored.
    pub fn parse(allow: &str, deny: &str) -> ModelRules {
        ModelRules { allow: list(allow), deny: list(deny) }
    }

    /// May the upstream be asked for `model`, and if not, by which list? The allow list speaks first, as in the original.
    pub fn judge(&self, model: &str) -> Admission {
        if !self.allow.is_empty() && !self.allow.iter().any(|pattern| pattern.matches(model)) {
            Admission::NotAllowed
        } else if self.deny.iter().any(|pattern| pattern.matches(model)) {
            Admission::Denied
        } else {
            Admission::Admitted
        }
    }

    /// May the upstream be asked for `model`?
    pub fn admits(&self, model: &str) -> bool {
        self.judge(model) == Admission::Admitted
    }
}

fn list(text: &str) -> Vec<Pattern> {
    text.split([',', '\n', '\r']).map(str::trim).filter(|entry| !entry.is_empty()).map(Pattern::new).collect()
}

#[cfg(test)]
mod tests {
    use crate::balance::glob::{Admission, ModelRules, Pattern};

    #[test]
    fn an_exact_name_matches_only_itself() {
        let pattern = Pattern::new(" gpt-4o ");
        assert!(pattern.matches("gpt-4o"));
        for other in ["gpt-4o-mini", "GPT-4o", "gpt-4", ""] {
            assert!(!pattern.matches(other), "{other}");
        }
    }

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, model, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("gpt-4*", "gpt-4", true),
            ("gpt-4*", "gpt-4o-mini", true),
            ("gpt-4*", "xgpt-4", false),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "gpt-4o-mini-2024", false),
            ("gpt-?o", "gpt-4o", true),
            ("gpt-?o", "gpt-o", false),
            ("?", "", false),
            ("?", "模", true),
            ("??", "模", false),
            ("*-4*-mini*", "gpt-4o-mini-x", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a**b", "ab", true),
            ("*ab", "aab", true),
            ("ft:*:acme:*", "ft:gpt-4o:acme::x1", true),
            ("/audio/*", "/audio/speech", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(model), expected, "{pattern} on {model}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_answered_in_bounded_work() {
        // An exponential matcher would need more steps than there are atoms.
        let pattern = Pattern::new(&"a*".repeat(200));
        let model = "a".repeat(4_000);
        assert!(pattern.matches(&model));
        assert!(!Pattern::new(&format!("{}b", "a*".repeat(200))).matches(&model));
    }

    #[test]
    fn the_allow_list_speaks_first_and_the_deny_list_has_the_last_word() {
        let rules = ModelRules::parse("gpt-*,\n o3 ,,", "gpt-3*\r\n\r\ngpt-4-32k");
        assert_eq!(rules.judge("gpt-4o"), Admission::Admitted);
        assert_eq!(rules.judge("o3"), Admission::Admitted);
        assert_eq!(rules.judge("claude"), Admission::NotAllowed);
        assert_eq!(rules.judge("gpt-3.5-turbo"), Admission::Denied);
        assert_eq!(rules.judge("gpt-4-32k"), Admission::Denied);
        assert!(rules.admits("o3") && !rules.admits("claude"));
    }

    #[test]
    fn empty_lists_admit_everything_and_a_deny_list_alone_takes_away() {
        assert!(ModelRules::parse("", " \n,").admits("anything"));
        let rules = ModelRules::parse("", "dall-e-*");
        assert!(rules.admits("gpt-4o"));
        assert!(!rules.admits("dall-e-3"));
    }
}

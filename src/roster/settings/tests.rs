//! Settings: keys, nonsense, what secrets show.

use crate::balance::policy::Policy;
use crate::roster::keys::last4;
use crate::roster::settings::Settings;

fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn several_keys_are_separated_by_commas_and_may_have_names() {
    let (settings, problems) = Settings::parse(&rows(&[("authorization", "one, team=two=,abc=")]));
    assert!(problems.is_empty());
    let names = |secret| settings.key_of(secret, 0).map(|key| key.name.as_str());
    assert_eq!(names("one"), Some("key-1"));
    assert_eq!(names("two="), Some("team"));
    assert_eq!(names("team=two="), Some("key-2"));
    assert_eq!(names("abc="), Some("key-3"));
    assert_eq!(names(""), None);
    assert_eq!(names("asis"), None);
}

#[test]
fn what_makes_no_sense_is_named_without_its_value_and_the_default_holds() {
    let (settings, problems) =
        Settings::parse(&rows(&[("policy", "s3cret"), ("polcy", "x"), ("idle_timeout_ms", "0")]));
    assert_eq!(settings.policy, Policy::Main);
    assert_eq!(settings.clocks.idle_ms, 300_000);
    assert_eq!(problems.len(), 3);
    let said: String = problems.iter().map(ToString::to_string).collect();
    assert!(!said.contains("s3cret") && said.contains("setting polcy: there is no such setting"), "{said}");
}

#[test]
fn short_secrets_show_nothing() {
    assert_eq!(last4("woshimima"), "mima");
    assert_eq!(last4("12345678"), "");
}

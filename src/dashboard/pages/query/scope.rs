//! Which requests a page is about, as its address says it: the query, the time, how they are shown. Start at [`Scope::read`].
//!
//! **Invariant:** the address is the only state; every link keeps what it does not change. **May import:** nothing of the crate.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION};

use crate::dashboard::form::Form;
use crate::dashboard::frame::Frame;
use crate::dashboard::pages::query::ask::narrowed;
use crate::dashboard::times::dated;
use crate::dashboard::words::Key;

/// Parameters in the order in which addresses have them.
const ORDER: [&str; 9] = ["q", "range", "from", "to", "tz", "sort", "limit", "cols", "refresh"];
/// Those that say which requests, and in which zone.
const WHICH: [&str; 5] = ["q", "range", "from", "to", "tz"];
/// The time that is looked at when none is named.
const DEFAULT_RANGE: &str = "24h";
/// The times that are offered, with the words of those that are no length.
const RANGES: [(&str, Option<Key>); 7] = [
    ("15m", None),
    ("1h", None),
    ("6h", None),
    ("24h", None),
    ("7d", None),
    ("30d", None),
    (ALL, Some(Key("range.all"))),
];
/// All times.
const ALL: &str = "all";

/// A time that is offered.
pub(in crate::dashboard::pages) struct Range {
    pub(in crate::dashboard::pages) text: &'static str,
    pub(in crate::dashboard::pages) href: String,
    pub(in crate::dashboard::pages) is_chosen: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(in crate::dashboard::pages) struct Scope {
    pairs: Vec<(&'static str, String)>,
}

impl Scope {
    /// What the parameters say; others than those known are not kept.
    pub(in crate::dashboard::pages) fn read(parameters: &str) -> Scope {
        let form = Form::parse(parameters.as_bytes());
        let mut pairs = Vec::new();
        for name in ORDER {
            let values: Vec<&str> = form.all(name).map(str::trim).filter(|value| !value.is_empty()).collect();
            if !values.is_empty() {
                let joint = if name == "cols" { "," } else { " " };
                pairs.push((name, values.join(joint)));
            }
        }
        Scope { pairs }
    }

    /// The same with dates as moments of the page's zone.
    pub(in crate::dashboard::pages) fn dated(mut self, f: &Frame) -> Scope {
        for (name, value) in self.pairs.iter_mut().filter(|(name, _)| ["from", "to"].contains(name)) {
            *value = dated(name, value, &f.zone).into_owned();
        }
        self
    }

    /// A parameter's value, or nothing.
    pub(in crate::dashboard::pages) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str())
    }

    /// Everything it says with these values instead, as the query of an address; an empty value takes one away.
    pub(in crate::dashboard::pages) fn with(&self, changes: &[(&'static str, &str)]) -> String {
        let mut pairs: Vec<(&str, &str)> = self.pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for (name, value) in changes {
            match pairs.iter_mut().find(|(known, _)| known == name) {
                Some(pair) => pair.1 = value,
                None => pairs.push((name, value)),
            }
        }
        let place = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        pairs.sort_by_key(|(name, _)| place(name));
        query_of(pairs.into_iter())
    }

    /// As [`Scope::with`], for a link from a page of the same path: it leads somewhere also when nothing is said.
    pub(in crate::dashboard::pages) fn link(&self, changes: &[(&'static str, &str)]) -> String {
        let query = self.with(changes);
        // An address without a query may lead to a saved search.
        if query.is_empty() { format!("?range={DEFAULT_RANGE}") } else { query }
    }

    /// Only which requests, for addresses that do not show a list.
    pub(in crate::dashboard::pages) fn which(&self) -> Scope {
        Scope { pairs: self.pairs.iter().filter(|(name, _)| WHICH.contains(name)).cloned().collect() }
    }

    /// The fields a form carries along that sets `name` itself.
    pub(in crate::dashboard::pages) fn carried(&self, name: &str) -> Vec<(&'static str, String)> {
        self.pairs.iter().filter(|(known, _)| *known != name).cloned().collect()
    }

    /// The same with the default time, when it names none.
    pub(in crate::dashboard::pages) fn timed(mut self) -> Scope {
        if self.get("range").is_empty() && self.get("from").is_empty() {
            self.pairs.push(("range", DEFAULT_RANGE.to_owned()));
        }
        self
    }

    /// The times to choose from.
    pub(in crate::dashboard::pages) fn ranges(&self, f: &Frame) -> Vec<Range> {
        let range = |(name, word): (&'static str, Option<Key>)| Range {
            text: word.map_or(name, |word| f.k(&word)),
            href: self.with(&[("range", name), ("from", ""), ("to", "")]),
            is_chosen: self.range() == name,
        };
        RANGES.map(range).into()
    }

    /// Whether all times are looked at.
    pub(in crate::dashboard::pages) fn is_of_all_times(&self) -> bool {
        self.range() == ALL
    }

    /// The same requests in all times.
    pub(in crate::dashboard::pages) fn of_all_times(&self) -> String {
        self.with(&[("range", ALL), ("from", ""), ("to", "")])
    }

    /// Whether a time is named that is no range.
    pub(in crate::dashboard::pages) fn is_of_own_times(&self) -> bool {
        !self.get("from").is_empty() || !self.get("to").is_empty()
    }

    /// The range that is named, or the default.
    fn range(&self) -> &str {
        match (self.get("range"), self.get("from")) {
            ("", "") => DEFAULT_RANGE,
            (range, _) => range,
        }
    }
}

/// Where the same is asked for without what addresses do not have.
pub(in crate::dashboard::pages) fn tidy(path: &str, parameters: &str) -> Option<HttpResponse> {
    is_untidy(parameters).then(|| found(&format!("{path}{}", tidied(parameters))))
}

/// Whether parameters hold something that addresses do not have: empty values, lists that came as several, a term to add.
fn is_untidy(parameters: &str) -> bool {
    let pairs: Vec<(&str, &str)> =
        parameters.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    let count = |wanted: &str| pairs.iter().filter(|(name, _)| *name == wanted).count();
    !parameters.is_empty()
        && (count("cols") > 1
            || count("add") > 0
            || pairs.iter().any(|(_, value)| value.trim_matches(['+', ' ']).is_empty()))
}

/// The parameters that are not empty, in the order they came, lists joined, terms of `add` added to the query.
fn tidied(parameters: &str) -> String {
    let form = Form::parse(parameters.as_bytes());
    let told = |name| form.all(name).map(str::trim).filter(|value| !value.is_empty()).collect::<Vec<_>>();
    let cols = told("cols").join(",");
    let q = told("add").into_iter().fold(told("q").join(" "), |text, term| narrowed(&text, term));
    let is_kept = |name: &str| !["q", "add", "cols"].contains(&name);
    let others = form.pairs().filter(|(name, value)| is_kept(name) && !value.trim().is_empty());
    query_of([("q", q.as_str())].into_iter().chain(others).chain([("cols", cols.as_str())]))
}

/// On to another address of the same thing.
pub(in crate::dashboard) fn found(to: &str) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::FOUND);
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/admin")));
    response
}

fn query_of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        let _ = write!(out, "{}{}={}", if out.is_empty() { '?' } else { '&' }, encoded(name), encoded(value));
    }
    out
}

/// A text as a name or value of a query (RFC 3986 §3.4; what need not be encoded stays readable).
pub(in crate::dashboard::pages) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b',' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::query::scope::{Scope, is_untidy, tidied};

    #[test]
    fn a_link_keeps_what_it_does_not_change() {
        let scope = Scope::read("limit=100&q=model%3Agpt-4o+%22a%26b%22&range=7d&unknown=1");
        assert_eq!(scope.with(&[]), "?q=model:gpt-4o+%22a%26b%22&range=7d&limit=100");
        assert_eq!(scope.with(&[("q", ""), ("before", "7")]), "?range=7d&limit=100&before=7");
        assert_eq!(scope.which().with(&[]), "?q=model:gpt-4o+%22a%26b%22&range=7d");
        assert_eq!(Scope::read("").timed().with(&[]), "?range=24h");
        assert_eq!((Scope::read("").range(), Scope::read("from=x").range()), ("24h", ""));
    }

    #[test]
    fn what_a_form_leaves_empty_leaves_the_address() {
        assert!(is_untidy("q=&range=1h") && is_untidy("cols=a&cols=b") && is_untidy("q=+"));
        assert!(!is_untidy("q=a&range=1h") && !is_untidy(""));
        assert_eq!(tidied("q=&range=1h&cols=a&foo=1&cols=b"), "?range=1h&foo=1&cols=a,b");
        assert!(is_untidy("q=a&add=status:502"));
        assert_eq!(tidied("range=1h&q=a&add=status%3A502&add=a"), "?q=a+status:502&range=1h");
    }
}

//! Reads rows of `config_kvs` into typed values, one after the other, and keeps what is wrong with them.
//!
//! **Invariant:** a [`Problem`] names the key and what would be right, never the value, which may be a secret.
//! **May import:** nothing of the crate but `network`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;

use crate::roster::network::Network;

/// What would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A whole number.
    NoNumber,
    /// A number that is not smaller.
    TooSmall(u8),
    /// A number that is not larger.
    TooLarge(u8),
    /// One of these words.
    NoneOf(&'static str),
    /// Networks of addresses.
    NoNetworks,
    /// A name of the IANA time zone database.
    NoZone,
    /// On or off.
    NoSwitch,
    /// Levels of keys, with what is wrong about them.
    NoLevels(&'static str),
    /// The line of this number is no regular expression.
    NoPattern(usize),
    /// There is no such setting.
    Unknown,
}

/// One setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The setting.
    pub key: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting {}: ", self.key)?;
        match self.wrong {
            Wrong::NoNumber => f.write_str("must be a whole number; the default holds"),
            Wrong::TooSmall(least) => write!(f, "must be at least {least}; the default holds"),
            Wrong::TooLarge(most) => write!(f, "must be at most {most}; that holds"),
            Wrong::NoneOf(words) => write!(f, "must be one of {words}; the default holds"),
            Wrong::NoNetworks => {
                f.write_str("must be addresses or networks like 10.0.0.0/8, separated by commas; one entry is skipped")
            }
            Wrong::NoZone => f.write_str("must be a time zone like Asia/Shanghai; UTC holds"),
            Wrong::NoSwitch => f.write_str("must be on or off; the default holds"),
            Wrong::NoLevels(what) => f.write_str(what),
            Wrong::NoPattern(line) => write!(f, "line {line} is no regular expression; it is skipped"),
            Wrong::Unknown => f.write_str("there is no such setting; it is ignored"),
        }
    }
}

/// Rows not yet read.
pub(super) struct Reader<'a> {
    rows: HashMap<&'a str, &'a str>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn new(rows: &[(String, String)]) -> Reader<'_> {
        Reader { rows: rows.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(), problems: vec![] }
    }

    pub(super) fn wrong(&mut self, key: &str, wrong: Wrong) {
        self.problems.push(Problem { key: key.to_owned(), wrong });
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        self.rows.remove(key).unwrap_or_default().trim().to_owned()
    }

    fn parsed<T: FromStr>(&mut self, key: &str, default: T, wrong: Wrong) -> T {
        let text = self.text(key);
        if text.is_empty() {
            return default;
        }
        text.parse().unwrap_or_else(|_| {
            self.wrong(key, wrong);
            default
        })
    }

    /// One of a few words.
    pub(super) fn word<T: FromStr>(&mut self, key: &str, default: T, words: &'static str) -> T {
        self.parsed(key, default, Wrong::NoneOf(words))
    }

    pub(super) fn number<T: FromStr + PartialOrd + From<u8> + Copy>(&mut self, key: &str, default: T, least: u8) -> T {
        let value = self.parsed(key, default, Wrong::NoNumber);
        if value < T::from(least) {
            self.wrong(key, Wrong::TooSmall(least));
            return default;
        }
        value
    }

    /// A percentage from 1 on; more than the whole is taken for the whole.
    pub(super) fn percent(&mut self, key: &str, default: u32) -> u32 {
        let value = self.number(key, default, 1);
        if value > 100 {
            self.wrong(key, Wrong::TooLarge(100));
        }
        value.min(100)
    }

    pub(super) fn switch(&mut self, key: &str, default: bool) -> bool {
        match self.text(key).as_str() {
            "" => default,
            "on" => true,
            "off" => false,
            _ => {
                self.wrong(key, Wrong::NoSwitch);
                default
            }
        }
    }

    /// A name of the IANA time zone database; UTC when there is none.
    pub(super) fn zone(&mut self, key: &str) -> TimeZone {
        let text = self.text(key);
        if text.is_empty() {
            return TimeZone::UTC;
        }
        TimeZone::get(&text).unwrap_or_else(|_| {
            self.wrong(key, Wrong::NoZone);
            TimeZone::UTC
        })
    }

    pub(super) fn networks(&mut self, key: &str) -> Vec<Network> {
        let text = self.text(key);
        let mut items = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match item.parse() {
                Ok(item) => items.push(item),
                Err(_) => self.wrong(key, Wrong::NoNetworks),
            }
        }
        items
    }

    /// What is wrong, by key; rows that nobody read are, unless they are `internal`.
    pub(super) fn finish(mut self, internal: &[&str]) -> Vec<Problem> {
        let unknown: Vec<&str> = self.rows.keys().copied().filter(|key| !internal.contains(key)).collect();
        for key in unknown {
            self.wrong(key, Wrong::Unknown);
        }
        self.problems.sort_unstable();
        self.problems
    }
}

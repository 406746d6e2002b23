//! A record as the admin API shows it, with readers that fail when a field is missing or of another type.

use openai_api_route::db::Database as Program;
use openai_api_route::db::records::{NewRecord, Store};
use openai_api_route::error::Error;
use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::until;

/// One record.
#[derive(Clone, Debug)]
pub struct Record(pub Value);

impl Record {
    fn field(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or_else(|| panic!("the record has a field {name}: {}", self.0))
    }

    /// A text; empty when null.
    pub fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Value::Null => "",
            value => value.as_str().unwrap_or_else(|| panic!("{name} is a text: {value}")),
        }
    }

    /// A number; fails when null.
    pub fn number(&self, name: &str) -> i64 {
        let value = self.field(name);
        value.as_i64().unwrap_or_else(|| panic!("{name} is a whole number: {value}"))
    }

    /// A truth value.
    pub fn is(&self, name: &str) -> bool {
        let value = self.field(name);
        value.as_bool().unwrap_or_else(|| panic!("{name} is true or false: {value}"))
    }

    /// An id, as text whether the database counts or names; empty when null.
    pub fn id(&self, name: &str) -> String {
        id(self.field(name))
    }

    /// The attempts, in order.
    pub fn attempts(&self) -> Vec<Value> {
        let value = self.field("attempts");
        value.as_array().unwrap_or_else(|| panic!("attempts are an array: {value}")).clone()
    }

    /// The status of each attempt, 0 where there was none.
    pub fn statuses(&self) -> Vec<i64> {
        self.attempts().iter().map(|attempt| attempt["status"].as_i64().unwrap_or(0)).collect()
    }

    /// Status and ending, the two facts every test looks at first.
    pub fn end(&self) -> (i64, &str) {
        (self.number("status"), self.text("ending"))
    }
}

/// An id, as text whether the database counts or names; empty when null.
pub fn id(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Stores records as the program's own recorder would, for times other than now; gives their ids.
pub fn store(gateway: &Gateway, records: &[NewRecord]) -> Vec<i64> {
    let database = Program::open(&gateway.database.location).expect("the gateway's database").database;
    let mut writer = database.writer().expect("a connection that writes");
    let mut store = Store::default();
    let mut stored = |batch: &[NewRecord]| {
        until("the records are stored", || match store.insert(&mut writer, batch, None) {
            Err(Error::Unavailable(_)) => None,
            stored => Some(stored.expect("the records are stored")),
        })
    };
    records.chunks(1_000).flat_map(&mut stored).collect()
}

//! An upstream as an operator would insert it by hand.

use crate::support::database::quote;
use crate::support::upstream::FakeUpstream;

/// A row of `openai_upstreams` with the columns a test cares about.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Vec<(String, String)>,
}

impl Row {
    /// Name, base URL and key.
    pub fn new(name: &str, endpoint: &str, sk: &str) -> Row {
        Row { columns: Vec::new() }.set("sk", sk).set("endpoint", endpoint).set("name", name)
    }

    /// Gives a column a value; numbers and booleans as text too.
    pub fn set(mut self, column: &str, value: impl ToString) -> Row {
        self.columns.retain(|(name, _)| name != column);
        self.columns.push((column.to_owned(), value.to_string()));
        self
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> &str {
        self.columns.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value)
    }

    /// The statement that inserts it.
    pub fn insert(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = self.columns.iter().map(|(_, value)| literal(value)).collect();
        format!("INSERT INTO openai_upstreams ({}) VALUES ({});\n", names.join(", "), values.join(", "))
    }
}

/// `true` and `false` are words of both databases, everything else is text that they convert themselves.
fn literal(value: &str) -> String {
    match value {
        "true" | "false" => value.to_owned(),
        number if number.parse::<i64>().is_ok() => value.to_owned(),
        text => quote(text),
    }
}

impl FakeUpstream {
    /// This upstream as a row, with a key made from its name.
    pub fn row(&self, name: &str) -> Row {
        Row::new(name, &self.url("/v1"), &format!("sk-secret-of-{name}"))
    }
}

/// An upstream at an address where nobody listens.
pub fn refused(name: &str) -> Row {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Row::new(name, &format!("http://127.0.0.1:{port}/v1"), &format!("sk-secret-of-{name}"))
}

//! Many upstreams from text: one key a line, `endpoint,key,weight`, or a table whose first line names its columns. Start at
//! [`read`]; the original's `config.yaml` is read by `yaml`.
//!
//! **Invariant:** a line that cannot be understood is told as such with its reason, never passed over; no reason repeats what
//! stands in it, which may be a key. **May import:** `connector`, `db` (the row's shape).

use crate::connector::Endpoint;
use crate::dashboard::pages::upstreams::draft::as_meant;
use crate::dashboard::pages::upstreams::yaml::read_yaml;
use crate::dashboard::upstreams::MOST_WEIGHT;
use crate::dashboard::words::Key;
use crate::db::upstreams::NewUpstream;

/// One upstream that a text names.
#[derive(Clone)]
pub(super) struct Line {
    /// Where it stands, from 1.
    pub(super) number: usize,
    pub(super) new: NewUpstream,
    /// What is said of it and has no field here.
    pub(super) passed_over: Vec<String>,
}

/// Why a line is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// Where it stands, from 1.
    pub(super) number: usize,
    pub(super) why: Fault,
}

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// So many columns are neither a key nor `endpoint,key,weight`.
    Columns(usize),
    /// So many columns, more than the first line names.
    Beyond(usize),
    NoKey,
    KeySigns,
    NoEndpoint,
    Endpoint,
    Weight,
    /// No YAML from this line on.
    Yaml,
    /// No mapping with `sk` and `endpoint`.
    Entry,
    /// An upstream of another protocol.
    Kind,
    Seconds,
    List,
}

impl Fault {
    /// Its sentence, and the number in it.
    pub(super) fn told(self) -> (Key, usize) {
        match self {
            Fault::Columns(count) => (Key("import.bad.columns"), count),
            Fault::Beyond(count) => (Key("import.bad.beyond"), count),
            Fault::NoKey => (Key("import.bad.no_key"), 0),
            Fault::KeySigns => (Key("import.bad.key_signs"), 0),
            Fault::NoEndpoint => (Key("import.bad.no_endpoint"), 0),
            Fault::Endpoint => (Key("import.bad.endpoint"), 0),
            Fault::Weight => (Key("import.bad.weight"), 0),
            Fault::Yaml => (Key("import.bad.yaml"), 0),
            Fault::Entry => (Key("import.bad.entry"), 0),
            Fault::Kind => (Key("import.bad.kind"), 0),
            Fault::Seconds => (Key("import.bad.seconds"), 0),
            Fault::List => (Key("import.bad.list"), 0),
        }
    }
}

/// What a line is.
pub(super) type Read = Result<Line, Bad>;

/// What a text holds.
#[derive(Clone, Default)]
pub(super) struct Found {
    pub(super) lines: Vec<Read>,
    /// What else a file sets, which is not taken over.
    pub(super) beside: Vec<String>,
}

/// What a column is called, and its place in [`Cells`].
const COLUMNS: [(&str, usize); 15] = [
    ("endpoint", ENDPOINT),
    ("url", ENDPOINT),
    ("base_url", ENDPOINT),
    ("地址", ENDPOINT),
    ("sk", SK),
    ("key", SK),
    ("api_key", SK),
    ("apikey", SK),
    ("api key", SK),
    ("密钥", SK),
    ("weight", WEIGHT),
    ("权重", WEIGHT),
    ("name", NAME),
    ("名称", NAME),
    ("上游", NAME),
];
const ENDPOINT: usize = 0;
const SK: usize = 1;
const WEIGHT: usize = 2;
const NAME: usize = 3;

/// The cells of a line by what they are.
type Cells<'a> = [&'a str; 4];

/// The columns that a first line names: the place of each in [`Cells`], or its own name when it has none.
type Header = Vec<Result<usize, String>>;

/// The upstreams of `text`; those that name no endpoint get `endpoint`.
pub(super) fn read(text: &str, endpoint: &str) -> Found {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    let is_list = lines.peek().is_some_and(|(_, line)| line.starts_with("- "));
    if is_list || text.lines().any(|line| line.starts_with("upstreams:")) {
        return read_yaml(text);
    }
    let header = lines.peek().and_then(|(_, line)| header(&split(line)));
    let lines = lines
        .skip(usize::from(header.is_some()))
        .map(|(number, line)| read_line(&split(line), header.as_ref(), endpoint, number));
    Found { lines: lines.collect(), beside: Vec::new() }
}

fn split(line: &str) -> Vec<&str> {
    line.split([',', '\t', '，']).map(|cell| cell.trim().trim_matches('"').trim()).collect()
}

/// The columns, when these cells name one for the key.
fn header(cells: &[&str]) -> Option<Header> {
    let column = |cell: &&str| {
        let name = cell.to_lowercase();
        COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, place)| *place).ok_or((*cell).to_owned())
    };
    Some(cells.iter().map(column).collect::<Header>()).filter(|columns| columns.contains(&Ok(SK)))
}

fn read_line(typed: &[&str], header: Option<&Header>, endpoint: &str, number: usize) -> Read {
    let bad = |why| Bad { number, why };
    let (mut cells, mut passed_over): (Cells<'_>, _) = ([""; 4], Vec::new());
    match header {
        Some(columns) if typed.len() > columns.len() => return Err(bad(Fault::Beyond(typed.len()))),
        Some(columns) => {
            for (column, cell) in columns.iter().zip(typed).filter(|(_, cell)| !cell.is_empty()) {
                match column {
                    Ok(place) => cells[*place] = cell,
                    Err(name) => passed_over.push(name.clone()),
                }
            }
        }
        None => match *typed {
            [sk] => cells[SK] = sk,
            [endpoint, sk] => [cells[ENDPOINT], cells[SK]] = [endpoint, sk],
            [endpoint, sk, weight] => [cells[ENDPOINT], cells[SK], cells[WEIGHT]] = [endpoint, sk, weight],
            _ => return Err(bad(Fault::Columns(typed.len()))),
        },
    }
    if cells[ENDPOINT].is_empty() {
        cells[ENDPOINT] = endpoint;
    }
    let mut new = made(cells[SK], cells[ENDPOINT]).map_err(bad)?;
    new.name = cells[NAME].to_owned();
    if !cells[WEIGHT].is_empty() {
        new.weight =
            cells[WEIGHT].parse().ok().filter(|weight| (0..=MOST_WEIGHT).contains(weight)).ok_or(bad(Fault::Weight))?;
    }
    Ok(Line { number, new, passed_over })
}

/// An upstream with this key and endpoint.
pub(super) fn made(sk: &str, endpoint: &str) -> Result<NewUpstream, Fault> {
    match () {
        () if sk.is_empty() => Err(Fault::NoKey),
        () if !sk.bytes().all(|byte| byte.is_ascii_graphic()) => Err(Fault::KeySigns),
        () if endpoint.is_empty() => Err(Fault::NoEndpoint),
        () if Endpoint::parse(endpoint, 1).is_err() => Err(Fault::Endpoint),
        () => Ok(NewUpstream::new(sk, as_meant(endpoint))),
    }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::upstreams::lines::{Fault, read};

    /// `number endpoint sk weight name passed-over` of each, or what is wrong with it.
    fn told(text: &str, endpoint: &str) -> Vec<Result<String, (usize, Fault)>> {
        let line = |line: &super::Line| {
            let (new, over) = (&line.new, line.passed_over.join("+"));
            format!("{} {} {} {} {} {over}", line.number, new.endpoint, new.sk, new.weight, new.name)
        };
        let lines = read(text, endpoint).lines;
        lines.iter().map(|read| read.as_ref().map(line).map_err(|bad| (bad.number, bad.why))).collect()
    }

    fn good(line: &str) -> Result<String, (usize, Fault)> {
        Ok(line.to_owned())
    }

    #[test]
    fn keys_alone_and_rows_with_endpoints_are_understood_and_the_rest_is_told_with_its_reason() {
        let text = "# mine\nsk-1\n\nhttps://b.example/v1, sk-2 ,5\nhttps://c.example/v1,sk-3,\nsk 4\nb.example,sk-5,1\n\
                    a,b,c,d\nhttps://d.example,sk-6,many\nhttps://e.example,sk-7\nhttps://f.example/,\n,sk-8,2";
        assert_eq!(
            told(text, "https://a.example/v1"),
            [
                good("2 https://a.example/v1 sk-1 1  "),
                good("4 https://b.example/v1 sk-2 5  "),
                good("5 https://c.example/v1 sk-3 1  "),
                Err((6, Fault::KeySigns)),
                Err((7, Fault::Endpoint)),
                Err((8, Fault::Columns(4))),
                Err((9, Fault::Weight)),
                good("10 https://e.example/v1 sk-7 1  "),
                Err((11, Fault::NoKey)),
                good("12 https://a.example/v1 sk-8 2  "),
            ]
        );
        assert_eq!(told("sk-1", ""), [Err((1, Fault::NoEndpoint))]);
    }

    #[test]
    fn a_first_line_that_names_columns_is_no_upstream_and_says_what_stands_where() {
        let text = "\u{feff}Name,Key,Colour,URL,Weight\r\none,sk-1,red,https://b.example/v1,\r\n\"two\",\"sk-2\",,,7\n3,sk-3,,,,9\n4";
        assert_eq!(
            told(text, "https://a.example/v1"),
            [
                good("2 https://b.example/v1 sk-1 1 one Colour"),
                good("3 https://a.example/v1 sk-2 7 two "),
                Err((4, Fault::Beyond(6))),
                Err((5, Fault::NoKey)),
            ]
        );
        assert_eq!(told("地址，密钥，权重\nhttps://b.example，sk-1，2", ""), [good("2 https://b.example/v1 sk-1 2  ")]);
    }
}

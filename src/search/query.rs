//! What a query means. Start at [`Query`]; [`super::parse()`] reads one, `Display` writes one.
//!
//! **Invariant:** nothing in a query is ignored: every clause narrows the answer, or is an error before it gets here.
//! **May import:** std, and the terms, patterns and networks of this room.

use std::ops::Range;

use super::network::Network;
use super::pattern::Pattern;
use super::text::Term;

/// All clauses hold. No clause: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// In the order in which they were typed.
    pub clauses: Vec<Clause>,
}

/// One condition. Two are equal if they mean the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Written with `-`: what does not fulfil it.
    pub negated: bool,
    /// The condition.
    pub what: What,
    /// Where it stands in the text as typed, in bytes, the `-` included.
    pub span: Range<usize>,
}

/// A condition. Of every list, which is never empty, any one is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// One of the terms is in the text of that side.
    Text {
        /// Whose text.
        side: Side,
        /// What is searched for.
        terms: Vec<Term>,
    },
    /// A name matches one of the patterns; for [`NameField::Tool`] the name of any tool called.
    Name {
        /// Which name.
        field: NameField,
        /// What it may be.
        patterns: Vec<Pattern>,
    },
    /// A figure is in one of the ranges. What is unknown is in none.
    Number {
        /// Which figure.
        field: NumberField,
        /// Where it may be.
        ranges: Vec<NumberRange>,
    },
    /// The caller's address is in one of the networks.
    Ip(Vec<Network>),
    /// The request went one of these ways.
    Is(Vec<Is>),
    /// The record holds one of these.
    Has(Vec<Has>),
}

/// Whose text is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// All of it: bare text, or `text:` for one of several.
    Any,
    /// `user:`
    User,
    /// `assistant:`
    Assistant,
    /// `system:`
    System,
    /// `error:`
    Error,
}

/// A name that is known of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameField {
    /// `model:`
    Model,
    /// `upstream:`
    Upstream,
    /// `tried:`, an upstream that was asked, whether or not it answered
    Tried,
    /// `key:`, the name of the caller's key
    Key,
    /// `path:`
    Path,
    /// `host:`
    Host,
    /// `ua:`, the caller's user agent
    Ua,
    /// `tool:`, a tool that was called
    Tool,
    /// `finish:`, why the reply ended
    Finish,
}

/// A figure that is known of a record. The units are those of [`NumberRange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberField {
    /// `status:`, 100 to 999
    Status,
    /// `ttft:`, time to the first content, in microseconds
    FirstContent,
    /// `total:`, time to the last byte, in microseconds
    Total,
    /// `tokens:`, in and out together
    Tokens,
    /// `in:`, tokens
    In,
    /// `out:`, tokens
    Out,
    /// `tps:`, output tokens per second, in thousandths
    TokensPerSecond,
    /// `cost:`, in 10⁻⁹ dollars
    Cost,
    /// `attempts:`, how many upstreams were tried
    Attempts,
    /// `id:`, of the record
    Id,
    /// `conv:`, of the conversation
    Conv,
}

/// The whole numbers from `low` to `high`, both included, in the field's unit; `None` is no bound. At least one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// The least.
    pub low: Option<i64>,
    /// The greatest.
    pub high: Option<i64>,
}

impl NumberRange {
    /// Is `number` in the range?
    pub fn contains(&self, number: i64) -> bool {
        self.low.is_none_or(|low| low <= number) && self.high.is_none_or(|high| number <= high)
    }
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Is {
    /// It failed.
    Error,
    /// It was answered as a stream.
    Stream,
    /// It was sent from the dashboard, again.
    Replay,
    /// Its body or reply was cut in the record.
    Cut,
    /// The caller left before the end.
    Aborted,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Has {
    /// A tool was called.
    Tool,
    /// An image.
    Image,
    /// Reasoning in the reply.
    Reasoning,
    /// The body is recorded, not only its figures.
    Body,
}

impl Query {
    /// The query without the clause at `index`; the same query if there is none.
    pub fn without(&self, index: usize) -> Query {
        let kept = self.clauses.iter().enumerate().filter(|(at, _)| *at != index);
        Query { clauses: kept.map(|(_, clause)| clause.clone()).collect() }
    }

    /// The terms that what is found contains, with their sides; [`super::marks()`] shows where.
    pub fn texts(&self) -> impl Iterator<Item = (Side, &Term)> {
        let wanted = self.clauses.iter().filter(|clause| !clause.negated);
        wanted
            .filter_map(|clause| match &clause.what {
                What::Text { side, terms } => Some((*side, terms)),
                _ => None,
            })
            .flat_map(|(side, terms)| terms.iter().map(move |term| (side, term)))
    }
}

impl What {
    /// How many texts or values it lists.
    pub(super) fn len(&self) -> usize {
        match self {
            What::Text { terms, .. } => terms.len(),
            What::Name { patterns, .. } => patterns.len(),
            What::Number { ranges, .. } => ranges.len(),
            What::Ip(networks) => networks.len(),
            What::Is(values) => values.len(),
            What::Has(values) => values.len(),
        }
    }
}

impl Clause {
    /// A clause that was typed nowhere, say for a link that adds a filter.
    pub fn new(what: What) -> Clause {
        Clause { negated: false, what, span: 0..0 }
    }
}

impl PartialEq for Clause {
    fn eq(&self, other: &Clause) -> bool {
        self.negated == other.negated && self.what == other.what
    }
}

impl Eq for Clause {}

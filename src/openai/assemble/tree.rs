//! A JSON value under construction: slices kept as they came, opened only where something is added.
//!
//! Start reading at [`Node`] and [`Node::merge`].
//!
//! **Invariant:** nothing here parses a number or decodes a text to keep it: what is not touched is written as it came.
//! **May import:** std, `openai::scan`.

mod write;

use crate::openai::scan::{elements, is_blank, member, members, skip_space};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// `raw` is a JSON value as it came; empty means `null`.
    #[default]
    Raw,
    /// `raw` is the inside of a JSON string, escapes as they came. Joining such insides joins the texts,
    /// even where a surrogate pair was cut in two.
    Text,
    /// `inner` are members.
    Object,
    /// `inner` are elements; their keys are empty.
    List,
}

/// A value.
#[derive(Debug, Clone, Default)]
pub struct Node {
    kind: Kind,
    raw: Vec<u8>,
    inner: Vec<(Vec<u8>, Node)>,
}

/// Deltas nested deeper than this are kept, but not joined any more.
const DEEPEST: usize = 8;
/// Lists are filled up to a named position at most this far.
const MAX_GAP: usize = 1_000;

impl Node {
    /// A value as it came.
    pub fn raw(value: &[u8]) -> Node {
        Node { raw: value.to_vec(), ..Node::default() }
    }

    /// A list of values.
    pub fn list_of(nodes: impl IntoIterator<Item = Node>) -> Node {
        Node { kind: Kind::List, raw: Vec::new(), inner: nodes.into_iter().map(|node| (Vec::new(), node)).collect() }
    }

    /// Whether the value says nothing (yet).
    pub fn is_blank(&self) -> bool {
        match self.kind {
            Kind::Raw => is_blank(&self.raw),
            Kind::Text => self.raw.is_empty(),
            Kind::Object | Kind::List => self.inner.is_empty(),
        }
    }

    /// The inside of a text that was put together from pieces.
    pub fn joined_text(&self) -> Option<&[u8]> {
        (self.kind == Kind::Text).then_some(&self.raw)
    }

    /// Replaces the value.
    pub fn set(&mut self, value: &[u8]) {
        self.kind = Kind::Raw;
        self.inner.clear();
        self.raw.clear();
        self.raw.extend_from_slice(value);
    }

    /// Replaces the value, unless the new one says nothing and the old one something.
    pub fn replace(&mut self, value: &[u8]) {
        let same = self.kind == Kind::Raw && self.raw == value;
        if !same && (self.is_blank() || !is_blank(value)) {
            self.set(value);
        }
    }

    /// The member called `key`; made when it does not exist, as is the object around it.
    pub fn field(&mut self, key: &[u8]) -> &mut Node {
        self.open_object();
        let known = self.inner.iter().position(|(name, _)| name == key);
        let at = known.unwrap_or_else(|| {
            self.inner.push((key.to_vec(), Node::default()));
            self.inner.len() - 1
        });
        &mut self.inner[at].1
    }

    /// The members of an object.
    pub fn members_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Node)> {
        self.open_object();
        self.inner.iter_mut().map(|(key, node)| (&key[..], node))
    }

    /// The member called `key`, where the value has been opened.
    pub fn get(&self, key: &[u8]) -> Option<&Node> {
        let mut members = self.inner.iter();
        members.find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The elements of a list.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.open_list();
        self.inner.iter_mut().map(|(_, node)| node)
    }

    /// The element at `index`; made when it does not exist, with what is missing before it. `None` when that is too much.
    pub fn element(&mut self, index: usize) -> Option<&mut Node> {
        self.open_list();
        if index >= self.inner.len() + MAX_GAP {
            return None;
        }
        while self.inner.len() <= index {
            self.inner.push((Vec::new(), Node::default()));
        }
        self.inner.get_mut(index).map(|(_, node)| node)
    }

    /// Adds an element to a list. What was no list becomes its first element.
    pub fn push(&mut self, node: Node) {
        self.open_list();
        self.inner.push((Vec::new(), node));
    }

    /// Adds the elements of a JSON array to a list.
    pub fn extend(&mut self, array: &[u8]) {
        for range in elements(array, 0..array.len()) {
            self.push(Node::raw(&array[range]));
        }
    }

    /// Adds the text of a JSON string literal to the text so far. Anything else is left out.
    pub fn append(&mut self, literal: &[u8]) {
        if let Some(inside) = inside(literal) {
            self.open_text();
            self.raw.extend_from_slice(inside);
        }
    }

    /// Adds a delta as OpenAI's clients do: texts are joined, numbers and names replaced, objects merged member by member,
    /// elements of lists merged by their `index` or added. Nothing of it is lost: what does not fit what is there stands beside it.
    pub fn merge(&mut self, key: &[u8], delta: &[u8]) {
        self.merge_at(key, delta, 0);
    }

    fn merge_at(&mut self, key: &[u8], delta: &[u8], depth: usize) {
        match delta.first() {
            None | Some(b'n') => {}
            Some(b'"') if is_name(key) => self.replace(delta),
            // Some services repeat a function's name in each chunk.
            Some(b'"') if key == b"name" && self.is(delta) => {}
            Some(b'"') if self.is_textual() => self.append(delta),
            Some(b'"') if is_blank(delta) => {}
            Some(b'{') if depth < DEEPEST && self.is_objective() => {
                self.open_object();
                for (key, range) in members(delta) {
                    self.field(key).merge_at(key, &delta[range], depth + 1);
                }
            }
            Some(b'[') => {
                self.open_list();
                for range in elements(delta, 0..delta.len()) {
                    self.merge_element(&delta[range], depth);
                }
            }
            Some(b'"' | b'{') if !self.is_blank() => self.push(Node::raw(delta)),
            Some(_) => self.set(delta),
        }
    }

    fn merge_element(&mut self, delta: &[u8], depth: usize) {
        let index = match delta.first() {
            Some(b'{') if depth < DEEPEST => member(delta, b"index"),
            _ => None,
        };
        let Some(index) = index else {
            return self.push(Node::raw(delta));
        };
        let known = self.inner.iter().rposition(|(_, node)| {
            let mut members = node.inner.iter();
            members.any(|(key, value)| key == b"index" && value.raw == index)
        });
        let at = known.unwrap_or_else(|| {
            self.push(Node::default());
            self.inner.len() - 1
        });
        self.inner[at].1.merge_at(b"", delta, depth + 1);
    }

    /// Whether the value is this very JSON string.
    pub fn is(&self, literal: &[u8]) -> bool {
        match self.kind {
            Kind::Text => inside(literal) == Some(&self.raw),
            _ => self.raw == literal,
        }
    }

    fn is_textual(&self) -> bool {
        match self.kind {
            Kind::Text => true,
            Kind::Raw => self.raw.first() == Some(&b'"') || self.is_blank(),
            Kind::Object | Kind::List => false,
        }
    }

    fn is_objective(&self) -> bool {
        match self.kind {
            Kind::Object => true,
            Kind::Raw => self.raw.first() == Some(&b'{') || self.is_blank(),
            Kind::Text | Kind::List => false,
        }
    }

    fn open_text(&mut self) {
        if self.kind != Kind::Text {
            self.kind = Kind::Text;
            self.inner.clear();
            self.raw = inside(&self.raw).unwrap_or_default().to_vec();
        }
    }

    fn open_object(&mut self) {
        if self.kind != Kind::Object {
            self.inner = members(&self.raw).map(|(key, range)| (key.to_vec(), Node::raw(&self.raw[range]))).collect();
            self.kind = Kind::Object;
            self.raw.clear();
        }
    }

    fn open_list(&mut self) {
        if self.kind == Kind::List {
            return;
        }
        let before = std::mem::take(self);
        self.kind = Kind::List;
        let start = skip_space(&before.raw, 0);
        if before.kind == Kind::Raw && before.raw.get(start) == Some(&b'[') {
            self.extend(&before.raw);
        } else if !before.is_blank() {
            self.inner.push((Vec::new(), before));
        }
    }
}

/// Strings that name something and come whole, maybe again and again.
fn is_name(key: &[u8]) -> bool {
    matches!(
        key,
        b"role" | b"type" | b"id" | b"index" | b"object" | b"status" | b"format" | b"model" | b"finish_reason"
    )
}

fn inside(literal: &[u8]) -> Option<&[u8]> {
    literal.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

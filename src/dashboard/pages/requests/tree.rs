//! JSON as a tree that folds; what is looked for is marked in it, and the way to it stands open. Start at [`tree`].
//!
//! **Invariant:** members stay in their order and numbers as they were written; never more than [`NODES`] nodes.
//! **May import:** `openai`.

use crate::dashboard::pages::requests::find::{Bit, Finder};
use crate::openai::scan::{elements, members, skip_space, string_value};

/// Larger bodies have no tree.
pub(super) const TREE_BYTES: usize = 2 << 20;
const NODES: usize = 10_000;
const DEPTH: usize = 60;
/// The text of a leaf.
const LEAF_BYTES: usize = 4_000;

/// A step of the way through a tree.
pub(super) enum Node {
    /// What holds others: its name, how many, and whether it is open at first.
    Open {
        key: Vec<Bit>,
        text: String,
        open: bool,
    },
    /// What holds none.
    Leaf {
        key: Vec<Bit>,
        class: &'static str,
        text: Vec<Bit>,
        /// Bytes that are not shown, and the hits in them.
        rest: usize,
        rest_hits: usize,
    },
    Close,
}

/// The tree of a body, and whether all of it is there; nothing when it is no JSON or too large.
pub(super) fn tree(body: &[u8], finder: &mut Finder) -> Option<(Vec<Node>, bool)> {
    let start = skip_space(body, 0);
    if body.len() > TREE_BYTES || !matches!(body.get(start), Some(b'{' | b'[')) {
        return None;
    }
    let mut nodes = Vec::new();
    let whole = grow("", body.get(start..)?, 0, &mut nodes, finder);
    Some((nodes, whole))
}

fn grow(key: &str, value: &[u8], depth: usize, nodes: &mut Vec<Node>, finder: &mut Finder) -> bool {
    if nodes.len() >= NODES {
        return false;
    }
    let inner: Vec<(String, std::ops::Range<usize>)> = match value.first() {
        Some(b'{') if depth < DEPTH => {
            let name = |key: &[u8]| {
                string_value(&[b"\"", key, b"\""].concat()).map_or_else(String::new, |key| key.into_owned())
            };
            members(value).map(|(key, range)| (name(key), range)).collect()
        }
        Some(b'[') if depth < DEPTH => {
            elements(value, 0..value.len()).enumerate().map(|(at, range)| (at.to_string(), range)).collect()
        }
        _ => {
            nodes.push(leaf(key, value, finder));
            return true;
        }
    };
    let brackets = if value[0] == b'{' { "{ }" } else { "[ ]" };
    let mut bracket = brackets.split(' ');
    let (begin, end) = (bracket.next().unwrap_or_default(), bracket.next().unwrap_or_default());
    let (at, text) = (nodes.len(), format!("{begin}{}{end}", inner.len()));
    nodes.push(Node::Open { key: finder.look(key, usize::MAX, key).0, text, open: depth < 2 });
    let (mut whole, hits) = (true, finder.hits);
    for (key, range) in inner {
        whole = whole && grow(&key, &value[range], depth + 1, nodes, finder);
    }
    if let Some(Node::Open { open, .. }) = nodes.get_mut(at) {
        *open |= finder.hits > hits;
    }
    nodes.push(Node::Close);
    whole
}

fn leaf(key: &str, value: &[u8], finder: &mut Finder) -> Node {
    let (class, text) = match string_value(value) {
        Some(text) => ("string", text.into_owned()),
        None => ("literal", String::from_utf8_lossy(value).into_owned()),
    };
    let (named, _) = finder.look(key, usize::MAX, key);
    let (shown, rest_hits) = finder.look(&text, LEAF_BYTES, key);
    let rest = text.len() - shown.iter().map(|bit| bit.text.len()).sum::<usize>();
    Node::Leaf { key: named, class, text: shown, rest, rest_hits }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::find::{Bit, Finder};
    use crate::dashboard::pages::requests::tree::{Node, tree};

    /// Hits in brackets.
    fn told(bits: &[Bit]) -> String {
        let told = |bit: &Bit| if bit.hit > 0 { format!("[{}]", bit.text) } else { bit.text.clone() };
        bits.iter().map(told).collect()
    }

    #[test]
    fn a_tree_keeps_the_order_of_members_and_closes_what_it_opens() {
        let (nodes, whole) = tree(br#" {"b": [1.50, "x\"<"], "a": {}}"#, &mut Finder::default()).unwrap();
        let all: Vec<String> = nodes
            .iter()
            .map(|node| match node {
                Node::Open { key, text, .. } => format!("{}{text}", told(key)),
                Node::Leaf { key, text, .. } => format!("{}={}", told(key), told(text)),
                Node::Close => "/".to_owned(),
            })
            .collect();
        assert_eq!(all, ["{2}", "b[2]", "0=1.50", "1=x\"<", "/", "a{0}", "/", "/"]);
        assert!(whole);
        assert!([&b"hello"[..], b""].iter().all(|body| tree(body, &mut Finder::default()).is_none()));
    }

    #[test]
    fn what_is_looked_for_is_marked_and_the_way_to_it_stands_open() {
        let long = format!("{}Needle", "x".repeat(5_000));
        let body = format!(r#"{{"a":{{"b":{{"c":["a nEEdle","no"],"needles":1}},"d":{{"e":"no"}}}},"f":"{long}"}}"#);
        let mut finder = Finder::new("needle");
        let (nodes, _) = tree(body.as_bytes(), &mut finder).unwrap();
        let open: Vec<String> = nodes
            .iter()
            .filter_map(|node| match node {
                Node::Open { key, open: true, .. } => Some(told(key)),
                _ => None,
            })
            .collect();
        assert_eq!(open, ["", "a", "b", "c"], "and not d");
        let leaves: Vec<(String, String, usize)> = nodes
            .iter()
            .filter_map(|node| match node {
                Node::Leaf { key, text, rest_hits, .. } => Some((told(key), told(text), *rest_hits)),
                _ => None,
            })
            .collect();
        assert_eq!(leaves[0], ("0".to_owned(), "a [nEEdle]".to_owned(), 0));
        assert_eq!(leaves[2], ("[needle]s".to_owned(), "1".to_owned(), 0));
        assert_eq!((leaves[4].2, leaves[4].1.len(), finder.hits), (1, 4_000, 3));
        assert_eq!(finder.links, [(1, "0".to_owned()), (2, "needles".to_owned())]);
    }

    #[test]
    fn no_body_makes_a_page_too_large_or_goes_too_deep() {
        let wide = format!("[{}1]", "1,".repeat(50_000));
        let (nodes, whole) = tree(wide.as_bytes(), &mut Finder::default()).unwrap();
        assert!(!whole && nodes.len() < 10_010);
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        let (nodes, _) = tree(deep.as_bytes(), &mut Finder::default()).unwrap();
        assert!(nodes.len() < 200);
    }
}

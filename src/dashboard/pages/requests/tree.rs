//! JSON as a tree that folds. Start at [`tree`].
//!
//! **Invariant:** members stay in their order and numbers as they were written; never more than [`NODES`] nodes.
//! **May import:** `openai`.

use crate::dashboard::pages::requests::said::beginning;
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
        key: String,
        text: String,
        open: bool,
    },
    /// What holds none.
    Leaf {
        key: String,
        class: &'static str,
        text: String,
        rest: usize,
    },
    Close,
}

/// The tree of a body, and whether all of it is there; nothing when it is no JSON or too large.
pub(super) fn tree(body: &[u8]) -> Option<(Vec<Node>, bool)> {
    let start = skip_space(body, 0);
    if body.len() > TREE_BYTES || !matches!(body.get(start), Some(b'{' | b'[')) {
        return None;
    }
    let mut nodes = Vec::new();
    let whole = grow(String::new(), body.get(start..)?, 0, &mut nodes);
    Some((nodes, whole))
}

fn grow(key: String, value: &[u8], depth: usize, nodes: &mut Vec<Node>) -> bool {
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
            nodes.push(leaf(key, value));
            return true;
        }
    };
    let brackets = if value[0] == b'{' { "{ }" } else { "[ ]" };
    let mut bracket = brackets.split(' ');
    let (begin, end) = (bracket.next().unwrap_or_default(), bracket.next().unwrap_or_default());
    nodes.push(Node::Open { key, text: format!("{begin}{}{end}", inner.len()), open: depth < 2 });
    let mut whole = true;
    for (key, range) in inner {
        whole = whole && grow(key, &value[range], depth + 1, nodes);
    }
    nodes.push(Node::Close);
    whole
}

fn leaf(key: String, value: &[u8]) -> Node {
    let (class, text) = match string_value(value) {
        Some(text) => ("string", text.into_owned()),
        None => ("literal", String::from_utf8_lossy(value).into_owned()),
    };
    let shown = beginning(&text, LEAF_BYTES);
    Node::Leaf { key, class, rest: text.len() - shown.len(), text: shown.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::requests::tree::{Node, tree};

    #[test]
    fn a_tree_keeps_the_order_of_members_and_closes_what_it_opens() {
        let (nodes, whole) = tree(br#" {"b": [1.50, "x\"<"], "a": {}}"#).unwrap();
        let told: Vec<String> = nodes
            .iter()
            .map(|node| match node {
                Node::Open { key, text, .. } => format!("{key}{text}"),
                Node::Leaf { key, text, .. } => format!("{key}={text}"),
                Node::Close => "/".to_owned(),
            })
            .collect();
        assert_eq!(told, ["{2}", "b[2]", "0=1.50", "1=x\"<", "/", "a{0}", "/", "/"]);
        assert!(whole);
        assert!(tree(b"hello").is_none() && tree(b"").is_none());
    }

    #[test]
    fn no_body_makes_a_page_too_large_or_goes_too_deep() {
        let wide = format!("[{}1]", "1,".repeat(50_000));
        let (nodes, whole) = tree(wide.as_bytes()).unwrap();
        assert!(!whole && nodes.len() < 10_010);
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        let (nodes, _) = tree(deep.as_bytes()).unwrap();
        assert!(nodes.len() < 200);
    }
}

//! Events of Anthropic's messages API → the `message` object.
//!
//! Start reading at [`Messages::push`].
//!
//! **Invariant:** nothing here looks at what a tool is called with. **May import:** std, `openai::{assemble, scan}`.

use crate::openai::assemble::tree::Node;
use crate::openai::assemble::{Heard, is_json};
use crate::openai::scan::{member, members, string_value};

/// A message under construction.
#[derive(Debug, Default)]
pub struct Messages {
    message: Node,
    blocks: Node,
}

impl Messages {
    /// Takes one event of this type, which is a JSON object.
    pub fn push<'a>(&mut self, kind: &[u8], event: &'a [u8]) -> Heard<'a> {
        let understood = match kind {
            b"error" => return Heard::Failed(member(event, b"error").unwrap_or(event)),
            b"message_stop" => return Heard::Ended,
            b"ping" | b"content_block_stop" => Some(()),
            b"message_start" => member(event, b"message").map(|message| self.message.set(message)),
            b"message_delta" => {
                self.message_delta(event);
                Some(())
            }
            b"content_block_start" => self.block(event, b"content_block", |block, whole| block.set(whole)),
            b"content_block_delta" => self.block(event, b"delta", block_delta),
            _ => None,
        };
        match understood {
            Some(()) => Heard::Understood,
            None => Heard::Unknown,
        }
    }

    fn block(&mut self, event: &[u8], name: &[u8], change: impl FnOnce(&mut Node, &[u8])) -> Option<()> {
        let index = std::str::from_utf8(member(event, b"index")?).ok()?;
        let value = member(event, name)?;
        change(self.blocks.element(index.parse().ok()?)?, value);
        Some(())
    }

    fn message_delta(&mut self, event: &[u8]) {
        for (key, range) in members(event) {
            let value = &event[range];
            let target = match key {
                b"type" => continue,
                b"delta" => &mut self.message,
                _ if value.first() == Some(&b'{') => self.message.field(key),
                _ => {
                    self.message.field(key).replace(value);
                    continue;
                }
            };
            for (key, range) in members(value) {
                target.field(key).replace(&value[range]);
            }
        }
    }

    /// The message, whole or as far as it came.
    pub fn finish(mut self) -> Node {
        if !self.blocks.is_blank() {
            for block in self.blocks.elements_mut() {
                close_input(block);
            }
            *self.message.field(b"content") = self.blocks;
        }
        self.message
    }
}

fn block_delta(block: &mut Node, delta: &[u8]) {
    for (key, range) in members(delta) {
        let value = &delta[range];
        match key {
            b"type" => {}
            b"partial_json" => {
                let input = block.field(b"input");
                if input.joined_text().is_none() {
                    *input = Node::default();
                }
                input.append(value);
            }
            b"citation" => block.field(b"citations").push(Node::raw(value)),
            _ => block.field(key).merge(key, value),
        }
    }
}

/// The pieces of a tool's input are pieces of JSON text: together they are its value. If they are not whole, they stay a text.
fn close_input(block: &mut Node) {
    let Some(inside) = block.get(b"input").and_then(Node::joined_text) else {
        return;
    };
    let literal = [b"\"", inside, b"\""].concat();
    if let Some(input) = string_value(&literal).filter(|input| is_json(input.as_bytes())) {
        block.field(b"input").set(input.as_bytes());
    }
}

#[cfg(test)]
mod tests;

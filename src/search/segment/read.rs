//! Asking one segment. Start at [`Reader`].
//!
//! **Invariant:** only the parts that an answer needs are fetched. **May import:** std.

use crate::search::segment::bits::Bits;
use crate::search::segment::block::Block;
use crate::search::segment::{Column, Kind, Name, after_prefix, take_column};

/// Which parts are wanted: of a kind, those that may hold terms from `from` on and below `below` (`None`: to the end).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which kind.
    pub kind: Kind,
    /// The least term that is looked for. The part wanted first is the last one whose key is not greater.
    pub from: Vec<u8>,
    /// Parts whose key is this or greater are not wanted.
    pub below: Option<Vec<u8>>,
}

/// Gives the parts of a segment that are wanted, in the order of their keys.
pub type Fetch<'a, E> = dyn FnMut(&Wanted) -> Result<Vec<Vec<u8>>, E> + 'a;

/// A segment that can be asked. `E` is what fetching may fail with.
pub struct Reader<'a, E> {
    docs: u32,
    fetch: &'a mut Fetch<'a, E>,
    damaged: bool,
}

impl<'a, E> Reader<'a, E> {
    /// A segment of `docs` documents whose parts `fetch` gives, in the order of their keys.
    pub fn new(docs: u32, fetch: &'a mut Fetch<'a, E>) -> Reader<'a, E> {
        Reader { docs, fetch, damaged: false }
    }

    /// How many documents there are.
    pub fn docs(&self) -> u32 {
        self.docs
    }

    /// Whether a part was missing or could not be read: what was answered is not to be trusted.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// The documents whose texts hold the token (or a token that begins with it) on one of the sides (bits).
    ///
    /// # Errors
    /// What fetching fails with.
    pub fn token(&mut self, token: &str, prefix: bool, sides: u8) -> Result<Bits, E> {
        let token = token.as_bytes();
        let below = if prefix { after_prefix(token) } else { Some([token, &[0]].concat()) };
        let mut bits = Bits::none(self.docs);
        self.terms(Kind::Texts, token, below.as_deref(), |_, block| {
            block.postings(|posting| {
                if posting.sides & sides != 0 {
                    bits.insert(posting.doc);
                }
            });
        })?;
        Ok(bits)
    }

    /// The documents with a name of this kind that `is_it` says yes to, and that begins with `prefix`.
    ///
    /// # Errors
    /// What fetching fails with.
    pub fn name(&mut self, name: Name, prefix: &str, is_it: impl Fn(&str) -> bool) -> Result<Bits, E> {
        let mut bits = Bits::none(self.docs);
        self.names(name, prefix, |value, block| {
            if is_it(value) {
                block.postings(|posting| bits.insert(posting.doc));
            }
        })?;
        Ok(bits)
    }

    /// Every name of this kind with the documents it stands in, of those in `among`.
    ///
    /// # Errors
    /// What fetching fails with.
    pub fn facets(&mut self, name: Name, among: &Bits, mut each: impl FnMut(&str, u32)) -> Result<(), E> {
        self.names(name, "", |value, block| {
            let mut count = 0;
            block.postings(|posting| count += u32::from(among.contains(posting.doc)));
            if count > 0 {
                each(value, count);
            }
        })
    }

    /// A column, a value for each document.
    ///
    /// # Errors
    /// What fetching fails with.
    pub fn column(&mut self, column: Column) -> Result<Vec<Option<i64>>, E> {
        let key = vec![column as u8];
        let below = after_prefix(&key);
        let parts = (self.fetch)(&Wanted { kind: Kind::Column, from: key, below })?;
        let values = parts.first().and_then(|data| take_column(column, data)).unwrap_or_default();
        self.damaged |= values.len() != self.docs as usize;
        Ok(if self.damaged { vec![None; self.docs as usize] } else { values })
    }

    fn names(&mut self, name: Name, prefix: &str, mut each: impl FnMut(&str, &mut Block)) -> Result<(), E> {
        let mut from = vec![name as u8];
        from.extend_from_slice(prefix.as_bytes());
        let below = after_prefix(&from);
        self.terms(Kind::Names, &from, below.as_deref(), |term, block| {
            if let Ok(value) = std::str::from_utf8(&term[1..]) {
                each(value, block);
            }
        })
    }

    fn terms(
        &mut self,
        kind: Kind,
        from: &[u8],
        below: Option<&[u8]>,
        mut each: impl FnMut(&[u8], &mut Block),
    ) -> Result<(), E> {
        let wanted = Wanted { kind, from: from.to_vec(), below: below.map(<[u8]>::to_vec) };
        for data in (self.fetch)(&wanted)? {
            let Some(mut block) = Block::open(&data) else {
                self.damaged = true;
                continue;
            };
            while let Some(term) = block.next_term() {
                if below.is_some_and(|below| term >= below) {
                    break;
                }
                if term >= from {
                    let term = term.to_vec();
                    each(&term, &mut block);
                }
            }
        }
        Ok(())
    }
}

//! How much of a request is recorded, and the lists of settings that say so.
//!
//! **Invariant:** what makes no sense never raises a level. **May import:** nothing of the crate.

use std::str::FromStr;

/// How much is recorded; the lower of two is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recording {
    /// Nothing.
    Off,
    /// The row.
    Metadata,
    /// The row and both bodies.
    Full,
}

impl FromStr for Recording {
    type Err = ();

    fn from_str(text: &str) -> Result<Recording, ()> {
        match text {
            "full" => Ok(Recording::Full),
            "metadata" => Ok(Recording::Metadata),
            "off" => Ok(Recording::Off),
            _ => Err(()),
        }
    }
}

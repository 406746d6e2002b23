//! Words and phrases put into a known number of records, so that it is known what a search must find.
//! Nothing else says any of them.

/// A text and how often it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plant {
    /// What stands there.
    pub text: &'static str,
    /// In how many records, of any number above it.
    pub records: u64,
}

/// All that is planted.
pub const PLANTS: [Plant; 6] = [
    Plant { text: "quetzal", records: 1_000 },
    Plant { text: "xylophone", records: 37 },
    Plant { text: "修复", records: 500 },
    Plant { text: "onyx quartz axiom", records: 300 },
    // The same words in another order are no hit of the phrase.
    Plant { text: "axiom quartz onyx", records: 700 },
    Plant { text: "unique_quokka_token", records: 1 },
];

/// What stands in the record `at` of `count`, spread evenly.
pub fn plants(at: u64, count: u64) -> impl Iterator<Item = &'static str> {
    PLANTS.iter().filter_map(move |plant| {
        let records = plant.records.min(count);
        let before = |at: u64| u128::from(at) * u128::from(records) / u128::from(count.max(1));
        (before(at) != before(at + 1)).then_some(plant.text)
    })
}

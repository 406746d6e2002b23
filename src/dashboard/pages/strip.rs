//! Health strips: cells of fixed stretches of time, drawn by a template. Start at [`Strip::new`].
//!
//! **Invariant:** height speaks as well as colour. **May import:** nothing of the crate.

/// Titles in the strips of one page, at most about: each is as long as what it stands for.
const TITLES: usize = 70;

/// How a stretch of time went for an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dashboard) enum Health {
    None,
    Ok,
    Degraded,
    Down,
    /// Nothing was asked of it but by tests: all went well, or not all.
    Tested,
    TestFailed,
}

impl Health {
    /// Down when half of at least three tries failed, degraded from one in twenty on.
    pub(in crate::dashboard) fn of(tries: i64, failures: i64) -> Health {
        match tries {
            0 => Health::None,
            3.. if failures * 2 >= tries => Health::Down,
            _ if failures * 20 >= tries => Health::Degraded,
            _ => Health::Ok,
        }
    }
}

/// How many cells have one title, so that a page with so many strips stays small.
pub(in crate::dashboard) fn cells_per_title(cells: usize, strips: usize) -> usize {
    let titles = (TITLES / strips.max(1)).clamp(2, cells);
    cells.div_ceil(titles)
}

/// Cells side by side: what is told of them, where they lead if anywhere, and a path per state.
pub(in crate::dashboard) struct Block {
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) href: String,
    pub(in crate::dashboard) paths: Vec<(&'static str, String)>,
}

/// See the module.
pub(in crate::dashboard) struct Strip {
    pub(in crate::dashboard) blocks: Vec<Block>,
    pub(in crate::dashboard) width: usize,
}

impl Strip {
    /// 4 wide, 2 apart; `told` gives title and link of those from one place up to another.
    pub(in crate::dashboard) fn new(
        cells: &[Health],
        per_title: usize,
        told: impl Fn(usize, usize) -> (String, String),
    ) -> Strip {
        let states = [
            (Health::Ok, "ok", solid(20)),
            (Health::Degraded, "warn", solid(14)),
            (Health::Down, "err", solid(24)),
            (Health::None, "none", solid(4)),
            (Health::Tested, "ok", hatched(20)),
            (Health::TestFailed, "err", hatched(24)),
        ];
        let per_title = per_title.max(1);
        let block = |(index, block): (usize, &[Health])| {
            let from = index * per_title;
            let path = |state: Health, shape: &str| {
                let of = block.iter().enumerate().filter(|(_, cell)| **cell == state);
                of.map(|(index, _)| format!("M{} 24{shape}", (from + index) * 6)).collect::<String>()
            };
            let paths = states.iter().map(|(state, class, shape)| (*class, path(*state, shape)));
            let (title, href) = told(from, from + block.len());
            Block { title, href, paths: paths.filter(|(_, path)| !path.is_empty()).collect() }
        };
        Strip { blocks: cells.chunks(per_title).enumerate().map(block).collect(), width: cells.len() * 6 }
    }
}

/// A cell of this height.
fn solid(height: usize) -> String {
    format!("v-{height}h4v{height}z")
}

/// The same as stripes.
fn hatched(height: usize) -> String {
    "v-2h4v2zm0-4".repeat(height / 4)
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::strip::{Health, Strip, cells_per_title};

    #[test]
    fn a_cell_is_as_bad_as_its_failures() {
        for (tries, failures, health) in [
            (0, 0, Health::None),
            (2, 2, Health::Degraded),
            (3, 2, Health::Down),
            (4, 2, Health::Down),
            (20, 1, Health::Degraded),
            (21, 1, Health::Ok),
            (5, 0, Health::Ok),
        ] {
            assert_eq!(Health::of(tries, failures), health, "{failures} of {tries}");
        }
    }

    #[test]
    fn cells_side_by_side_share_a_title_where_there_are_many_strips() {
        let told = |from: usize, to: usize| (format!("{from} to {to}"), String::new());
        let strip = Strip::new(&[Health::Ok, Health::None, Health::Down, Health::Ok, Health::Ok], 3, told);
        assert_eq!((strip.blocks.len(), strip.width), (2, 30));
        assert_eq!((strip.blocks[0].paths.len(), strip.blocks[1].title.as_str()), (3, "3 to 5"));
        assert_eq!(strip.blocks[1].paths, [("ok", "M18 24v-20h4v20zM24 24v-20h4v20z".to_owned())]);
        let tested = Strip::new(&[Health::Tested], 1, told);
        assert_eq!(tested.blocks[0].paths, [("ok", format!("M0 24{}", "v-2h4v2zm0-4".repeat(5)))]);
        let per_title = |strips| cells_per_title(48, strips);
        assert_eq!([0, 1, 2, 5, 10, 20, 500].map(per_title), [1, 1, 2, 4, 7, 16, 24]);
    }
}

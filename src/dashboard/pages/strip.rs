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
        let per_title = per_title.max(1);
        let block = |(index, block): (usize, &[Health])| {
            let from = index * per_title;
            let mut paths: Vec<(&'static str, String)> = Vec::new();
            let mut at = from;
            for run in block.chunk_by(|a, b| a == b) {
                let (class, path) = drawn(run[0], at * 6, run.len());
                match paths.iter_mut().find(|(known, _)| *known == class) {
                    Some((_, known)) => *known += &path,
                    None => paths.push((class, path)),
                }
                at += run.len();
            }
            let (title, href) = told(from, from + block.len());
            Block { title, href, paths }
        };
        Strip { blocks: cells.chunks(per_title).enumerate().map(block).collect(), width: cells.len() * 6 }
    }
}

/// The class and path of so many cells alike from `x` on. What was really asked is a line as thick as the cells are high, which the
/// style sheet cuts into them.
fn drawn(state: Health, x: usize, cells: usize) -> (&'static str, String) {
    let line = |height: usize| format!("M{x} {}h{}", 24 - height / 2, cells * 6 - 2);
    let each = |shape: &str| format!("M{x} 24{}", vec![shape; cells].join("m6 0"));
    let hatched = |height: usize| {
        let cell = |index: usize| format!("M{} 24{}", x + index * 6, "v-2h4v2zm0-4".repeat(height / 4));
        (0..cells).map(cell).collect()
    };
    match state {
        Health::Ok => ("ok", line(20)),
        Health::Degraded => ("warn", line(14)),
        Health::Down => ("err", line(24)),
        Health::None => ("none", each("v-4h4v4z")),
        Health::Tested => ("hatch", hatched(20)),
        Health::TestFailed => ("err hatch", hatched(24)),
    }
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
        assert_eq!(strip.blocks[1].paths, [("ok", "M18 14h10".to_owned())]);
        let mixed = Strip::new(&[Health::Down, Health::None, Health::None, Health::Down, Health::Degraded], 5, told);
        let paths = [("err", "M0 12h4M18 12h4"), ("none", "M6 24v-4h4v4zm6 0v-4h4v4z"), ("warn", "M24 17h4")];
        assert_eq!(mixed.blocks[0].paths, paths.map(|(class, path)| (class, path.to_owned())));
        let tested = Strip::new(&[Health::Tested], 1, told);
        assert_eq!(tested.blocks[0].paths, [("hatch", format!("M0 24{}", "v-2h4v2zm0-4".repeat(5)))]);
        let per_title = |strips| cells_per_title(48, strips);
        assert_eq!([0, 1, 2, 5, 10, 20, 500].map(per_title), [1, 1, 2, 4, 7, 16, 24]);
    }
}

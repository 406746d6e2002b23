//! The groups with the highest values, each a line of its own, and the others together. Start at [`Lines::of`].
//!
//! **Invariant:** what is beyond the limit counts together, so that its percentiles are right. **May import:** `db` (its figures).

use std::collections::{BTreeMap, HashMap};

use crate::dashboard::pages::usage::Asked;
use crate::db::rollups::{Figures, Point};

/// Figures by group.
pub(super) type Sums = HashMap<String, Figures>;

/// See the module.
pub(super) struct Lines {
    /// A group and its figures over the whole range; `None` is the others.
    pub(super) all: Vec<(Option<String>, Figures)>,
    /// The groups that have a line of their own.
    pub(super) told: Vec<String>,
    /// By the beginning of a step.
    cells: BTreeMap<i64, Sums>,
}

fn add(sums: &mut Sums, group: &str, figures: &Figures) {
    let sum = sums.entry(group.to_owned()).or_default();
    *sum = std::mem::take(sum).plus(figures);
}

/// The figures of each group over all points.
pub(super) fn sums(points: &[Point]) -> Sums {
    let mut sums = Sums::new();
    points.iter().for_each(|point| add(&mut sums, &point.group, &point.figures));
    sums
}

impl Lines {
    pub(super) fn of(asked: &Asked, points: &[Point]) -> Lines {
        let mut cells = BTreeMap::<i64, Sums>::new();
        for point in points {
            add(cells.entry(asked.buckets.start(point.bucket_s)).or_default(), &point.group, &point.figures);
        }
        let mut order: Vec<(String, Figures)> = sums(points).into_iter().collect();
        order.sort_by(|a, b| {
            let of = |figures: &Figures| asked.metric.value(figures, asked.percentile).unwrap_or(-1.0);
            of(&b.1).total_cmp(&of(&a.1)).then_with(|| b.1.requests.cmp(&a.1.requests)).then_with(|| a.0.cmp(&b.0))
        });
        let told: Vec<String> = order.iter().take(asked.top).map(|(group, _)| group.clone()).collect();
        let mut all: Vec<(Option<String>, Figures)> = Vec::new();
        for (group, figures) in order {
            if told.contains(&group) {
                all.push((Some(group), figures));
            } else if let Some((None, sum)) = all.last_mut() {
                *sum = std::mem::take(sum).plus(&figures);
            } else {
                all.push((None, figures));
            }
        }
        Lines { all, told, cells }
    }

    /// What belongs to a line in some sums.
    pub(super) fn pick(&self, sums: &Sums, group: Option<&str>) -> Option<Figures> {
        match group {
            Some(group) => sums.get(group).cloned(),
            None => sums
                .iter()
                .filter(|(group, _)| !self.told.contains(group))
                .map(|(_, figures)| figures.clone())
                .reduce(|sum, more| sum.plus(&more)),
        }
    }

    /// What belongs to a line in a step.
    pub(super) fn at(&self, start_s: i64, group: Option<&str>) -> Option<Figures> {
        self.pick(self.cells.get(&start_s)?, group)
    }
}

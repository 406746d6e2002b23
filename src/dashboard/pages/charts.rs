//! Charts as numbers that a template draws: bars and lines. Start at [`Chart::new`].
//!
//! The drawing is for eyes and pointers; the same numbers and links stand in a table below it, for everybody else.
//! **Invariant:** y begins at 0; nothing here is text from outside. **May import:** `shown`, `words`.

use crate::dashboard::shown::{count, title_of};
use crate::dashboard::words::Key;

/// The drawing's size; it is stretched to the page.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// Labels under a chart.
const LABELS: usize = 5;
/// Steps that all have a label.
const ALL_LABELS: usize = 8;

/// A step of time: its label and where it leads.
pub(in crate::dashboard) struct Place {
    pub(in crate::dashboard) label: String,
    pub(in crate::dashboard) href: String,
}

/// A row of numbers.
pub(in crate::dashboard) struct Series {
    pub(in crate::dashboard) name: String,
    /// `s1` … `s7`, `err`; for lines also `dash` or `dot`.
    pub(in crate::dashboard) class: &'static str,
    pub(in crate::dashboard) values: Vec<Option<f64>>,
    /// What the table has beside each value: of how many samples it is, and where it leads. Empty, or one for each value.
    pub(in crate::dashboard) told: Vec<Cell>,
}

/// What stands beside a value in the table, and where it leads; both may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::dashboard) struct Cell {
    /// In the chart's table: the value, and what is beside it.
    pub(in crate::dashboard) text: String,
    /// In the chart's table: every digit of the value, where it is shown short.
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) href: String,
}

/// A chart ready to be drawn.
pub(in crate::dashboard) struct Chart {
    pub(in crate::dashboard) title: String,
    /// What it shows, in a sentence.
    pub(in crate::dashboard) sentence: String,
    /// Paths: class and what is drawn.
    pub(in crate::dashboard) bars: Vec<(&'static str, String)>,
    pub(in crate::dashboard) lines: Vec<(&'static str, String)>,
    /// Name and class of each series.
    pub(in crate::dashboard) legend: Vec<(String, &'static str)>,
    /// Where the pointer finds a step: x, width, link, what stands there.
    pub(in crate::dashboard) hits: Vec<(String, String, String, String)>,
    /// Top, middle; the middle is empty where it would be written like another.
    pub(in crate::dashboard) ys: [String; 2],
    pub(in crate::dashboard) xs: Vec<String>,
    /// Label, link and numbers of each step.
    pub(in crate::dashboard) rows: Vec<(String, String, Vec<Cell>)>,
    /// Why there is nothing to draw, if there is not.
    pub(in crate::dashboard) nothing: Key,
}

impl Chart {
    /// Draws series over the same steps. `as_bars`: each series as bars over the one before, else as lines, with a gap where
    /// nothing is known. `unit` writes a number.
    pub(in crate::dashboard) fn new(
        title: String,
        sentence: String,
        places: Vec<Place>,
        series: &[Series],
        as_bars: bool,
        unit: &dyn Fn(f64) -> String,
    ) -> Chart {
        let highest = series.iter().flat_map(|series| &series.values).flatten().fold(0.0_f64, |a, b| a.max(*b));
        let top = nice(highest);
        let step = WIDTH / places.len().max(1) as f64;
        let y = |value: f64| HEIGHT - value / top * HEIGHT;
        let mut chart = Chart {
            title,
            sentence,
            bars: Vec::new(),
            lines: Vec::new(),
            legend: series.iter().map(|series| (series.name.clone(), series.class)).collect(),
            hits: Vec::new(),
            ys: heights(top, unit),
            xs: spread(&places),
            rows: Vec::new(),
            nothing: Key("chart.empty"),
        };
        for series in series {
            let mut path = String::new();
            let mut pen_down = false;
            for (index, value) in series.values.iter().enumerate() {
                let x = index as f64 * step;
                match value {
                    Some(value) if as_bars && *value > 0.0 => {
                        let gap = step * 0.15;
                        path += &format!("M{:.1} {HEIGHT}V{:.1}h{:.1}V{HEIGHT}z", x + gap, y(*value), step - 2.0 * gap);
                    }
                    Some(value) if !as_bars => {
                        let is_known = |index: Option<usize>| {
                            index.and_then(|index| series.values.get(index)).is_some_and(Option::is_some)
                        };
                        // A point without neighbours is a stroke as wide as its step.
                        let alone = !pen_down && !is_known(index.checked_add(1));
                        let (from, length) = if alone { (x, step) } else { (x + step / 2.0, 0.1) };
                        let letter = if pen_down { "L" } else { "M" };
                        path += &format!("{letter}{from:.1} {:.1}h{length:.1}", y(*value));
                        pen_down = true;
                    }
                    _ => pen_down = false,
                }
            }
            if as_bars { &mut chart.bars } else { &mut chart.lines }.push((series.class, path));
        }
        for (index, place) in places.into_iter().enumerate() {
            let value = |series: &Series| series.values.get(index).copied().flatten();
            let cells: Vec<String> = series.iter().map(|series| value(series).map_or("—".to_owned(), unit)).collect();
            if series.iter().all(|series| value(series).is_none_or(|value| value == 0.0)) {
                continue;
            }
            let exact = |series: &Series, cell: &str| title_of(value(series).unwrap_or_default(), cell);
            let cell = |(series, value): (&Series, &String)| {
                let Cell { text, href, .. } = series.told.get(index).cloned().unwrap_or_default();
                let text = if text.is_empty() { value.clone() } else { format!("{value} {text}") };
                Cell { text, title: exact(series, value), href }
            };
            let told_cells = series.iter().zip(&cells).map(cell).collect();
            let known = series.iter().zip(&cells).filter(|(series, _)| value(series).is_some());
            let named = known.map(|(series, cell)| match exact(series, cell).as_str() {
                "" => format!("{} {cell}", series.name),
                exact => format!("{} {exact}", series.name),
            });
            let told = format!("{}: {}", place.label, named.collect::<Vec<_>>().join(", "));
            chart.hits.push((format!("{:.1}", index as f64 * step), format!("{step:.1}"), place.href.clone(), told));
            chart.rows.push((place.label, place.href, told_cells));
        }
        chart
    }

    /// There is nothing to draw.
    pub(in crate::dashboard) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A count in words; the middle of an odd height is none.
pub(in crate::dashboard) fn whole(number: f64) -> String {
    if number.fract() == 0.0 { count(number as i64) } else { String::new() }
}

/// The next of 1, 2, 5, 10 …
fn nice(highest: f64) -> f64 {
    if highest <= 0.0 || !highest.is_finite() {
        return 1.0;
    }
    let unit = 10_f64.powf(highest.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * unit).find(|top| *top >= highest * 0.999_999).unwrap_or(highest)
}

/// What stands beside the top and the middle: no two heights are called the same.
fn heights(top: f64, unit: &dyn Fn(f64) -> String) -> [String; 2] {
    let [top, middle] = [top, top / 2.0].map(unit);
    let is_told = middle != top && middle != unit(0.0);
    [top, if is_told { middle } else { String::new() }]
}

/// A few labels, the first and the last among them.
fn spread(places: &[Place]) -> Vec<String> {
    let last = places.len().saturating_sub(1);
    // They stand at the same distance from each other: of a few steps all, of more those nearest to there.
    let count = if places.len() <= ALL_LABELS { places.len() } else { LABELS };
    let gaps = count.saturating_sub(1).max(1);
    let at = |index: usize| places[(index * last * 2 + gaps) / (gaps * 2)].label.clone();
    (0..count).map(at).collect()
}

#[cfg(test)]
mod tests {
    use crate::dashboard::pages::charts::{Cell, Chart, Place, Series, heights, nice, spread};
    use crate::dashboard::shown::duration;

    #[test]
    fn steps_are_nice_and_the_highest_fits() {
        for (highest, top) in [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (7.0, 10.0), (120.0, 200.0), (5000.0, 5000.0)] {
            assert!((nice(highest) - top).abs() < 1e-9, "{highest}: {}", nice(highest));
        }
    }

    #[test]
    fn labels_stand_where_their_steps_are() {
        let labels = |count: usize| {
            let places: Vec<Place> = (0..count).map(|n| Place { label: n.to_string(), href: String::new() }).collect();
            spread(&places).join(" ")
        };
        assert_eq!((labels(0), labels(1), labels(8)), (String::new(), "0".into(), "0 1 2 3 4 5 6 7".into()));
        assert_eq!((labels(10), labels(97)), ("0 2 5 7 9".into(), "0 24 48 72 96".into()));
    }

    #[test]
    fn no_two_heights_are_written_the_same() {
        let time = |us: f64| duration(us as i64);
        assert_eq!(heights(500.0, &time), ["< 1 ms", ""]);
        assert_eq!(heights(1_000.0, &time), ["1 ms", ""], "the middle would be called like nothing");
        assert_eq!(heights(2_000.0, &time), ["2 ms", "1 ms"]);
        assert_eq!(heights(1.0, &|n| format!("{n:.0}")), ["1", ""]);
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_is_known_and_the_table_tells_the_same_numbers() {
        let places = (0..4).map(|n| Place { label: format!("t{n}"), href: format!("/r?{n}") }).collect();
        let values = vec![Some(1.0), None, Some(2.0), Some(2.0)];
        let told = vec![Cell { text: "(7)".into(), href: "/x".into(), ..Cell::default() }];
        let series = [Series { name: "p50".into(), class: "s1", values, told }];
        let chart = Chart::new("t".into(), "s".into(), places, &series, false, &|n| format!("{n} ms"));
        assert_eq!(chart.lines[0].1, "M0.0 60.0h150.0M375.0 0.0h0.1L525.0 0.0h0.1");
        let cells: Vec<_> = chart.rows.iter().map(|row| (row.2[0].text.as_str(), row.2[0].href.as_str())).collect();
        assert_eq!(cells, [("1 ms (7)", "/x"), ("2 ms", ""), ("2 ms", "")]);
        assert_eq!((chart.hits[1].2.as_str(), chart.hits[1].3.as_str()), ("/r?2", "t2: p50 2 ms"));
        assert_eq!(chart.xs, ["t0", "t1", "t2", "t3"]);
        assert!(Chart::new("t".into(), "s".into(), Vec::new(), &[], true, &|_| String::new()).is_empty());
    }
}

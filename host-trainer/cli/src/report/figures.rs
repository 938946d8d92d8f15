//! The figures of the page: each with a sentence that says on what it rests, and its table.

mod answers;
mod device;
mod front;
mod networks;
mod prediction;
mod training;

use super::chart::COLOURS;
use super::facts::Facts;
use super::table::{Table, escaped, grouped};

/// A figure.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// Name of its files, and its anchor.
    pub id: String,
    /// Title.
    pub title: String,
    /// What it shows, and on how many images or networks it rests.
    pub note: String,
    /// HTML of the drawing; empty for a table alone.
    pub body: String,
    /// The data.
    pub table: Option<Table>,
    /// Parts of a table that is too wide for a page, with their names; empty to show the whole table.
    pub parts: Vec<(&'static str, Table)>,
    /// True for the whole width of the page.
    pub wide: bool,
}

/// All figures for which the facts suffice, in the order of the page.
pub fn all(facts: &Facts) -> Vec<Figure> {
    let mut all = Vec::new();
    all.extend(networks::table(facts));
    all.extend(front::fronts(facts));
    all.extend(networks::widths(facts));
    all.extend(prediction::all(facts));
    all.extend(device::arena(facts));
    all.extend(device::layers(facts));
    all.extend(training::all(facts));
    all.extend(answers::all(facts));
    all
}

/// A legend: names of series with their colours; `None` is the faint colour.
fn legend(series: &[(Option<usize>, &str)]) -> String {
    let entry = |(colour, name): &(Option<usize>, &str)| {
        let class = colour.map_or("faint".into(), |i| format!("c{}", i % COLOURS.len()));
        format!("<li><span class=\"swatch {class}\"></span>{}</li>", escaped(name))
    };
    format!("<ul class=\"legend\">{}</ul>", series.iter().map(entry).collect::<String>())
}

/// `1,000 validation images`, or words without a number if it is unknown.
fn images(count: Option<u64>, split: &str) -> String {
    count.map_or_else(
        || format!("the {split} images"),
        |n| format!("{} {split} {}", grouped(n), if n == 1 { "image" } else { "images" }),
    )
}

/// A fraction as a percentage.
fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

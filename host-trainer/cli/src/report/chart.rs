//! Charts as inline SVG, drawn by plotters. Each function returns `None` if there is nothing to show.
//!
//! Plotters writes colours as attributes; the page's style sheet replaces them by those of the light or
//! the dark scheme. What plotters cannot do is added to its text: a name for screen readers, and marks
//! that show their text when they are pointed at or reached with the keyboard.

mod readout;

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::readout::Readout;
use super::table::{escaped, grouped};

/// Width of every chart, and height of one with two axes.
const SIZE: (u32, u32) = (460, 340);
/// Space above a chart with marks, for their texts.
const HEAD: u32 = 36;
const FONT: (&str, u32) = ("sans-serif", 16);
/// Colours of series. The style sheet knows them.
pub const COLOURS: [RGBColor; 4] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xc2, 0x50, 0x1c),
    RGBColor(0x2c, 0x7d, 0x45),
    RGBColor(0x8a, 0x3f, 0x9c),
];
/// Colour of what is dominated or in the background.
pub const FAINT: RGBColor = RGBColor(0x84, 0x84, 0x84);

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws on a canvas in memory. Drawing fails only for a range that is not finite; such a chart is
/// omitted.
fn svg(size: (u32, u32), draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Option<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&root).ok()?;
        root.present().ok()?;
    }
    Some(text)
}

/// The text of plotters with a name, without a fixed size. `over` comes on top.
fn named(name: &str, text: &str, size: (u32, u32), over: &[Readout]) -> Option<String> {
    let inner = text.split_once('>')?.1.rsplit_once("</svg>")?.0;
    let (width, height) = size;
    let name = escaped(name);
    let open = format!("viewBox=\"0 0 {width} {height}\" aria-label=\"{name}\" class=\"chart\"");
    if over.is_empty() {
        return Some(format!("<svg role=\"img\" {open}>{inner}</svg>"));
    }
    let marks: String = over.iter().map(|r| r.svg(width)).collect();
    Some(format!("<svg role=\"group\" {open}><g aria-hidden=\"true\">{inner}</g>{marks}</svg>"))
}

/// A range around finite values with a margin of a twentieth.
fn around(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let margin = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-6);
    (low <= high).then_some(low - margin..high + margin)
}

/// A number on an axis, without superfluous decimals.
fn tick(value: &f64) -> String {
    let text = match value.abs() {
        0.0 => "0".into(),
        10_000.0.. => grouped(value.abs().round() as u64),
        100.0.. => format!("{:.0}", value.abs()),
        10.0.. => format!("{:.1}", value.abs()),
        _ => format!("{:.2}", value.abs()),
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if *value < 0.0 { format!("-{text}") } else { text.to_owned() }
}

/// A point.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Place.
    pub at: (f64, f64),
    /// Half of the 95 % interval of y, if there is one.
    pub interval: Option<[f64; 2]>,
    /// Letter beside the point, for points that are named.
    pub label: Option<String>,
    /// The text that the point shows: its name, and its numbers.
    pub text: [String; 2],
    /// Index in [`COLOURS`]; `None` for a faint point.
    pub colour: Option<usize>,
}

/// A chart of points.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// Name for screen readers.
    pub name: String,
    /// Names of the axes with units.
    pub axes: [String; 2],
    /// Points.
    pub marks: Vec<Mark>,
    /// True to draw the line on which both coordinates are equal.
    pub diagonal: bool,
}

impl Points {
    /// The chart.
    pub fn svg(&self) -> Option<String> {
        let ends = self.marks.iter().flat_map(|m| {
            m.interval.into_iter().flatten().chain([m.at.1]).chain(m.diagonal(self.diagonal))
        });
        let across = self.marks.iter().flat_map(|m| [m.at.0].into_iter().chain(m.diagonal(false)));
        let (x, y) = (around(across)?, around(ends)?);
        let mut over = Vec::new();
        let text = svg(SIZE, |root| {
            let (_, root) = root.split_vertically(HEAD);
            let mut chart = axes(&root, &self.axes, x.clone(), y.clone())?;
            if self.diagonal {
                let ends = [x.start.max(y.start), x.end.min(y.end)].map(|v| (v, v));
                chart.draw_series(LineSeries::new(ends, FAINT.stroke_width(1)))?;
            }
            // Faint points first, so that they hide no other one.
            let mut marks: Vec<&Mark> = self.marks.iter().collect();
            marks.sort_by_key(|m| (m.colour.is_some(), m.label.is_some()));
            for mark in marks {
                let colour = mark.colour.map_or(FAINT, |i| COLOURS[i % COLOURS.len()]);
                let (x, y) = mark.at;
                let radius = if mark.label.is_some() { 5 } else { 3 };
                let fill = if mark.colour.is_some() { 1.0 } else { 0.6 };
                if let Some([low, high]) = mark.interval {
                    let style = colour.stroke_width(1);
                    let bar = ErrorBar::new_vertical(x, low, y, high, style, 8);
                    chart.draw_series([bar])?;
                }
                chart.draw_series([Circle::new((x, y), radius, colour.mix(fill).filled())])?;
                if let Some(label) = &mark.label {
                    let style = FONT.into_font().color(&BLACK);
                    let place = EmptyElement::at((x, y));
                    let text = Text::new(label.clone(), (7, -18), style);
                    chart.draw_series([place + text])?;
                }
                let (px, py) = chart.backend_coord(&(x, y));
                over.push(Readout {
                    at: (px, py),
                    text: mark.text.clone(),
                    reachable: mark.label.is_some(),
                });
            }
            Ok(())
        })?;
        named(&self.name, &text, SIZE, &over)
    }
}

impl Mark {
    /// The x, for an axis that must show the same range.
    fn diagonal(&self, wanted: bool) -> Option<f64> {
        wanted.then_some(self.at.0)
    }
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Points, in order.
    pub points: Vec<(f64, f64)>,
    /// Index in [`COLOURS`].
    pub colour: usize,
}

/// Lines over an axis that is divided into parts. `parts` has the end of each part and its name.
pub fn lines(
    name: &str,
    names: &[String; 2],
    lines: &[Line],
    parts: &[(f64, String)],
) -> Option<String> {
    let all = || lines.iter().flat_map(|l| &l.points);
    let (x, y) = (around(all().map(|p| p.0))?, around(all().map(|p| p.1))?);
    let height = y.end - y.start;
    let y = y.start..y.end + 0.1 * height;
    let text = svg(SIZE, |root| {
        let mut chart = axes(root, names, x.clone(), y.clone())?;
        let mut from = x.start;
        for (i, (end, part)) in parts.iter().enumerate() {
            if i + 1 < parts.len() {
                let bar = [(*end, y.start), (*end, y.end)];
                chart.draw_series(LineSeries::new(bar, FAINT.stroke_width(1)))?;
            }
            let middle = ((from + end.min(x.end)) / 2.0, y.end - 0.02 * height);
            // A narrow part has room for the number alone.
            let narrow = end - from < 0.15 * (x.end - x.start);
            let part =
                if narrow { part.trim_start_matches(|c: char| !c.is_ascii_digit()) } else { part };
            let centred = FONT.into_font().color(&BLACK).pos(Pos::new(HPos::Center, VPos::Top));
            chart.draw_series([Text::new(part.to_owned(), middle, centred)])?;
            from = *end;
        }
        for line in lines {
            let colour = COLOURS[line.colour % COLOURS.len()];
            if line.points.len() > 1 {
                chart.draw_series(LineSeries::new(line.points.clone(), colour.stroke_width(2)))?;
            }
            let dots = line.points.iter().map(|&p| Circle::new(p, 2, colour.filled()));
            chart.draw_series(dots)?;
        }
        Ok(())
    })?;
    named(name, &text, SIZE, &[])
}

/// A chart with two linear axes.
type Linear<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The axes of a chart.
fn axes<'a, 'b>(
    root: &Canvas<'b>,
    names: &[String; 2],
    x: Range<f64>,
    y: Range<f64>,
) -> Result<Linear<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(root)
        .margin(6)
        .margin_right(14)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .x_desc(&names[0])
        .y_desc(&names[1])
        .label_style(FONT)
        .draw()?;
    Ok(chart)
}

/// A horizontal bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Name on the left.
    pub name: String,
    /// Length.
    pub value: f64,
    /// Text at the end.
    pub text: String,
}

/// Horizontal bars on a scale that ends at `most`.
pub fn bars(name: &str, bars: &[Bar], most: f64) -> Option<String> {
    let (row, left, right) = (22, 134, 126);
    let size = (SIZE.0, bars.len() as u32 * row as u32 + 8);
    let room = f64::from(SIZE.0 as i32 - left - right);
    let text = (!bars.is_empty() && most > 0.0).then(|| {
        svg(size, |root| {
            let at = |h| FONT.into_font().color(&BLACK).pos(Pos::new(h, VPos::Center));
            for (i, bar) in bars.iter().enumerate() {
                let y = 4 + i as i32 * row;
                let width = (room * (bar.value / most).clamp(0.0, 1.0)) as i32;
                let area = [(left, y + 3), (left + width.max(1), y + row - 3)];
                root.draw(&Rectangle::new(area, COLOURS[0].filled()))?;
                root.draw(&Text::new(bar.name.clone(), (4, y + row / 2), at(HPos::Left)))?;
                let end = (left + width + 6, y + row / 2);
                root.draw(&Text::new(bar.text.clone(), end, at(HPos::Left)))?;
            }
            Ok(())
        })
    })??;
    named(name, &text, size, &[])
}

/// A rectangle over axes.
#[derive(Clone, Debug)]
pub struct Area {
    /// First and last x.
    pub x: [f64; 2],
    /// First and last y.
    pub y: [f64; 2],
    /// Index in [`COLOURS`].
    pub colour: usize,
    /// The text that it shows: its name, and its numbers.
    pub text: [String; 2],
}

/// Rectangles over axes that begin at 0.
pub fn areas(name: &str, names: &[String; 2], areas: &[Area]) -> Option<String> {
    let most = |of: fn(&Area) -> f64| areas.iter().map(of).fold(0.0, f64::max);
    let (x, y) = (most(|a| a.x[1]), most(|a| a.y[1]));
    let first = areas.iter().map(|a| a.x[0]).fold(f64::INFINITY, f64::min);
    if x <= 0.0 || y <= 0.0 {
        return None;
    }
    let mut over = Vec::new();
    let text = svg(SIZE, |root| {
        let (_, root) = root.split_vertically(HEAD);
        let mut chart = axes(&root, names, first..x, 0.0..y * 1.02)?;
        for area in areas {
            let colour = COLOURS[area.colour % COLOURS.len()];
            let corners = [(area.x[0], area.y[0]), (area.x[1], area.y[1])];
            chart.draw_series([Rectangle::new(corners, colour.mix(0.55).filled())])?;
            chart.draw_series([Rectangle::new(corners, colour.stroke_width(1))])?;
            let middle = ((area.x[0] + area.x[1]) / 2.0, (area.y[0] + area.y[1]) / 2.0);
            let at = chart.backend_coord(&middle);
            over.push(Readout { at, text: area.text.clone(), reachable: true });
        }
        Ok(())
    })?;
    named(name, &text, SIZE, &over)
}

/// A square matrix of shares from 0 to 1, `[row][column]`, dark for 1.
pub fn matrix(name: &str, names: &[String; 2], shares: &[Vec<f64>]) -> Option<String> {
    let n = shares.len();
    let side = n as f64;
    let size = (SIZE.0, SIZE.0);
    let text = (n > 0).then(|| {
        svg(size, |root| {
            let mut chart = axes(root, names, 0.5..side + 0.5, 0.5..side + 0.5)?;
            let cells = shares.iter().enumerate().flat_map(|(i, row)| {
                row.iter().enumerate().filter(|(_, share)| **share > 0.0).map(move |(j, share)| {
                    // The first class is at the top.
                    let (x, y) = (j as f64 + 0.5, side - i as f64 - 0.5);
                    let colour = COLOURS[usize::from(i != j)].mix(share.sqrt());
                    Rectangle::new([(x, y), (x + 1.0, y + 1.0)], colour.filled())
                })
            });
            chart.draw_series(cells)?;
            Ok(())
        })
    })??;
    named(name, &text, size, &[])
}

#[cfg(test)]
mod tests;

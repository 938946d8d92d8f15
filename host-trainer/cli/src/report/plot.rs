//! Plots as SVG text. Each function returns `None` if there is nothing to show.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{NetworkResult, Point};

const SIZE: (u32, u32) = (760, 380);
const FONT: (&str, u32) = ("sans-serif", 14);
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xd1, 0x5b, 0x26),
    RGBColor(0x2c, 0x8a, 0x4b),
    RGBColor(0x8a, 0x3f, 0x9c),
    RGBColor(0xc2, 0x9a, 0x00),
    RGBColor(0x00, 0x9a, 0xa6),
    RGBColor(0xc7, 0x3a, 0x6b),
    RGBColor(0x55, 0x55, 0x55),
];

type Canvas<'a, 'b> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws on a canvas in memory. Drawing fails only for a range that is not finite; such a plot is
/// omitted.
fn svg(size: (u32, u32), draw: impl FnOnce(&Canvas<'_, '_>) -> Drawn) -> Option<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE).ok()?;
        draw(&root).ok()?;
        root.present().ok()?;
    }
    Some(text)
}

/// A range around finite values with a margin of a twentieth.
fn around(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let margin = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-6);
    (low <= high).then_some(low - margin..high + margin)
}

/// One series of points.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    /// Half of the 95 % interval of each point's y; empty for none.
    halves: Vec<f64>,
    line: bool,
}

/// Points or lines over named axes. Several series have a legend.
fn chart(
    x_name: &str,
    y_name: &str,
    legend: SeriesLabelPosition,
    series: &[Series],
) -> Option<String> {
    let all = || series.iter().flat_map(|s| &s.points);
    let ends = series.iter().flat_map(|s| {
        let bar = |(i, p): (usize, &(f64, f64))| {
            let half = s.halves.get(i).copied().unwrap_or(0.0);
            [p.1 - half, p.1 + half]
        };
        s.points.iter().enumerate().flat_map(bar)
    });
    let (x, y) = (around(all().map(|p| p.0))?, around(ends)?);
    svg(SIZE, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(x_name)
            .y_desc(y_name)
            .label_style(FONT)
            .draw()?;
        for (s, colour) in series.iter().zip(COLOURS.iter().cycle()) {
            let drawn = if s.line && s.points.len() > 1 {
                chart.draw_series(LineSeries::new(s.points.clone(), colour.stroke_width(2)))?
            } else {
                chart.draw_series(s.points.iter().map(|&p| Circle::new(p, 4, colour.filled())))?
            };
            if series.len() > 1 {
                drawn.label(&s.name).legend(move |(x, y)| {
                    Rectangle::new([(x, y - 4), (x + 12, y + 4)], colour.filled())
                });
            }
            chart.draw_series(s.points.iter().zip(&s.halves).map(|(&(x, y), half)| {
                ErrorBar::new_vertical(x, y - half, y, y + half, colour.stroke_width(1), 8)
            }))?;
        }
        if series.len() > 1 {
            chart
                .configure_series_labels()
                .position(legend)
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.3))
                .label_font(FONT)
                .draw()?;
        }
        Ok(())
    })
}

/// Accuracies against instructions, or against flash if no instructions were counted.
pub(super) fn front(networks: &[NetworkResult]) -> Option<String> {
    let counted = networks.iter().any(|n| n.instructions.is_some());
    let (cost, name): (fn(&NetworkResult) -> Option<f64>, _) = if counted {
        (|n| n.instructions.map(|i| i as f64 / 1e6), "instructions of one inference, millions")
    } else {
        (|n| n.flash_bytes.map(|b| b as f64 / 1024.0), "flash, KiB")
    };
    let of = |name: &str,
              accuracy: fn(&NetworkResult) -> Option<f64>,
              se: fn(&NetworkResult) -> Option<f64>| {
        let known: Vec<(f64, f64, Option<f64>)> =
            networks.iter().filter_map(|n| Some((cost(n)?, 100.0 * accuracy(n)?, se(n)))).collect();
        Series {
            name: name.into(),
            points: known.iter().map(|k| (k.0, k.1)).collect(),
            halves: known.iter().map_while(|k| k.2).map(|se| 196.0 * se).collect(),
            line: false,
        }
    };
    let mut series = vec![
        of("inherited score", |n| n.score, |n| n.score_se),
        of("int8 on the host", |n| n.top1_int8, |_| None),
        of("on the device", |n| n.top1_device, |_| None),
    ];
    series.retain(|s| !s.points.is_empty());
    chart(name, "accuracy, %", SeriesLabelPosition::LowerRight, &series)
}

/// True accuracies against scores.
pub(super) fn pairs(pairs: &[(f64, f64)]) -> Option<String> {
    let series =
        Series { name: String::new(), points: pairs.to_vec(), halves: Vec::new(), line: false };
    chart("score", "true accuracy", SeriesLabelPosition::LowerRight, &[series])
}

/// One line for each training step: the mean of `value` at each position.
fn curves(points: &[Point], what: &str, value: fn(&Point) -> Option<f64>) -> Vec<Series> {
    let mut steps: Vec<u64> = points.iter().map(|p| p.step).collect();
    steps.dedup();
    steps.sort_unstable();
    steps.dedup();
    let line = |&step: &u64| {
        let known: Vec<(f64, f64)> = points
            .iter()
            .filter(|p| p.step == step)
            .filter_map(|p| Some((p.at, value(p)?)))
            .collect();
        let mean = |run: &[(f64, f64)]| {
            (run[0].0, run.iter().map(|p| p.1).sum::<f64>() / run.len() as f64)
        };
        let points = known.chunk_by(|a, b| a.0 == b.0).map(mean).collect();
        Series { name: format!("step {step}{what}"), points, halves: Vec::new(), line: true }
    };
    let mut series: Vec<Series> = steps.iter().map(line).collect();
    series.retain(|s| !s.points.is_empty());
    series
}

/// Losses of each training step.
pub(super) fn loss(points: &[Point]) -> Option<String> {
    let mut series = curves(points, "", |p| p.loss);
    series.extend(curves(points, ", sub-networks", |p| p.students));
    chart("epoch", "loss, nats", SeriesLabelPosition::UpperRight, &series)
}

/// Mean accuracy of the panel in each training step.
pub(super) fn panel(points: &[Point]) -> Option<String> {
    let curves = curves(points, "", |p| p.panel.map(|x| 100.0 * x));
    chart("epoch", "validation accuracy, %", SeriesLabelPosition::LowerRight, &curves)
}

/// Instructions of each layer as horizontal bars.
pub(super) fn layers(network: &NetworkResult) -> Option<String> {
    let layers = &network.layers;
    let most = layers.iter().map(|l| l.instructions).max()?.max(1);
    let total: u64 = layers.iter().map(|l| l.instructions).sum();
    let (row, left, right) = (20, 150, 150);
    let size = (SIZE.0, (layers.len() as u32 * row as u32) + 8);
    svg(size, |root| {
        for (i, layer) in layers.iter().enumerate() {
            let y = 4 + i as i32 * row;
            let room = (SIZE.0 as i32 - left - right) as f64;
            let width = (room * layer.instructions as f64 / most as f64) as i32;
            let bar = [(left, y + 3), (left + width, y + row - 3)];
            root.draw(&Rectangle::new(bar, COLOURS[0].filled()))?;
            root.draw(&Text::new(layer.name.clone(), (4, y + 4), FONT))?;
            let share = 100.0 * layer.instructions as f64 / total.max(1) as f64;
            let figure = format!("{:.3} M, {share:.1} %", layer.instructions as f64 / 1e6);
            root.draw(&Text::new(figure, (left + width + 6, y + 4), FONT))?;
        }
        Ok(())
    })
}

//! Scatter plot of inherited against stand-alone accuracy, like Figure 2 of the paper.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// Accuracies of sub-networks under one supernet.
pub struct Series<'a> {
    /// Name: enhancement and stage.
    pub name: &'a str,
    /// Stand-alone and inherited top-1 of each sub-network, 0 to 1.
    pub points: Vec<(f64, f64)>,
}

const COLOURS: [RGBColor; 4] = [
    RGBColor(0xd1, 0x5b, 0x26),
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0x2c, 0x8a, 0x4b),
    RGBColor(0x55, 0x55, 0x55),
];

/// Draws the plot as SVG.
///
/// # Errors
/// If the plot cannot be drawn.
pub fn scatter(series: &[Series<'_>]) -> Result<String> {
    let mut text = String::new();
    draw(&mut text, series).map_err(|e| anyhow!("the figure: {e}"))?;
    Ok(text)
}

fn draw(text: &mut String, series: &[Series<'_>]) -> Result<(), Box<dyn std::error::Error>> {
    let percent = |v: f64| 100.0 * v;
    let root = SVGBackend::with_string(text, (620, 520)).into_drawing_area();
    root.fill(&WHITE)?;
    let font = ("sans-serif", 14);
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..100.0, 0.0..100.0)?;
    chart
        .configure_mesh()
        .x_desc("stand-alone top-1, % (mean of the seeds)")
        .y_desc("inherited top-1, % (mean of the seeds)")
        .label_style(font)
        .axis_desc_style(font)
        .light_line_style(WHITE)
        .draw()?;
    for (s, &colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let dot = |&(x, y): &(f64, f64)| {
            Circle::new((percent(x), percent(y)), 3, colour.mix(0.8).filled())
        };
        chart
            .draw_series(s.points.iter().map(dot))?
            .label(s.name)
            .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font(font)
        .draw()?;
    root.present()?;
    Ok(())
}

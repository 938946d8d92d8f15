//! Predictions against measurements, and scores against truths.

use supernano_base::stats::Interval;

use super::super::chart::{Mark, Points};
use super::super::facts::{Facts, Network};
use super::super::table::{Cell, Table, grouped};
use super::{Figure, images, percent};

/// Every comparison for which there are values.
pub fn all(facts: &Facts) -> Vec<Figure> {
    [scores(facts), instructions(facts), truths(facts)].into_iter().flatten().collect()
}

/// Held-out predictions of the surrogate against evaluated scores.
fn scores(facts: &Facts) -> Option<Figure> {
    let front = facts.front.as_ref()?;
    let samples = &front.samples;
    if samples.is_empty() {
        return None;
    }
    let top1 = facts.scores_are_accuracies();
    let factor = if top1 { 100.0 } else { 1.0 };
    let shown = |value: f64| if top1 { percent(value) } else { format!("{value:.3}") };
    let unit = facts.score_title();
    let marks = samples.iter().map(|s| Mark {
        at: (factor * s.held_out, factor * s.score),
        interval: None,
        label: None,
        text: [
            s.code.clone(),
            format!("predicted {}, evaluated {}", shown(s.held_out), shown(s.score)),
        ],
        colour: Some(0),
    });
    let chart = Points {
        name: format!("Predicted against evaluated scores of {} sub-networks", samples.len()),
        axes: [format!("predicted {unit}"), format!("evaluated {unit}")],
        marks: marks.collect(),
        diagonal: true,
    };
    let number = |v: f64| if top1 { Cell::Percent(v) } else { Cell::Number(v, 4) };
    let table = Table::new(vec![
        ("code", samples.iter().map(|s| Cell::Code(s.code.clone())).collect()),
        ("predicted, %", samples.iter().map(|s| number(s.held_out)).collect()),
        ("evaluated, %", samples.iter().map(|s| number(s.score)).collect()),
    ]);
    let cv = &front.surrogate.cross_validation;
    let error = if top1 {
        format!("{:.2} points", 100.0 * cv.rmse)
    } else {
        format!("{:.3}{}", cv.rmse, facts.score_unit())
    };
    Some(Figure {
        id: "prediction".into(),
        title: "Prediction against evaluation".into(),
        note: format!(
            "{} sub-networks, evaluated on {} each. Every prediction comes from the others \
             ({} folds): Pearson {:.3}, against {:.3} of a line in MACs or parameters; error {error}. \
             The line is equality.",
            grouped(samples.len() as u64),
            images(facts.scored_images(), "validation"),
            cv.folds,
            cv.pearson,
            cv.trivial_pearson,
        ),
        body: chart.svg()?,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

/// Modelled against counted instructions.
fn instructions(facts: &Facts) -> Option<Figure> {
    let counted = |n: &Network| n.counted.iter().find_map(|c| c.instructions);
    let pairs: Vec<(&Network, u64, u64)> =
        facts.networks.iter().filter_map(|n| Some((n, n.modelled?, counted(n)?))).collect();
    let off = |modelled: u64, counted: u64| modelled as f64 / counted.max(1) as f64 - 1.0;
    let mark = |&(n, modelled, counted): &(&Network, u64, u64)| Mark {
        at: (modelled as f64 / 1e6, counted as f64 / 1e6),
        interval: None,
        label: Some(n.label.clone()),
        text: [
            format!("{} {}", n.label, n.code),
            format!(
                "modelled {}, counted {} ({:+.2} %)",
                grouped(modelled),
                grouped(counted),
                100.0 * off(modelled, counted)
            ),
        ],
        colour: Some(0),
    };
    let chart = Points {
        name: format!("Modelled against counted instructions of {} networks", pairs.len()),
        axes: ["modelled instructions, millions".into(), "counted instructions, millions".into()],
        marks: pairs.iter().map(mark).collect(),
        diagonal: true,
    };
    let worst = pairs.iter().map(|&(_, m, c)| off(m, c).abs()).fold(0.0, f64::max);
    let table = Table::new(vec![
        ("network", pairs.iter().map(|(n, ..)| Cell::Text(n.label.clone())).collect()),
        ("code", pairs.iter().map(|(n, ..)| Cell::Code(n.code.clone())).collect()),
        ("instructions, modelled", pairs.iter().map(|p| Cell::Count(p.1)).collect()),
        ("instructions, counted", pairs.iter().map(|p| Cell::Count(p.2)).collect()),
        ("model above count, %", pairs.iter().map(|p| Cell::Percent(off(p.1, p.2))).collect()),
    ]);
    Some(Figure {
        id: "instructions".into(),
        title: "Modelled against counted instructions".into(),
        note: format!(
            "{} networks; one inference each on an emulator. The model is at most {:.2} % off. The \
             line is equality.",
            pairs.len(),
            100.0 * worst
        ),
        body: chart.svg()?,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

/// Scores with inherited weights against true accuracies.
fn truths(facts: &Facts) -> Option<Figure> {
    let report = facts.correlation.as_ref()?;
    let marks = report.pairs.iter().map(|p| Mark {
        at: (100.0 * p.score, 100.0 * p.truth),
        interval: None,
        label: None,
        text: [p.code.clone(), format!("score {}, truth {}", percent(p.score), percent(p.truth))],
        colour: Some(0),
    });
    let chart = Points {
        name: format!("Scores against true accuracies of {} sub-networks", report.pairs.len()),
        axes: [
            "score: top-1 with inherited weights, %".into(),
            "truth: top-1 trained alone, %".into(),
        ],
        marks: marks.collect(),
        diagonal: false,
    };
    let interval = |i: Option<Interval>| {
        i.map_or_else(String::new, |[low, high]| format!(" ({low:.3} to {high:.3})"))
    };
    let number = |x: Option<f64>| x.map_or_else(|| "undefined".into(), |x| format!("{x:.3}"));
    let table = Table::new(vec![
        ("code", report.pairs.iter().map(|p| Cell::Code(p.code.clone())).collect()),
        ("score, %", report.pairs.iter().map(|p| Cell::Percent(p.score)).collect()),
        ("truth, %", report.pairs.iter().map(|p| Cell::Percent(p.truth)).collect()),
    ]);
    let baselines = &report.baselines;
    Some(Figure {
        id: "truth".into(),
        title: "Score against truth".into(),
        note: format!(
            "{} sub-networks that were also trained alone. Pearson {}{}, Spearman {}, Kendall tau-b \
             {}{}; Pearson of MACs {}, of parameters {}, of the best single width {}. The best pick by \
             score costs {:.2} points of true accuracy.",
            report.n,
            number(report.pearson),
            interval(report.pearson_ci),
            number(report.spearman),
            number(report.kendall_tau_b),
            interval(report.kendall_ci),
            number(baselines.macs.pearson),
            number(baselines.params.pearson),
            number(baselines.width.pearson),
            100.0 * report.top1_regret,
        ),
        body: chart.svg()?,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

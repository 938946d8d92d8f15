//! Accuracy against each cost.

use supernano_base::objective::ScoreMetric;
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, cost, resolve};

use super::super::chart::{Mark, Points};
use super::super::facts::{Facts, Network};
use super::super::table::{Cell, Table, grouped};
use super::{Figure, images, legend, percent};

/// A cost that a chart has on its x axis.
struct Axis {
    id: &'static str,
    name: &'static str,
    title: &'static str,
    /// One unit of the axis.
    unit: f64,
    of_network: fn(&Network) -> Option<f64>,
    /// Flash, RAM, or instructions of an evaluated sub-network.
    of_sample: Option<fn(&supernano_search::search::file::Sample) -> u64>,
}

const AXES: [Axis; 4] = [
    Axis {
        id: "front-instructions",
        name: "instructions of one inference, millions (modelled)",
        title: "Accuracy against instructions",
        unit: 1e6,
        of_network: |n| n.front.as_ref().map(|f| f.instructions as f64),
        of_sample: Some(|s| s.instructions),
    },
    Axis {
        id: "front-time",
        name: "time of one inference, ms (estimated)",
        title: "Accuracy against time",
        unit: 1.0,
        of_network: |n| n.front.as_ref()?.time?.milliseconds_estimated.map(|t| t.mid),
        of_sample: None,
    },
    Axis {
        id: "front-flash",
        name: "flash, KiB",
        title: "Accuracy against flash",
        unit: 1024.0,
        of_network: |n| n.front.as_ref().map(|f| f.flash_bytes as f64),
        of_sample: Some(|s| s.flash_bytes),
    },
    Axis {
        id: "front-ram",
        name: "RAM, KiB",
        title: "Accuracy against RAM",
        unit: 1024.0,
        of_network: |n| n.front.as_ref().map(|f| f.ram_bytes as f64),
        of_sample: Some(|s| s.ram_bytes),
    },
];

/// A front for each cost; scores against MACs before a search.
pub fn fronts(facts: &Facts) -> Vec<Figure> {
    match &facts.front {
        Some(_) => AXES.iter().filter_map(|axis| front(facts, axis)).collect(),
        None => scores(facts).into_iter().collect(),
    }
}

fn front(facts: &Facts, axis: &Axis) -> Option<Figure> {
    let found = facts.front.as_ref()?;
    let top1 = facts.scores_are_accuracies();
    let factor = if top1 { 100.0 } else { 1.0 };
    let shown = |value: f64| {
        if top1 { percent(value) } else { format!("{value:.3}{}", facts.score_unit()) }
    };
    let listed: Vec<(&Network, f64, f64)> = facts
        .networks
        .iter()
        .filter_map(|n| Some((n, (axis.of_network)(n)? / axis.unit, n.front.as_ref()?.score)))
        .collect();
    let dominated = |&(_, cost, score): &(&Network, f64, f64)| {
        let better =
            |&(_, c, s): &(&Network, f64, f64)| c <= cost && s >= score && (c < cost || s > score);
        listed.iter().any(better)
    };
    let (mut marks, kind) = (Vec::new(), facts.score_kind());
    for item @ &(network, x, score) in &listed {
        let line = network.front.as_ref()?;
        let [low, high] = line.interval;
        let mut numbers = format!("{kind} {} ({} to {})", shown(score), shown(low), shown(high));
        if let Some(int8) = network.int8 {
            numbers += &format!(", int8 {}", percent(int8.value));
        }
        numbers += &format!("; {x:.2} {}", axis.name);
        let text = [format!("{} {}", network.label, network.code), numbers];
        let colour = (!dominated(item)).then_some(0);
        marks.push(Mark {
            at: (x, factor * score),
            interval: Some([factor * low, factor * high]),
            label: Some(network.label.clone()),
            text: text.clone(),
            colour,
        });
        if let Some(int8) = network.int8.filter(|_| top1) {
            let at = (x, 100.0 * int8.value);
            marks.push(Mark { at, interval: None, label: None, text, colour: Some(1) });
        }
    }
    let samples = axis.of_sample.map(|of| (of, &found.samples));
    for (of, sample) in samples.iter().flat_map(|(of, all)| all.iter().map(move |s| (of, s))) {
        let x = of(sample) as f64 / axis.unit;
        let numbers = format!("evaluated {}; {x:.2} {}", shown(sample.score), axis.name);
        marks.push(Mark {
            at: (x, factor * sample.score),
            interval: None,
            label: None,
            text: [sample.code.clone(), numbers],
            colour: None,
        });
    }
    let y = facts.score_title();
    let title = axis.title.to_owned();
    let chart = Points {
        name: format!("{title}: {} networks", listed.len()),
        axes: [axis.name.to_owned(), y.to_owned()],
        marks,
        diagonal: false,
    };
    let on_front = format!("on the front, {kind}, with its 95 % interval");
    let mut series = vec![(Some(0), on_front.as_str())];
    if top1 && listed.iter().any(|(n, ..)| n.int8.is_some()) {
        series.push((Some(1), "the same in int8, on test images"));
    }
    let evaluated = axis.of_sample.is_some() && !found.samples.is_empty();
    series.push((
        None,
        if evaluated { "dominated, or evaluated with direct kernels" } else { "dominated" },
    ));
    let body = chart.svg()? + &legend(&series);
    let column = |of: &dyn Fn(&(&Network, f64, f64)) -> Cell| listed.iter().map(of).collect();
    let score = format!("{kind} top-1, %");
    let number = |value: f64| if top1 { Cell::Percent(value) } else { Cell::Number(value, 4) };
    let table = Table::new(vec![
        ("network", column(&|(n, ..)| Cell::Text(n.label.clone()))),
        ("code", column(&|(n, ..)| Cell::Code(n.code.clone()))),
        (axis.name, column(&|&(_, x, _)| Cell::Number(x, 2))),
        (if top1 { score.as_str() } else { y }, column(&|&(.., s)| number(s))),
        ("int8 (test), %", column(&|(n, ..)| Cell::of(n.int8.map(|s| s.value), Cell::Percent))),
        (
            "dominated",
            column(&|item| Cell::Text(if dominated(item) { "yes" } else { "no" }.into())),
        ),
    ]);
    let tested = listed.iter().filter_map(|(n, ..)| n.int8).map(|s| s.images as u64).max();
    let tested = tested.map_or_else(String::new, |n| {
        format!(" Accuracies in int8 rest on up to {} test images.", grouped(n))
    });
    let note = format!(
        "{} of {} networks on the front. The predictions come from {} sub-networks evaluated on \
         {}.{tested}",
        facts.networks.iter().filter(|n| n.front.is_some()).count(),
        grouped(found.front_size as u64),
        grouped(found.surrogate.samples as u64),
        images(facts.scored_images(), "validation"),
    );
    Some(Figure {
        id: axis.id.into(),
        title,
        note,
        body,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

/// Scores against multiply-accumulates.
fn scores(facts: &Facts) -> Option<Figure> {
    let space = facts.config.space();
    let known: Vec<(&supernano_base::codes::scores::Score, f64)> = facts
        .scores
        .iter()
        .filter_map(|score| {
            let arch = Arch::parse(&space, &score.arch).ok()?;
            let plan = resolve(&space, &arch, Enhancement::NONE, BranchScheme::Shared);
            Some((score, cost(&space, &plan).macs as f64 / 1e6))
        })
        .collect();
    let is_accuracy = facts.metric().is_none();
    let title = facts.metric().map_or("top-1, %", ScoreMetric::title);
    let (factor, unit) = if is_accuracy { (100.0, ", %") } else { (1.0, "") };
    let shown = |v: f64| if is_accuracy { percent(v) } else { format!("{v:.3}") };
    let cell = |v: f64| if is_accuracy { Cell::Percent(v) } else { Cell::Number(v, 4) };
    let mark = |(score, macs): &(&supernano_base::codes::scores::Score, f64)| Mark {
        at: (*macs, factor * score.acc),
        interval: None,
        label: None,
        text: [
            score.arch.clone(),
            format!(
                "{} +- {}; {macs:.2} million MACs",
                shown(score.acc),
                shown(1.96 * score.acc_se)
            ),
        ],
        colour: Some(0),
    };
    let chart = Points {
        name: format!("Scores of {} sub-networks against their work", known.len()),
        axes: ["multiply-accumulates, millions".into(), title.into()],
        marks: known.iter().map(mark).collect(),
        diagonal: false,
    };
    let table = Table::new(vec![
        ("code", known.iter().map(|(s, _)| Cell::Code(s.arch.clone())).collect()),
        (title, known.iter().map(|(s, _)| cell(s.acc)).collect()),
        (&format!("standard error{unit}"), known.iter().map(|(s, _)| cell(s.acc_se)).collect()),
        (
            if is_accuracy { "cross-entropy, nats" } else { "loss" },
            known.iter().map(|(s, _)| Cell::Number(s.ce, 4)).collect(),
        ),
        ("MACs, millions", known.iter().map(|(_, m)| Cell::Number(*m, 3)).collect()),
    ]);
    Some(Figure {
        id: "scores".into(),
        title: "Scores of sub-networks".into(),
        note: format!(
            "{} sub-networks with inherited weights, on {} each.",
            grouped(known.len() as u64),
            images(facts.scored_images(), "validation")
        ),
        body: chart.svg()?,
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

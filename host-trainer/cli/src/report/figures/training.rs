//! Learning curves across all steps.

use supernano_base::objective::ScoreMetric;

use super::super::chart::{Line, lines};
use super::super::facts::{Facts, Point};
use super::super::table::{Cell, Table};
use super::{Figure, images, legend};

/// The curves of the losses and of the accuracies.
pub fn all(facts: &Facts) -> Vec<Figure> {
    let points = &facts.metrics;
    let (places, parts) = places(points);
    let is_accuracy = facts.metric().is_none();
    let title = facts.metric().map_or("top-1, %", ScoreMetric::title);
    let (factor, unit) = if is_accuracy { (100.0, ", %") } else { (1.0, "") };
    let cell = move |v: f64| if is_accuracy { Cell::Percent(v) } else { Cell::Number(v, 4) };
    let nats = facts.loss_unit();
    let table = || {
        let panel =
            |i: usize| points.iter().map(move |p| Cell::of(p.panel.map(|v| v[i]), cell)).collect();
        let loss = |of: fn(&Point) -> Option<f64>| {
            points.iter().map(move |p| Cell::of(of(p), |v| Cell::Number(v, 4))).collect()
        };
        Table::new(vec![
            ("step", points.iter().map(|p| Cell::Count(p.step)).collect()),
            ("epoch", points.iter().map(|p| Cell::Number(p.at, 0)).collect()),
            (&format!("loss of the largest network{nats}"), loss(|p| p.loss)),
            (&format!("loss of sub-networks{nats}"), loss(|p| p.students)),
            (&format!("worst of the panel{unit}"), panel(0)),
            (&format!("mean of the panel{unit}"), panel(1)),
            (&format!("best of the panel{unit}"), panel(2)),
        ])
    };
    let line = |colour: usize, of: &dyn Fn(&Point) -> Option<f64>| {
        let known = points.iter().zip(&places).filter_map(|(p, x)| Some((*x, of(p)?)));
        Line { points: known.collect(), colour }
    };
    let what = if is_accuracy { "accuracy" } else { "score" };
    let epochs = |y: &str| ["epoch, over all steps".to_owned(), y.to_owned()];
    let panel = |i: usize| move |p: &Point| p.panel.map(|v| factor * v[i]);
    let losses = [line(0, &|p| p.loss), line(1, &|p| p.students)];
    let panels = [line(0, &panel(2)), line(2, &panel(1)), line(1, &panel(0))];
    let loss =
        lines("Loss over all training steps", &epochs(&format!("loss{nats}")), &losses, &parts);
    let accuracy = lines(
        &format!("Validation {what} of the panel over all training steps"),
        &epochs(title),
        &panels,
        &parts,
    );
    let largest = [(Some(0), "the largest network"), (Some(1), "sub-networks (mean)")];
    let range = [(Some(0), "best"), (Some(2), "mean"), (Some(1), "worst")];
    let figure = |id: &str, title: &str, note: String, body: String| Figure {
        id: id.into(),
        title: title.into(),
        note,
        body,
        table: Some(table()),
        wide: false,
        ..Figure::default()
    };
    let trained = facts.config.data.train.map(|n| n as u64);
    let loss = loss.map(|svg| {
        let note = format!("Mean loss of each epoch over {}.", images(trained, "training"));
        figure("loss", "Learning curves: loss", note, svg + &legend(&largest))
    });
    let accuracy = accuracy.map(|svg| {
        let note = format!(
            "Sub-networks of the panel after each epoch, on {}; a step in which only the largest \
             network learns has a panel of one.",
            images(facts.validation_images(), "validation")
        );
        figure(
            "panel",
            &format!("Learning curves: {what} of the panel"),
            note,
            svg + &legend(&range),
        )
    });
    loss.into_iter().chain(accuracy).collect()
}

/// The place of each point on an axis over all steps, and the end and the name of each step.
fn places(points: &[Point]) -> (Vec<f64>, Vec<(f64, String)>) {
    let (mut places, mut parts, mut before) = (Vec::new(), Vec::new(), 0.0);
    for step in points.chunk_by(|a, b| a.step == b.step) {
        places.extend(step.iter().map(|p| before + p.at));
        before += step.iter().map(|p| p.at).fold(0.0, f64::max);
        parts.push((before, format!("step {}", step[0].step)));
    }
    (places, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_each_other() {
        let point = |step, at| Point { step, at, loss: None, students: None, panel: None };
        let (places, parts) = places(&[point(1, 1.0), point(1, 2.0), point(2, 1.0)]);
        assert_eq!(places, [1.0, 2.0, 3.0]);
        assert_eq!(parts, [(2.0, "step 1".to_owned()), (3.0, "step 2".to_owned())]);
    }
}

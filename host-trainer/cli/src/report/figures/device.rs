//! What a network does on a device: its arena, and the work of its operations.

use super::super::chart::{Area, Bar, areas, bars};
use super::super::facts::{Counted, Facts, Layer, Network};
use super::super::table::{Cell, Table, escaped, grouped};
use super::{Figure, legend};

/// Most networks whose operations are shown.
const SHOWN: usize = 4;

/// The arena of the network to ship, operation by operation.
pub fn arena(facts: &Facts) -> Option<Figure> {
    let network = facts.networks.first()?;
    let spans = &network.arena;
    let area = |s: &super::super::facts::Span| Area {
        x: [s.operations[0] as f64 - 0.5, s.operations[1] as f64 + 0.5],
        y: s.bytes.map(|b| b as f64 / 1024.0),
        colour: usize::from(s.scratch),
        text: [
            s.name.clone(),
            format!(
                "operations {} to {}, bytes {} to {}",
                s.operations[0],
                s.operations[1],
                grouped(s.bytes[0]),
                grouped(s.bytes[1])
            ),
        ],
    };
    let total = spans.iter().map(|s| s.bytes[1]).max()?;
    let name = format!("Arena of network {} over its operations", network.label);
    let axes = ["operation".to_owned(), "place in the arena, KiB".to_owned()];
    let drawn = areas(&name, &axes, &spans.iter().map(area).collect::<Vec<_>>())?;
    let table = Table::new(vec![
        ("in the arena", spans.iter().map(|s| Cell::Text(s.name.clone())).collect()),
        ("first operation", spans.iter().map(|s| Cell::Count(s.operations[0] as u64)).collect()),
        ("last operation", spans.iter().map(|s| Cell::Count(s.operations[1] as u64)).collect()),
        ("from byte", spans.iter().map(|s| Cell::Count(s.bytes[0])).collect()),
        ("to byte", spans.iter().map(|s| Cell::Count(s.bytes[1])).collect()),
    ]);
    Some(Figure {
        id: "arena".into(),
        title: "Arena over time".into(),
        note: format!(
            "Network {}: {} B of arena, exact. A map may overwrite one that is read for the last \
             time, so areas may overlap.",
            network.label,
            grouped(total)
        ),
        body: drawn + &legend(&[(Some(0), "feature map"), (Some(1), "scratch of a kernel")]),
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

/// The work of each operation, on one scale for all networks.
pub fn layers(facts: &Facts) -> Vec<Figure> {
    let counted: Vec<(&Network, &Counted)> =
        facts.networks.iter().filter_map(|n| Some((n, n.counted.first()?))).take(SHOWN).collect();
    let most = counted.iter().flat_map(|(_, c)| c.layers.iter().map(Layer::count)).max();
    let Some(most) = most else { return Vec::new() };
    counted.into_iter().filter_map(|(n, c)| layers_of(n, c, most)).collect()
}

fn layers_of(network: &Network, counted: &Counted, most: u64) -> Option<Figure> {
    let total: u64 = counted.layers.iter().map(Layer::count).sum();
    // The first count is that of the image.
    let name = |i: usize, layer: &Layer| match i {
        0 if layer.name == "image" => "image".to_owned(),
        _ => format!("{i} {}", layer.name),
    };
    let share = |layer: &Layer| layer.count() as f64 / total.max(1) as f64;
    let drawn: Vec<Bar> = counted
        .layers
        .iter()
        .enumerate()
        .map(|(i, layer)| Bar {
            name: name(i, layer),
            value: layer.count() as f64,
            text: format!("{:.3} M, {:.1} %", layer.count() as f64 / 1e6, 100.0 * share(layer)),
        })
        .collect();
    let title = format!("Network {}: {} of each operation", network.label, counted.unit);
    let layers = &counted.layers;
    let table = Table::new(vec![
        ("operation", layers.iter().enumerate().map(|(i, l)| Cell::Text(name(i, l))).collect()),
        (counted.unit.as_str(), layers.iter().map(|l| Cell::Count(l.count())).collect()),
        ("share, %", layers.iter().map(|l| Cell::Percent(share(l))).collect()),
        ("MACs", layers.iter().map(|l| Cell::Count(l.macs)).collect()),
        (
            "cycles (estimated)",
            layers
                .iter()
                .map(|l| Cell::of(l.cycles_estimated.map(|c| c.mid), Cell::Count))
                .collect(),
        ),
    ]);
    let time = counted.estimate.as_ref().and_then(|e| {
        let (clock, time) = (e.clock_hz?, e.milliseconds?);
        Some(format!(
            " Estimated time at {} MHz: {:.2} ms ({:.2} to {:.2}).",
            clock / 1_000_000,
            time.mid,
            time.low,
            time.high
        ))
    });
    let measured = counted.milliseconds.map(|ms| format!(" Measured time: {ms:.2} ms."));
    Some(Figure {
        id: format!("operations-{}", network.label.to_lowercase()),
        title: title.clone(),
        note: format!(
            "{} {} in total on {}, the median of {} inferences.{} All networks have the same scale.",
            grouped(total),
            counted.unit,
            counted.target,
            counted.repeats,
            measured.or(time).unwrap_or_default(),
        ),
        body: format!(
            "<p class=\"code\"><code>{}</code></p>{}",
            escaped(&network.code),
            bars(&title, &drawn, most as f64)?
        ),
        table: Some(table),
        wide: false,
        ..Figure::default()
    })
}

//! The table of networks, and their widths.

use std::fmt::Write as _;

use supernano_search::cost::memory::Memory;

use super::super::facts::{Facts, Network};
use super::super::table::{Cell, Table, escaped};
use super::{Figure, images};

/// Columns that name a network: label, code and role.
const NAMED: usize = 3;
/// The first column of costs; the second one if no network has a memory.
const COSTS: [&str; 2] = ["flash, B", "instructions, modelled"];
/// Most networks in the heat map.
const SHOWN: usize = 24;

/// All networks with all their numbers.
pub fn table(facts: &Facts) -> Option<Figure> {
    let networks = &facts.networks;
    if networks.is_empty() {
        return None;
    }
    let column = |of: &dyn Fn(&Network) -> Cell| networks.iter().map(of).collect::<Vec<Cell>>();
    let memory = |of: fn(&Memory) -> u64| {
        column(&|n: &Network| Cell::of(n.memory.as_ref(), |m| Cell::Count(of(m))))
    };
    let top1 = facts.scores_are_accuracies();
    let predicted = |n: &Network| {
        let cell = |s: f64| if top1 { Cell::Percent(s) } else { Cell::Number(s, 3) };
        Cell::of(n.front.as_ref().map(|f| f.score), cell)
    };
    let interval = |n: &Network| {
        Cell::of(n.front.as_ref().map(|f| f.interval).filter(|_| top1), Cell::Interval)
    };
    let share = |of: fn(&Network) -> Option<super::super::facts::Share>| {
        column(&|n: &Network| Cell::of(of(n).map(|s| s.value), Cell::Percent))
    };
    let device = |n: &Network| n.checks.iter().max_by_key(|c| c.images).and_then(|c| c.top1_device);
    let exact = |n: &Network| {
        let text = |(equal, all): (usize, usize)| Cell::Text(format!("{equal} of {all}"));
        Cell::of(n.exact(), text)
    };
    let count = |unit: &'static str| {
        column(&move |n: &Network| {
            let counted = n.counted.iter().filter(|c| c.unit == unit);
            Cell::of({ counted }.find_map(|c| c.instructions.or(c.cycles)), Cell::Count)
        })
    };
    let time = |n: &Network| Cell::of(n.milliseconds.map(|t| t.mid), |t| Cell::Number(t, 2));
    let score = format!("{} {}", facts.score_kind(), facts.score_title());
    let table = Table::new(vec![
        ("network", column(&|n| Cell::Text(n.label.clone()))),
        ("code", column(&|n| Cell::Code(n.code.clone()))),
        ("role", column(&|n| Cell::Text(n.role.into()))),
        (score.as_str(), column(&predicted)),
        ("95 % interval, %", column(&interval)),
        ("inherited (validation), %", share(|n| n.inherited)),
        ("int8 (validation), %", share(|n| n.verified)),
        ("float (test), %", share(|n| n.float)),
        ("int8 (test), %", share(|n| n.int8)),
        (
            "95 % interval of int8, %",
            column(&|n| Cell::of(n.int8.map(|s| s.interval()), Cell::Interval)),
        ),
        ("test images", column(&|n| Cell::of(n.int8, |s| Cell::Count(s.images as u64)))),
        ("device, %", column(&|n| Cell::of(device(n), Cell::Percent))),
        ("images bit-exact", column(&exact)),
        ("flash, B", memory(|m| m.flash_bytes)),
        ("= network, B", memory(|m| m.blob_bytes)),
        ("+ code, B", memory(|m| m.code_bytes)),
        ("RAM, B", memory(|m| m.ram_bytes)),
        ("= arena, B", memory(|m| m.arena_bytes)),
        ("+ logits, B", memory(|m| m.logits_bytes)),
        ("+ stack, B", memory(|m| m.stack_bytes)),
        ("+ statics, B", memory(|m| m.statics_bytes)),
        ("instructions, modelled", column(&|n| Cell::of(n.modelled, Cell::Count))),
        ("instructions, counted", count("instructions")),
        ("cycles, measured", count("cycles")),
        ("time, ms (estimated)", column(&time)),
    ]);
    let validation = images(facts.validation_images(), "validation");
    let note = format!(
        "Scores with inherited weights rest on {validation}; accuracies in float and int8 on the \
         test images of their column. A is the network to ship."
    );
    Some(Figure {
        id: "networks".into(),
        title: "Networks".into(),
        note,
        body: String::new(),
        parts: parts(&table),
        table: Some(table),
        wide: true,
    })
}

/// Names, accuracies and costs as three tables, which together are too wide for a page. Each has the
/// label of the network.
fn parts(table: &Table) -> Vec<(&'static str, Table)> {
    let costs = table.header.iter().position(|name| COSTS.contains(&name.as_str()));
    let costs = costs.unwrap_or(table.header.len());
    let named = table.part(|column| column < NAMED);
    let accuracy = table.part(|column| column == 0 || (NAMED..costs).contains(&column));
    let costs = table.part(|column| column == 0 || column >= costs);
    let all = [("Codes", named), ("Accuracy", accuracy), ("Costs", costs)];
    all.into_iter().filter(|(_, part)| part.header.len() > 1).collect()
}

/// Widths of each layer as a heat map, which is a table.
pub fn widths(facts: &Facts) -> Option<Figure> {
    let widths =
        |n: &Network| -> Vec<u64> { n.code.split('-').filter_map(|w| w.parse().ok()).collect() };
    let rows: Vec<(&Network, Vec<u64>)> =
        facts.networks.iter().take(SHOWN).map(|n| (n, widths(n))).collect();
    let layers = rows.first()?.1.len();
    if layers == 0 || rows.iter().any(|(_, w)| w.len() != layers) {
        return None;
    }
    let space = facts.config.space();
    // Other choices are no columns of widths.
    if !space.is_residual() {
        return None;
    }
    let free: Vec<usize> = space.free_layers().collect();
    let choices = |i: usize| free.get(i).map_or(&[][..], |&layer| space.layers[layer].widths);
    let largest: Vec<u64> =
        (0..layers).map(|i| u64::from(choices(i).iter().copied().max().unwrap_or(1))).collect();
    let mut body = String::from("<table class=\"heat\"><caption>Width of each layer, channels");
    body.push_str("</caption><thead><tr><th scope=\"col\">network</th>");
    for i in 1..=layers {
        let _ = write!(body, "<th scope=\"col\">{i}</th>");
    }
    body.push_str("</tr></thead><tbody>");
    for (network, widths) in &rows {
        let label = escaped(&network.label);
        let _ = write!(body, "<tr><th scope=\"row\">{label}</th>");
        for (width, most) in widths.iter().zip(&largest) {
            let shade = (4 * width).div_ceil((*most).max(1)).min(4);
            let _ = write!(body, "<td class=\"h{shade}\">{width}</td>");
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table>");
    let numbers: Vec<String> = (1..=layers).map(|i| format!("layer {i}")).collect();
    let mut columns = vec![
        ("network", rows.iter().map(|(n, _)| Cell::Text(n.label.clone())).collect::<Vec<_>>()),
        ("code", rows.iter().map(|(n, _)| Cell::Code(n.code.clone())).collect()),
    ];
    for (i, name) in numbers.iter().enumerate() {
        columns.push((name, rows.iter().map(|(_, w)| Cell::Count(w[i])).collect()));
    }
    Some(Figure {
        id: "widths".into(),
        title: "Widths of the layers".into(),
        note:
            "Nominal channels of each searched layer, counted from 1. A darker cell is nearer to \
               the widest option of the layer."
                .into(),
        body: format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Heat map of the widths\">{body}</div>"
        ),
        table: Some(Table::new(columns)),
        wide: layers > 10,
        ..Figure::default()
    })
}

//! Features of spaces with other choices than widths.
//!
//! Every feature is 0 at the smallest option of its choice and for a left-out layer, and grows with
//! the option. A block that is added therefore never lowers the sum of non-negative effects.

use supernano_core::arch::Arch;
use supernano_core::space::{Choice, Space};

use super::{Terms, ln_costs, pair_shapes, shapes};

/// Size of an option: channels, factor, products of a kernel, blocks or pixels of a side.
fn value(space: &Space<'_>, choice: Choice, option: usize) -> f64 {
    match choice {
        Choice::Width(layer) | Choice::Expansion(layer) => {
            f64::from(space.layers[layer].widths[option])
        }
        Choice::Kernel(layer) => {
            let [rows, columns] = space.layers[layer].kernels[option].map(f64::from);
            rows * columns
        }
        Choice::Depth(stage) => f64::from(space.stages[stage].depths[option]),
        Choice::Resolution => f64::from(space.resolutions[option]),
    }
}

/// The choices of a space in the order of codes, each with the sizes of its options, and with the index
/// of its block.
pub fn sized_choices(space: &Space<'_>) -> Vec<(Choice, Vec<f64>, Option<usize>)> {
    let sized = |choice| {
        let sizes = (0..space.options(choice)).map(|option| value(space, choice, option));
        (choice, sizes.collect(), space.block_of(choice).map(|placed| placed.index))
    };
    space.choices().map(sized).collect()
}

/// The choices that a sub-network makes: choice, block, size of the smallest option, and size of its
/// option, which is `None` for a left-out layer.
fn kept_choices(space: &Space<'_>, arch: &Arch) -> Vec<(Choice, Option<usize>, f64, Option<f64>)> {
    let kept = |choice| {
        let block = space.block_of(choice).map(|placed| placed.index);
        let is_there = block.is_none_or(|block| arch.keeps(space, block));
        let size = is_there.then(|| value(space, choice, usize::from(arch.option(choice))));
        (choice, block, value(space, choice, 0), size)
    };
    space.choices().map(kept).collect()
}

/// Pairs of the widths of a stage, by index in [`kept_choices`]. Blocks of no stage have no pairs.
fn pairs(space: &Space<'_>) -> Vec<(usize, usize)> {
    let stage = |choice| match choice {
        Choice::Width(_) => space.stage_of(space.block_of(choice)?.index).map(|(stage, _)| stage),
        _ => None,
    };
    let stages: Vec<Option<usize>> = space.choices().map(stage).collect();
    let mut pairs = Vec::new();
    for (a, one) in stages.iter().enumerate().filter(|(_, stage)| stage.is_some()) {
        pairs.extend((a + 1..stages.len()).filter(|&b| stages[b] == *one).map(|b| (a, b)));
    }
    pairs
}

/// As [`Terms::of`].
pub fn features(terms: Terms, space: &Space<'_>, arch: &Arch) -> Vec<f64> {
    let choices = kept_choices(space, arch);
    let mut features = ln_costs(space, arch).to_vec();
    for &(choice, _, least, size) in &choices {
        match (choice, size) {
            (Choice::Width(_), Some(width)) => {
                let [smallest, own] = [least, width].map(|w| shapes(w as u16));
                features.extend(own.iter().zip(smallest).map(|(o, s)| o - s));
            }
            (Choice::Width(_), None) => features.extend(shapes(1).map(|_| 0.0)),
            (_, size) => features.push(size.map_or(0.0, |size| (size / least).ln())),
        }
    }
    if terms == Terms::Pairs {
        for (a, b) in pairs(space) {
            let [v, w] = [a, b].map(|i| choices[i].3.map(|w| w as u16));
            let least = pair_shapes(choices[a].2 as u16, choices[b].2 as u16);
            match (v, w) {
                (Some(v), Some(w)) => {
                    features.extend(pair_shapes(v, w).iter().zip(least).map(|(o, s)| o - s));
                }
                _ => features.extend(least.map(|_| 0.0)),
            }
        }
    }
    features
}

/// As [`Terms::names`].
pub fn names(terms: Terms, space: &Space<'_>) -> Vec<String> {
    let mut names = vec!["ln macs".to_owned(), "ln params".to_owned()];
    let layer = |choice| match choice {
        Choice::Width(layer) | Choice::Expansion(layer) | Choice::Kernel(layer) => layer + 1,
        Choice::Depth(stage) => stage + 1,
        Choice::Resolution => 0,
    };
    for choice in space.choices() {
        let index = layer(choice);
        match choice {
            Choice::Width(_) => {
                let shapes = ["-1/w", "ln w", "sqrt w"];
                names.extend(shapes.map(|shape| format!("layer {index}: {shape}")));
            }
            Choice::Expansion(_) => names.push(format!("layer {index}: ln expansion")),
            Choice::Kernel(_) => names.push(format!("layer {index}: ln kernel")),
            Choice::Depth(_) => names.push(format!("stage {index}: ln depth")),
            Choice::Resolution => names.push("ln resolution".to_owned()),
        }
    }
    if terms == Terms::Pairs {
        let choices: Vec<Choice> = space.choices().collect();
        for (a, b) in pairs(space) {
            let (l, m) = (layer(choices[a]), layer(choices[b]));
            let shapes = ["-1/sqrt(v w)", "-ln(1/v + 1/w)"];
            names.extend(shapes.map(|shape| format!("layers {l}, {m}: {shape}")));
        }
    }
    names
}

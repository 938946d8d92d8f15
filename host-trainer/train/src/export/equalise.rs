//! Cross-layer equalisation, after section 4.1 of arXiv 1906.04721, with factors from the ranges of
//! the feature maps. The channels of a map share one scale in int8. Each channel is divided by a
//! factor so that it uses more of the common range, and the layers that read the map multiply by
//! the factor. ReLU and PReLU commute with positive factors for any slope, and so do pools, so the
//! function of the network does not change. A clipped activation keeps its bound, so that a channel
//! with a factor `s` is clipped at `s` times the bound. This is at least the largest value that the
//! calibration images gave it, and the channel that reaches most has no factor.
//!
//! The two maps of an addition have the same factors. An identity shortcut therefore ties all maps
//! on it together.

use super::material::{ImageBatch, ImageSet};
use crate::backend::LayerOp;
use crate::supernet::{FoldedConv, FoldedNet, Linear};

/// Least factor. A channel is enlarged at most 16 times.
const LEAST: f32 = 1.0 / 16.0;
/// Exponents of the factors that are tried. An exponent of 1 gives every channel the full range.
const EXPONENTS: [f32; 4] = [0.25, 0.5, 0.75, 1.0];

/// Maps with the same factors. Convolutions are indices in the order of `Net::convs`.
#[derive(Debug, Default)]
struct Group {
    /// Convolutions that write the maps.
    producers: Vec<usize>,
    /// Convolutions that read the maps.
    consumers: Vec<usize>,
    /// True if the classifier reads a map.
    classifier: bool,
}

/// Statistics of a map, by channel.
struct Seen {
    /// Largest magnitude.
    largest: Vec<f32>,
    /// Sum of squares.
    squares: Vec<f64>,
    /// Values of one channel.
    count: f64,
}

/// Equalises a network over `images`. On them, the result computes the same function up to float
/// rounding, and its maps lose less in int8.
pub fn equalise(net: &FoldedNet, images: &ImageSet) -> FoldedNet {
    let mut convs: Vec<FoldedConv> = net.convs().cloned().collect();
    let mut classifier = net.classifier.clone();
    let seen = observe(net, images);
    for group in groups(net) {
        let Some(factors) = factors(&group, &seen, &convs, &classifier) else { continue };
        for &i in &group.producers {
            let conv = &mut convs[i];
            let size = conv.weight.len() / conv.output;
            for (o, s) in factors.iter().enumerate() {
                conv.weight[o * size..(o + 1) * size].iter_mut().for_each(|w| *w /= s);
                conv.bias[o] /= s;
            }
        }
        for &i in &group.consumers {
            let op = convs[i].op;
            columns(&mut convs[i].weight, op, &factors);
        }
        if group.classifier {
            columns(&mut classifier.weight, LayerOp::POINT, &factors);
        }
    }
    let layers = net.layers.assemble(convs.into_iter().enumerate().collect());
    FoldedNet { input: net.input, layers, classifier }
}

/// Multiplies the weights of input channel `i` by `factors[i]`.
fn columns(weight: &mut [f32], op: LayerOp, factors: &[f32]) {
    let taps = op.geometry.taps();
    for row in weight.chunks_exact_mut(taps * factors.len()) {
        for (w, s) in row.chunks_exact_mut(taps).zip(factors) {
            w.iter_mut().for_each(|w| *w *= s);
        }
    }
}

/// The groups in the order of execution of their first producers. The input of the network has no
/// group, and neither has a sum with it.
fn groups(net: &FoldedNet) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut of_map: Vec<Option<usize>> = vec![None];
    for (step, conv) in net.layers.executed() {
        if !conv.op.weighted() {
            of_map.push(of_map[step.input]);
            continue;
        }
        if let Some(group) = of_map[step.input] {
            groups[group].consumers.push(step.index);
        }
        let group = match step.residual {
            Some(added) => of_map[added],
            None => {
                groups.push(Group::default());
                Some(groups.len() - 1)
            }
        };
        if let Some(group) = group {
            groups[group].producers.push(step.index);
        }
        of_map.push(group);
    }
    if let Some(&Some(last)) = of_map.last() {
        groups[last].classifier = true;
    }
    groups
}

/// Collects the statistics of the map of every convolution.
fn observe(net: &FoldedNet, images: &ImageSet) -> Vec<Seen> {
    let empty = |c| Seen { largest: vec![0.0; c], squares: vec![0.0; c], count: 0.0 };
    let mut all: Vec<Seen> = net.convs().map(|conv| empty(conv.output)).collect();
    for ImageBatch { n, values, .. } in images.batches() {
        net.observe(&values, n, &mut |step, map| {
            let seen = &mut all[step.index];
            let channels = seen.largest.len();
            let pixels = map.len() / (n * channels);
            for (i, plane) in map.chunks_exact(pixels).enumerate() {
                let c = i % channels;
                for &v in plane {
                    seen.largest[c] = seen.largest[c].max(v.abs());
                    seen.squares[c] += f64::from(v * v);
                }
            }
            seen.count += (n * pixels) as f64;
        });
    }
    all
}

/// The factors of a group that minimise the noise in the layers that read it; `None` if no
/// equalisation is best.
fn factors(
    group: &Group,
    seen: &[Seen],
    convs: &[FoldedConv],
    classifier: &Linear,
) -> Option<Vec<f32>> {
    let main = &seen[group.producers[0]];
    let mut used = vec![0f32; main.largest.len()];
    for map in group.producers.iter().map(|&i| &seen[i]) {
        let most = map.largest.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        used.iter_mut().zip(&map.largest).for_each(|(u, l)| *u = u.max(l / most));
    }
    let squares: Vec<f64> = main.squares.iter().map(|s| s / main.count).collect();
    let step = f64::from(main.largest.iter().copied().fold(0.0, f32::max)) / 255.0;
    let readers: Vec<(&[f32], LayerOp)> = group
        .consumers
        .iter()
        .map(|&i| (convs[i].weight.as_slice(), convs[i].op))
        .chain(group.classifier.then_some((classifier.weight.as_slice(), LayerOp::POINT)))
        .collect();
    let noise = |factors: &[f32]| -> f64 {
        readers.iter().map(|(w, op)| relative_noise(w, *op, factors, &squares, step)).sum()
    };
    let mut best = (noise(&vec![1.0; used.len()]), None);
    for exponent in EXPONENTS {
        let factors: Vec<f32> = used.iter().map(|u| u.max(LEAST).powf(exponent)).collect();
        let found = noise(&factors);
        if found < best.0 {
            best = (found, Some(factors));
        }
    }
    best.1
}

/// Ratio of noise power to signal power in a layer that reads a map with mean squares `squares`, by
/// channel. The noise comes from rounding the map, with `step` real units a step, and the weights,
/// with one scale for each output channel.
fn relative_noise(weight: &[f32], op: LayerOp, factors: &[f32], squares: &[f64], step: f64) -> f64 {
    let (mut noise, mut signal) = (0f64, 0f64);
    let taps = op.geometry.taps();
    // an output of a depthwise convolution reads a single channel
    let inputs = if op.by_channel() { 1 } else { factors.len() };
    for (o, row) in weight.chunks_exact(taps * inputs).enumerate() {
        let first = if op.by_channel() { o } else { 0 };
        let (factors, squares) = (&factors[first..][..inputs], &squares[first..][..inputs]);
        let (mut largest, mut through, mut energy) = (0f64, 0f64, 0f64);
        for ((w, &s), &power) in row.chunks_exact(taps).zip(factors).zip(squares) {
            let s = f64::from(s);
            for &w in w {
                let w = f64::from(w);
                largest = largest.max((w * s).abs());
                through += (w * s).powi(2);
                signal += w * w * power;
            }
            energy += power / (s * s) * taps as f64;
        }
        noise += (through * step * step + (largest / 127.0).powi(2) * energy) / 12.0;
    }
    noise / signal.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;

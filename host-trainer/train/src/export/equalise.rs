//! Cross-layer equalisation: channels of a map are scaled to use its one scale better, and the
//! layers around it absorb the factors. ReLU and PReLU commute with positive factors, whatever the
//! slope, so the network's function stays what it is.
//!
//! What an identity shortcut ties together is scaled together; the two producers of a sum too.

use supernano_data::Dataset;

use crate::supernet::{Block, FoldedConv, FoldedNet, Linear, Site};

/// Least factor: a channel is widened 16 times at most.
const LEAST: f32 = 1.0 / 16.0;
/// Exponents that are tried; 0 changes nothing, 1 gives every channel the full range.
const EXPONENTS: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Maps with the same factors, by convolutions in the order of `Net::convs`.
#[derive(Debug, Default)]
struct Group {
    producers: Vec<usize>,
    consumers: Vec<usize>,
    classifier: bool,
    sites: Vec<Site>,
}

/// Largest magnitude and mean square of every channel of a map.
struct Seen {
    site: Site,
    largest: Vec<f32>,
    squares: Vec<f64>,
    count: f64,
}

/// A network with the same function (up to float rounding) whose maps lose less in int8; factors
/// come from training images.
pub fn equalise(net: &FoldedNet, dataset: &Dataset, images: &[u32]) -> FoldedNet {
    let mut convs: Vec<FoldedConv> = net.convs().cloned().collect();
    let mut classifier = net.classifier.clone();
    let seen = observe(net, dataset, images);
    for group in groups(net) {
        let sites: Vec<&Seen> = seen.iter().filter(|s| group.sites.contains(&s.site)).collect();
        let Some(factors) = factors(&group, &sites, &convs, &classifier) else { continue };
        for &i in &group.producers {
            let conv = &mut convs[i];
            let size = conv.weight.len() / conv.output;
            for (o, s) in factors.iter().enumerate() {
                conv.weight[o * size..(o + 1) * size].iter_mut().for_each(|w| *w /= s);
                conv.bias[o] /= s;
            }
        }
        for &i in &group.consumers {
            let taps = convs[i].kernel * convs[i].kernel;
            columns(&mut convs[i].weight, taps, &factors);
        }
        if group.classifier {
            columns(&mut classifier.weight, 1, &factors);
        }
    }
    let mut convs = convs.into_iter();
    let blocks =
        net.blocks.iter().map(|b| b.map(|old| convs.next().unwrap_or_else(|| old.clone())));
    FoldedNet { input: net.input, blocks: blocks.collect(), classifier }
}

/// Multiplies the columns of `[out, in, taps]`.
fn columns(weight: &mut [f32], taps: usize, factors: &[f32]) {
    for row in weight.chunks_exact_mut(taps * factors.len()) {
        for (w, s) in row.chunks_exact_mut(taps).zip(factors) {
            w.iter_mut().for_each(|w| *w *= s);
        }
    }
}

fn groups(net: &FoldedNet) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut at, mut conv, mut layer) = (None::<usize>, 0, 0);
    for block in &net.blocks {
        match block {
            Block::Conv(_) => {
                if let Some(g) = at {
                    groups[g].consumers.push(conv);
                }
                let (producers, sites) = (vec![conv], vec![Site::Layer(layer)]);
                groups.push(Group { producers, sites, ..Group::default() });
                at = Some(groups.len() - 1);
                (conv, layer) = (conv + 1, layer + 1);
            }
            Block::Residual { shortcut, .. } => {
                let (first, second) = (conv, conv + 1);
                if let Some(g) = at {
                    groups[g].consumers.push(first);
                    groups[g].consumers.extend(shortcut.as_ref().map(|_| conv + 2));
                }
                groups.push(Group {
                    producers: vec![first],
                    consumers: vec![second],
                    sites: vec![Site::Layer(layer)],
                    classifier: false,
                });
                if shortcut.is_some() {
                    groups.push(Group {
                        producers: vec![second, conv + 2],
                        sites: vec![Site::Layer(layer + 1), Site::Shortcut(layer + 1)],
                        ..Group::default()
                    });
                    at = Some(groups.len() - 1);
                } else if let Some(g) = at {
                    groups[g].producers.push(second);
                    groups[g].sites.push(Site::Layer(layer + 1));
                }
                conv += 2 + usize::from(shortcut.is_some());
                layer += 2;
            }
        }
    }
    if let Some(g) = at {
        groups[g].classifier = true;
    }
    groups
}

fn observe(net: &FoldedNet, dataset: &Dataset, images: &[u32]) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    let sites = sites(net);
    for indices in images.chunks(64) {
        let batch = dataset.batch(&dataset.train, indices);
        net.observe(&batch, indices.len(), &mut |site, values| {
            let Some(&(_, c)) = sites.iter().find(|s| s.0 == site) else { return };
            let at = all.iter().position(|s| s.site == site).unwrap_or_else(|| {
                all.push(Seen { site, largest: vec![0.0; c], squares: vec![0.0; c], count: 0.0 });
                all.len() - 1
            });
            let seen = &mut all[at];
            let pixels = values.len() / (indices.len() * c).max(1);
            for (i, plane) in values.chunks_exact(pixels.max(1)).enumerate() {
                let c = i % c;
                for &v in plane {
                    seen.largest[c] = seen.largest[c].max(v.abs());
                    seen.squares[c] += f64::from(v * v);
                }
            }
            seen.count += (indices.len() * pixels) as f64;
        });
    }
    all
}

/// Every map that a convolution writes, and its channels.
pub fn sites(net: &FoldedNet) -> Vec<(Site, usize)> {
    let (mut list, mut layer) = (Vec::new(), 0);
    for block in &net.blocks {
        match block {
            Block::Conv(conv) => list.push((Site::Layer(layer), conv.output)),
            Block::Residual { first, second, shortcut } => {
                list.push((Site::Layer(layer), first.output));
                layer += 1;
                list.push((Site::Layer(layer), second.output));
                list.extend(shortcut.as_ref().map(|c| (Site::Shortcut(layer), c.output)));
            }
        }
        layer += 1;
    }
    list
}

/// The factors of a group with the least noise behind it; `None` where that is none.
fn factors(
    group: &Group,
    sites: &[&Seen],
    convs: &[FoldedConv],
    classifier: &Linear,
) -> Option<Vec<f32>> {
    let main = sites.first()?;
    let mut used = vec![0f32; main.largest.len()];
    for site in sites {
        let most = site.largest.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        used.iter_mut().zip(&site.largest).for_each(|(u, l)| *u = u.max(l / most));
    }
    let squares: Vec<f64> = main.squares.iter().map(|s| s / main.count.max(1.0)).collect();
    let step = f64::from(main.largest.iter().copied().fold(0.0, f32::max)) / 255.0;
    let readers: Vec<(&[f32], usize)> = group
        .consumers
        .iter()
        .map(|&i| (convs[i].weight.as_slice(), convs[i].kernel * convs[i].kernel))
        .chain(group.classifier.then_some((classifier.weight.as_slice(), 1)))
        .collect();
    let noise = |factors: &[f32]| -> f64 {
        readers.iter().map(|(w, taps)| relative_noise(w, *taps, factors, &squares, step)).sum()
    };
    let candidates = EXPONENTS.map(|e| {
        let factors: Vec<f32> = used.iter().map(|u| u.max(LEAST).powf(e)).collect();
        (noise(&factors), e, factors)
    });
    let best = candidates.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.1 > 0.0).then_some(best.2)
}

/// Noise power over signal power in a layer that reads a map: rounding of the map (`step` real
/// units a step) and of the weights, whose rows have one scale each.
fn relative_noise(weight: &[f32], taps: usize, factors: &[f32], squares: &[f64], step: f64) -> f64 {
    let (mut noise, mut signal) = (0f64, 0f64);
    for row in weight.chunks_exact(taps * factors.len()) {
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

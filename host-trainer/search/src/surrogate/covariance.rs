//! Covariance functions of the effects of choices on accuracy, tabulated over the options of each
//! choice. In spaces of residual networks the choices are the widths of the layers.

use supernano_core::arch::Arch;
use supernano_core::space::{Choice, Space};

use super::features::sized_choices;

/// Length scale of an effect, in ln of the size of the option. From 4 to 64 channels ln changes by 2.8.
const LENGTH: f64 = 2.0;

/// The covariance between the effects of two options of a choice.
struct LayerCovariance {
    choice: Choice,
    /// For a layer that may be left out, the depth that decides, and for each of its options whether
    /// the layer is there. A left-out layer has no effect.
    optional: Option<(Choice, Vec<bool>)>,
    /// Index of the resolution, whose layers share a variance.
    group: usize,
    options: usize,
    /// `[option][option]`.
    table: Vec<f64>,
}

/// The covariances of all choices of a space.
pub struct WidthCovariance {
    layers: Vec<LayerCovariance>,
    /// Number of resolutions.
    pub groups: usize,
}

/// exp(-(ln v - ln w)^2 / (2 LENGTH^2)) for all pairs of sizes, centred so that the effects of a
/// choice have mean 0 over its options, and scaled to a mean variance of 1. All 0 for one option.
fn table(sizes: &[f64]) -> Vec<f64> {
    let n = sizes.len();
    let plain = |a: usize, b: usize| {
        let distance = sizes[a].ln() - sizes[b].ln();
        (-0.5 * (distance / LENGTH).powi(2)).exp()
    };
    let means: Vec<f64> =
        (0..n).map(|a| (0..n).map(|b| plain(a, b)).sum::<f64>() / n as f64).collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    let centred = |a: usize, b: usize| plain(a, b) - means[a] - means[b] + mean;
    let variance = (0..n).map(|a| centred(a, a)).sum::<f64>() / n as f64;
    let scale = if variance > 1e-9 { 1.0 / variance } else { 0.0 };
    (0..n * n).map(|i| scale * centred(i / n, i % n)).collect()
}

impl WidthCovariance {
    /// Tabulates the covariances of a space.
    pub fn new(space: &Space<'_>) -> Self {
        let mut resolutions: Vec<usize> = Vec::new();
        let mut layers = Vec::new();
        for (choice, sizes, block) in sized_choices(space) {
            // Depths and the resolution are a group of their own, of 0 pixels.
            let pixels = match choice {
                Choice::Width(layer) | Choice::Expansion(layer) | Choice::Kernel(layer) => {
                    space.output_of(layer).pixels()
                }
                Choice::Depth(_) | Choice::Resolution => 0,
            };
            let group = resolutions.iter().position(|&r| r == pixels).unwrap_or_else(|| {
                resolutions.push(pixels);
                resolutions.len() - 1
            });
            let optional = block.filter(|&block| space.is_optional(block)).and_then(|block| {
                let (stage, position) = space.stage_of(block)?;
                let depths = space.stages[stage].depths.iter();
                let kept = depths.map(|&depth| usize::from(depth) > position).collect();
                Some((Choice::Depth(stage), kept))
            });
            let (options, table) = (sizes.len(), table(&sizes));
            layers.push(LayerCovariance { choice, optional, group, options, table });
        }
        Self { layers, groups: resolutions.len() }
    }

    /// Covariances of two sub-networks: one for the effects of the layers of each resolution, then
    /// one for the products of two layers of the same resolution.
    pub fn between(&self, a: &Arch, b: &Arch) -> Vec<f64> {
        let mut sums = vec![0.0; self.groups];
        let mut squares = vec![0.0; self.groups];
        for l in &self.layers {
            let has = |arch: &Arch| {
                let depth = l.optional.as_ref();
                depth.is_none_or(|(depth, kept)| kept[usize::from(arch.option(*depth))])
            };
            if !has(a) || !has(b) {
                continue;
            }
            let [row, column] = [a, b].map(|arch| usize::from(arch.option(l.choice)));
            let k = l.table[row * l.options + column];
            sums[l.group] += k;
            squares[l.group] += k * k;
        }
        let products = sums.iter().zip(&squares).map(|(s, q)| (s * s - q) / 2.0).sum();
        sums.push(products);
        sums
    }
}

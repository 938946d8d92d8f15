//! Covariances of what layers' widths do to accuracy, as tables over a layer's options.

use supernano_core::arch::Arch;
use supernano_core::space::Space;

/// Length scale of a layer's effect, in ln of its width: from 4 to 64 channels ln changes by 2.8.
const LENGTH: f64 = 2.0;

/// One free layer: covariance between the effects of two options.
struct LayerKernel {
    /// Index into [`Space::layers`].
    layer: usize,
    /// Layers of one resolution share a variance.
    group: usize,
    options: usize,
    /// `[option][option]`.
    table: Vec<f64>,
}

/// The layers of a space.
pub struct Kernels {
    layers: Vec<LayerKernel>,
    /// Resolutions among them.
    pub groups: usize,
}

/// exp(-(ln v - ln w)^2 / (2 LENGTH^2)), centred so that a layer's effects have mean 0 over its
/// options, and scaled to a mean variance of 1. All 0 for a single option.
fn table(widths: &[u16]) -> Vec<f64> {
    let n = widths.len();
    let plain = |a: usize, b: usize| {
        let distance = f64::from(widths[a]).ln() - f64::from(widths[b]).ln();
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

impl Kernels {
    /// Of a space's free layers.
    pub fn new(space: &Space<'_>) -> Self {
        let mut resolutions: Vec<usize> = Vec::new();
        let layers = space
            .free_layers()
            .map(|layer| {
                let this = &space.layers[layer];
                let pixels = space.input_of(layer).convolved(this.stride, 0).pixels();
                let group = resolutions.iter().position(|&r| r == pixels);
                let group = group.unwrap_or_else(|| {
                    resolutions.push(pixels);
                    resolutions.len() - 1
                });
                let options = this.widths.len();
                LayerKernel { layer, group, options, table: table(this.widths) }
            })
            .collect();
        Self { layers, groups: resolutions.len() }
    }

    /// Covariances of two sub-networks: a part for each resolution (the layers' own effects), then
    /// one for the products of two layers of a resolution.
    pub fn between(&self, a: &Arch, b: &Arch) -> Vec<f64> {
        let (mut sums, mut squares) = (vec![0.0; self.groups], vec![0.0; self.groups]);
        for l in &self.layers {
            let (row, column) = (a.options()[l.layer], b.options()[l.layer]);
            let k = l.table[usize::from(row) * l.options + usize::from(column)];
            sums[l.group] += k;
            squares[l.group] += k * k;
        }
        let products = sums.iter().zip(&squares).map(|(s, q)| (s * s - q) / 2.0).sum();
        sums.push(products);
        sums
    }
}

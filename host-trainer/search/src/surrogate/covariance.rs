//! Covariance functions of the effects of layer widths on accuracy, tabulated over the options of
//! each layer.

use supernano_core::arch::Arch;
use supernano_core::space::Space;

/// Length scale of a layer's effect, in ln of its width. From 4 to 64 channels ln changes by 2.8.
const LENGTH: f64 = 2.0;

/// The covariance between the effects of two options of a free layer.
struct LayerCovariance {
    /// Index into [`Space::layers`].
    layer: usize,
    /// Index of the resolution, whose layers share a variance.
    group: usize,
    options: usize,
    /// `[option][option]`.
    table: Vec<f64>,
}

/// The covariances of all free layers of a space.
pub struct WidthCovariance {
    layers: Vec<LayerCovariance>,
    /// Number of resolutions.
    pub groups: usize,
}

/// exp(-(ln v - ln w)^2 / (2 LENGTH^2)) for all pairs of widths, centred so that the effects of a
/// layer have mean 0 over its options, and scaled to a mean variance of 1. All 0 for one option.
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

impl WidthCovariance {
    /// Tabulates the covariances of a space.
    pub fn new(space: &Space<'_>) -> Self {
        let mut resolutions: Vec<usize> = Vec::new();
        let mut layers = Vec::new();
        for layer in space.free_layers() {
            let described = &space.layers[layer];
            let pixels = space.output_of(layer).pixels();
            let group = resolutions.iter().position(|&r| r == pixels).unwrap_or_else(|| {
                resolutions.push(pixels);
                resolutions.len() - 1
            });
            let options = described.widths.len();
            layers.push(LayerCovariance { layer, group, options, table: table(described.widths) });
        }
        Self { layers, groups: resolutions.len() }
    }

    /// Covariances of two sub-networks: one for the effects of the layers of each resolution, then
    /// one for the products of two layers of the same resolution.
    pub fn between(&self, a: &Arch, b: &Arch) -> Vec<f64> {
        let mut sums = vec![0.0; self.groups];
        let mut squares = vec![0.0; self.groups];
        for l in &self.layers {
            let row = usize::from(a.options()[l.layer]);
            let column = usize::from(b.options()[l.layer]);
            let k = l.table[row * l.options + column];
            sums[l.group] += k;
            squares[l.group] += k * k;
        }
        let products = sums.iter().zip(&squares).map(|(s, q)| (s * s - q) / 2.0).sum();
        sums.push(products);
        sums
    }
}

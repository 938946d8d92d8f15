//! The error of the logits if a single part of a network is quantised, and the rest computes in float.

use super::integers::QuantParams;
use super::material::ImageBatch;
use super::post_training::PostTraining;
use super::quantise::QConv;
use super::simulate::activated;
use crate::backend::{Cpu, FeatureMap};
use crate::supernet::{FoldedConv, FoldedNet, Step, Visitor, visit};

/// Logits of a network of which one part is quantised.
pub struct Alone {
    /// With the weights of a layer in int8; `None` for a pool.
    pub weights: Option<Vec<f32>>,
    /// With the map that the layer writes in int8.
    pub map: Vec<f32>,
}

/// Logits `[n, classes]` for each layer alone, in the order of execution. The parts are those of the
/// integer network; the float network is [`PostTraining::reference`].
pub fn alone<'a>(
    quantised: &'a PostTraining,
    images: &'a ImageBatch<'_>,
) -> impl Iterator<Item = Alone> + 'a {
    let PostTraining { reference, net, .. } = quantised;
    net.layers.executed().map(move |(step, q)| {
        let weights = q.op.weighted().then(|| {
            let mut rounded = reference.clone();
            rounded.layers.items_mut()[step.index].weight = real_weights(q);
            rounded.forward(&images.values, images.n)
        });
        Alone { weights, map: with_map(reference, images, step.index, q.to) }
    })
}

/// The weights of a layer in int8, in real units.
fn real_weights(q: &QConv) -> Vec<f32> {
    let weights = q.weights_oihw();
    let size = weights.len() / q.output;
    let rows = weights.chunks_exact(size).zip(&q.integers.steps);
    rows.flat_map(|(row, step)| row.iter().map(move |&w| (f64::from(w) * step) as f32)).collect()
}

/// The logits with the map of layer `index` rounded to `to`.
fn with_map(net: &FoldedNet, images: &ImageBatch<'_>, index: usize, to: QuantParams) -> Vec<f32> {
    let s = net.input;
    let (c, h, w) = (s.channels.into(), s.height.into(), s.width.into());
    let input = FeatureMap::from_images(&images.values, images.n, c, h, w);
    let last = visit(&net.layers, input, &mut RoundingPass { index, to });
    let pixels = last.h * last.w;
    let features: Vec<f32> = last
        .to_images()
        .chunks_exact(pixels)
        .map(|plane| plane.iter().sum::<f32>() / pixels as f32)
        .collect();
    let classifier = &net.classifier;
    let logit = |(row, bias): (&[f32], &f32), features: &[f32]| {
        row.iter().zip(features).map(|(w, f)| w * f).sum::<f32>() + bias
    };
    let rows = || classifier.weight.chunks_exact(classifier.input).zip(&classifier.bias);
    let of_image = |features| rows().map(move |row| logit(row, features));
    features.chunks_exact(classifier.input).flat_map(of_image).collect()
}

/// A pass in float that rounds one map.
struct RoundingPass {
    index: usize,
    to: QuantParams,
}

impl Visitor<FoldedConv> for RoundingPass {
    type FeatureMap = FeatureMap<Cpu>;

    fn conv(
        &mut self,
        step: &Step,
        conv: &FoldedConv,
        x: &FeatureMap<Cpu>,
        residual: Option<&FeatureMap<Cpu>>,
    ) -> FeatureMap<Cpu> {
        let written = match conv.op.weighted() {
            false => x.pooled(&conv.op),
            true => {
                let shape = conv.op.weight_shape(conv.output, conv.input);
                let sums = x.affine(&conv.weight, shape, &conv.bias, &conv.op, residual);
                activated(sums, conv.act)
            }
        };
        if step.index != self.index {
            return written;
        }
        let FeatureMap { n, c, h, w, .. } = written;
        let mut values = written.to_images();
        values.iter_mut().for_each(|v| *v = self.to.rounded(*v));
        FeatureMap::from_images(&values, n, c, h, w)
    }
}

#[cfg(test)]
mod tests;

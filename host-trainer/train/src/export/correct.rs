//! Bias correction, after section 4.2 of arXiv 1906.04721: every bias compensates the mean
//! quantisation error of its channel.

use super::integers;
use super::integers::QuantParams;
use super::material::{ImageBatch, Normalisation};
use super::observe::ActivationParams;
use super::quantise::{QConv, QuantisedNet};
use super::simulate::{activated, integer_input};
use crate::backend::{Cpu, FeatureMap};
use crate::supernet::{FoldedConv, FoldedNet, Step, Visitor, visit};

/// A map in float and in integers.
#[derive(Clone)]
struct Both {
    float: FeatureMap<Cpu>,
    /// Integers, `q - z`.
    integer: FeatureMap<Cpu>,
    /// Parameters of the integers.
    params: QuantParams,
}

/// Corrects every bias by the mean error of its channel over `images`. Layers are corrected in the
/// order of execution, and each error is measured behind corrected layers.
pub fn correct(
    net: &FoldedNet,
    params: &ActivationParams,
    normalisation: &Normalisation,
    images: &ImageBatch<'_>,
) -> FoldedNet {
    let plain = QuantisedNet::with(net, params, normalisation);
    let s = net.input;
    let (c, h, w) = (s.channels.into(), s.height.into(), s.width.into());
    let input = Both {
        float: FeatureMap::from_images(&images.values, images.n, c, h, w),
        integer: integer_input(&plain, images),
        params: plain.image,
    };
    let mut pass = CorrectionPass { params, made: Vec::new() };
    let Both { float, integer, params } = visit(&net.layers, input, &mut pass);
    let layers = net.layers.assemble(pass.made);
    let mut classifier = net.classifier.clone();
    let (float, integer) = (float.channel_means(), integer.channel_means());
    let dense =
        integers::dense(&classifier.weight, &classifier.bias, params, plain.pixels, plain.shift);
    let width = classifier.input;
    for (o, bias) in classifier.bias.iter_mut().enumerate() {
        let rows = classifier.weight[o * width..].iter().zip(&dense.weights[o * width..]);
        let error: f64 = rows
            .zip(float.iter().zip(&integer))
            .map(|((&w, &q), (&f, &i))| {
                f64::from(w) * f64::from(f)
                    - f64::from(q) * dense.steps[o] * f64::from(i) * f64::from(params.scale)
            })
            .sum();
        *bias += error as f32;
    }
    FoldedNet { input: net.input, layers, classifier }
}

/// A pass that corrects the biases of the convolutions.
struct CorrectionPass<'a> {
    params: &'a ActivationParams,
    /// Corrected convolutions, each with its index.
    made: Vec<(usize, FoldedConv)>,
}

impl Visitor<FoldedConv> for CorrectionPass<'_> {
    type FeatureMap = Both;

    fn conv(&mut self, step: &Step, conv: &FoldedConv, x: &Both, residual: Option<&Both>) -> Both {
        if !conv.op.weighted() {
            self.made.push((step.index, conv.clone()));
            let q = QConv::new(conv, self.params, step.index, x.params, None);
            let integer = q.written_map(&x.integer, None);
            return Both { float: x.float.pooled(&conv.op), integer, params: q.to };
        }
        let mut conv = conv.clone();
        let shape = conv.op.weight_shape(conv.output, conv.input);
        let added = residual.map(|r| &r.float);
        let sums_float = x.float.affine(&conv.weight, shape, &conv.bias, &conv.op, added);
        let quantised = |conv: &FoldedConv| {
            QConv::new(conv, self.params, step.index, x.params, residual.map(|r| r.params))
        };
        let q = quantised(&conv);
        let sums = q.sums(&x.integer);
        let (float, integer) = (sums_float.channel_means(), sums.channel_means());
        let added = residual.map(|r| r.integer.channel_means());
        for o in 0..conv.output {
            let unit = q.integers.steps[o] * f64::from(x.params.scale);
            let k = f64::from(q.integers.channels[o].residual);
            let added = added.as_ref().map_or(0.0, |a| f64::from(a[o]) * k);
            let found = (f64::from(integer[o]) + f64::from(q.integers.bias[o]) + added) * unit;
            conv.bias[o] += (f64::from(float[o]) - found) as f32;
        }
        let q = quantised(&conv);
        let integer = sums.requantise(residual.map(|r| &r.integer), &q.rule());
        let float = activated(sums_float, conv.act);
        self.made.push((step.index, conv));
        Both { float, integer, params: q.to }
    }
}

#[cfg(test)]
mod tests;

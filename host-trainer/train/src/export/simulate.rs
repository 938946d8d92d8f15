//! Forward passes of a quantised network over many images at once. The integers equal those of the
//! executor, and every feature map can be observed. Reported accuracies come from the executor.

use supernano_core::graph::Form;
use supernano_core::quant::{mulr, pooled};

use super::integers::Channel;
use super::material::ImageBatch;
use super::quantise::{QConv, QuantisedNet};
use crate::backend::{Cpu, FeatureMap, LayerOp, RequantiseRule};
use crate::supernet::{ActivationFn, Step, Visitor, visit};

/// The input map of images, `q - z`.
pub fn integer_input(net: &QuantisedNet, images: &ImageBatch<'_>) -> FeatureMap<Cpu> {
    let s = net.input;
    let (h, w, c) = (usize::from(s.height), usize::from(s.width), usize::from(s.channels));
    let tables = net.input_tables();
    let mut values = vec![0f32; images.bytes.len()];
    for (image, out) in images.bytes.chunks_exact(s.len()).zip(values.chunks_exact_mut(s.len())) {
        for (p, pixel) in image.chunks_exact(c).enumerate() {
            for (ch, &byte) in pixel.iter().enumerate() {
                let q = i16::from(tables[ch][usize::from(byte)]) - i16::from(net.image.zero);
                out[ch * h * w + p] = f32::from(q);
            }
        }
    }
    FeatureMap::from_images(&values, images.n, c, h, w)
}

/// The values behind an activation, in float.
pub fn activated(sums: FeatureMap<Cpu>, act: ActivationFn) -> FeatureMap<Cpu> {
    match act {
        ActivationFn::None => sums,
        ActivationFn::Relu => sums.prelu(0.0),
        ActivationFn::Prelu(slope) => sums.prelu(slope),
        ActivationFn::Clipped(bound) => sums.clipped(bound),
    }
}

impl QConv {
    /// Weights `[out, in, kh, kw]`.
    pub fn weights_oihw(&self) -> Vec<i8> {
        let mut weights = Vec::with_capacity(self.integers.weights.len());
        let [_, inputs, rows, columns] = self.shape();
        for row in self.integers.weights.chunks_exact(inputs * rows * columns) {
            let plane = |c: usize| row.iter().skip(c).step_by(inputs).copied();
            weights.extend((0..inputs).flat_map(plane));
        }
        weights
    }

    /// Shape of [`QConv::weights_oihw`], `[out, in, kh, kw]`.
    pub fn shape(&self) -> [usize; 4] {
        self.op.weight_shape(self.output, self.input)
    }

    /// The requantisation of the sums.
    pub fn rule(&self) -> RequantiseRule {
        let q = &self.integers;
        let all = |f: fn(&Channel) -> i32| q.channels.iter().map(f).collect();
        RequantiseRule {
            bias: q.bias.clone(),
            residual: all(|c| c.residual),
            positive: all(|c| c.multiplier),
            negative: all(|c| c.negative),
            accumulator: q.steps.iter().map(|s| (s * f64::from(self.from.scale)) as f32).collect(),
            zero: self.to.zero,
        }
    }

    /// The sums of a layer as those of a convolution with weights; an average pool is a depthwise
    /// convolution.
    pub fn summing(&self) -> (LayerOp, Vec<f32>) {
        if self.op.form == Form::Average {
            let op = LayerOp { form: Form::Depthwise, ..self.op };
            return (op, vec![self.integers.average as f32; self.output * op.geometry.taps()]);
        }
        (self.op, self.weights_oihw().iter().map(|&w| f32::from(w)).collect())
    }

    /// Sums over the window of the products of weights and `q - z`.
    pub fn sums(&self, x: &FeatureMap<Cpu>) -> FeatureMap<Cpu> {
        let (op, weights) = self.summing();
        x.convolve(&weights, op.weight_shape(self.output, self.input), &op)
    }

    /// `q - z` of the map that is written.
    pub fn written_map(
        &self,
        x: &FeatureMap<Cpu>,
        residual: Option<&FeatureMap<Cpu>>,
    ) -> FeatureMap<Cpu> {
        match self.op.form {
            Form::Maximum => x.pooled(&self.op),
            _ => self.sums(x).requantise(residual, &self.rule()),
        }
    }
}

/// A pass that computes the integers of the executor.
struct IntegerPass<'a> {
    seen: &'a mut dyn FnMut(&Step, &FeatureMap<Cpu>),
}

impl Visitor<QConv> for IntegerPass<'_> {
    type FeatureMap = FeatureMap<Cpu>;

    fn conv(
        &mut self,
        step: &Step,
        conv: &QConv,
        x: &FeatureMap<Cpu>,
        residual: Option<&FeatureMap<Cpu>>,
    ) -> FeatureMap<Cpu> {
        let y = conv.written_map(x, residual);
        (self.seen)(step, &y);
        y
    }
}

impl QuantisedNet {
    /// Integer logits `[n, classes]` of maps made by `integer_input`; `seen` is shown `q - z` of
    /// every feature map, in the order of execution.
    pub fn forward(
        &self,
        x: FeatureMap<Cpu>,
        seen: &mut dyn FnMut(&Step, &FeatureMap<Cpu>),
    ) -> Vec<i32> {
        self.logits(&visit(&self.layers, x, &mut IntegerPass { seen }))
    }

    /// The integer logits `[n, classes]` of the last map, `q - z`.
    pub fn logits(&self, x: &FeatureMap<Cpu>) -> Vec<i32> {
        let values = x.to_images();
        let zero = i32::from(self.features.zero) * self.pixels as i32;
        let features: Vec<i16> = values
            .chunks_exact(self.pixels)
            .map(|plane| {
                let sum: i32 = plane.iter().map(|&v| v as i32).sum();
                pooled(sum + zero, u32::from(self.shift))
            })
            .collect();
        let fc = &self.classifier;
        let width = fc.weights.len() / fc.channels.len().max(1);
        let mut logits = Vec::with_capacity(x.n * fc.channels.len());
        for features in features.chunks_exact(width) {
            for (row, channel) in fc.weights.chunks_exact(width).zip(&fc.channels) {
                let products = row.iter().zip(features).map(|(&w, &f)| i32::from(w) * i32::from(f));
                logits.push(mulr(channel.bias + products.sum::<i32>(), channel.multiplier));
            }
        }
        logits
    }
}

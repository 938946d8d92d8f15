//! A quantised network over many images at once, layer by layer, with the executor's integers: what
//! calibration looks into. Reported accuracies come from the executor itself.

use supernano_base::images::Images;
use supernano_core::quant::{mulr, pooled};
use supernano_data::Dataset;

use super::network::{QConv, QuantisedNet};
use super::quantise;
use crate::backend::{Cpu, Map, Requantise};
use crate::supernet::{Step, Visitor, visit};

/// `q - z` of the images at `indices`.
pub fn images(net: &QuantisedNet, dataset: &Dataset, split: &Images, indices: &[u32]) -> Map<Cpu> {
    let s = net.input;
    let (h, w, c) = (usize::from(s.height), usize::from(s.width), usize::from(s.channels));
    let tables: Vec<[i8; 256]> = dataset
        .mean
        .iter()
        .zip(&dataset.std)
        .map(|(&m, &s)| quantise::input_table(m, s, net.image))
        .collect();
    let mut values = vec![0f32; indices.len() * c * h * w];
    for (&i, out) in indices.iter().zip(values.chunks_exact_mut(c * h * w)) {
        for (p, pixel) in split.image(i as usize).chunks_exact(c).enumerate() {
            for (ch, &byte) in pixel.iter().enumerate() {
                let q = i16::from(tables[ch][usize::from(byte)]) - i16::from(net.image.zero);
                out[ch * h * w + p] = f32::from(q);
            }
        }
    }
    Map::from_images(&values, indices.len(), c, h, w)
}

impl QConv {
    /// Weights `[out, in, kh, kw]`.
    pub fn weights_oihw(&self) -> Vec<i8> {
        let mut weights = Vec::with_capacity(self.integers.weights.len());
        for row in self.integers.weights.chunks_exact(self.input * self.kernel * self.kernel) {
            let plane = |c: usize| row.iter().skip(c).step_by(self.input).copied();
            weights.extend((0..self.input).flat_map(plane));
        }
        weights
    }

    /// Shape of [`QConv::weights_oihw`].
    pub fn shape(&self) -> [usize; 4] {
        [self.output, self.input, self.kernel, self.kernel]
    }

    /// What happens to its sums.
    pub fn rule(&self) -> Requantise {
        let q = &self.integers;
        let all = |f: fn(&quantise::Channel) -> i32| q.channels.iter().map(f).collect();
        let relu_or_none = !matches!(self.act, crate::supernet::Act::Prelu(_));
        Requantise {
            bias: q.bias.clone(),
            residual: all(|c| c.residual),
            positive: all(|c| c.multiplier),
            negative: if relu_or_none { all(|c| c.multiplier) } else { all(|c| c.negative) },
            accumulator: q.steps.iter().map(|s| (s * f64::from(self.from.scale)) as f32).collect(),
            zero: self.to.zero,
        }
    }

    /// Sums of products of `q - z` over the window.
    pub fn sums(&self, x: &Map<Cpu>) -> Map<Cpu> {
        let weights: Vec<f32> = self.weights_oihw().iter().map(|&w| f32::from(w)).collect();
        x.convolve(&weights, self.shape(), self.stride)
    }
}

/// The network's integers as the executor computes them.
struct IntegerPass<'a> {
    seen: &'a mut dyn FnMut(&Step, &Map<Cpu>),
}

impl Visitor<QConv> for IntegerPass<'_> {
    type Map = Map<Cpu>;

    fn conv(
        &mut self,
        step: &Step,
        conv: &QConv,
        x: &Map<Cpu>,
        residual: Option<&Map<Cpu>>,
    ) -> Map<Cpu> {
        let y = conv.sums(x).requantise(residual, &conv.rule());
        (self.seen)(step, &y);
        y
    }
}

impl QuantisedNet {
    /// Integer logits `[n, classes]` of maps made by [`images`]; `seen` is shown `q - z` of every
    /// feature map, in the order of execution.
    pub fn forward(&self, x: Map<Cpu>, seen: &mut dyn FnMut(&Step, &Map<Cpu>)) -> Vec<i32> {
        self.logits(&visit(&self.blocks, x, &mut IntegerPass { seen }))
    }

    /// Integer logits of the last map.
    pub fn logits(&self, x: &Map<Cpu>) -> Vec<i32> {
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

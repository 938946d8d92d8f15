//! Networks with batch norm folded in: what ranking evaluates and the exporter quantises.

use burn::tensor::{Tensor, TensorData};

use super::net::{Act, Block, FoldedConv, Net};
use crate::backend::{self, Cpu, EvalOps as _, Map, Ops as _};

/// A network of convolutions with biases.
pub type FoldedNet = Net<FoldedConv>;

/// Where a feature map is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The normalised images.
    Input,
    /// Output of a layer, from 0, after its activation (for the last of a residual block after the
    /// addition).
    Layer(usize),
    /// Output of the projection shortcut around the block whose last layer this is.
    Shortcut(usize),
}

/// A folded network as tensors of the CPU backend; cheap to share between threads.
pub(crate) struct Prepared {
    net: Net<PreparedConv>,
}

struct PreparedConv {
    weight: Tensor<Cpu, 4>,
    bias: Tensor<Cpu, 1>,
    stride: usize,
    act: backend::Act<Cpu>,
}

impl PreparedConv {
    fn forward(&self, x: &Map<Cpu>, add: Option<&Map<Cpu>>) -> Map<Cpu> {
        let (weight, bias) = (self.weight.clone(), self.bias.clone());
        Cpu::conv2d_bias_act(x, weight, bias, self.stride, self.act.clone(), add)
    }
}

impl Prepared {
    pub fn new(net: &FoldedNet) -> Self {
        let device = Default::default();
        let conv = |c: &FoldedConv| {
            let shape = [c.output, c.input, c.kernel, c.kernel];
            PreparedConv {
                weight: Tensor::from_data(TensorData::new(c.weight.clone(), shape), &device),
                bias: Tensor::from_data(TensorData::new(c.bias.clone(), [c.output]), &device),
                stride: c.stride,
                act: match c.act {
                    Act::None => backend::Act::None,
                    Act::Relu => backend::Act::Relu,
                    Act::Prelu(slope) => backend::Act::Prelu(Tensor::from_data([slope], &device)),
                },
            }
        };
        let blocks = net.blocks.iter().map(|b| b.map(conv)).collect();
        Self { net: Net { input: net.input, blocks, classifier: net.classifier.clone() } }
    }

    /// Logits `[n, classes]` of normalised images `[n, channels, height, width]`; `seen` is shown
    /// every feature map.
    pub fn forward(
        &self,
        images: &[f32],
        n: usize,
        seen: &mut dyn FnMut(Site, &Map<Cpu>),
    ) -> Vec<f32> {
        let mut x: Map<Cpu> = super::forward::map(&self.net, images, n);
        seen(Site::Input, &x);
        let mut layer = 0;
        for block in &self.net.blocks {
            x = match block {
                Block::Conv(conv) => conv.forward(&x, None),
                Block::Residual { first, second, shortcut } => {
                    let y = first.forward(&x, None);
                    seen(Site::Layer(layer), &y);
                    layer += 1;
                    let shortcut = shortcut.as_ref().map(|conv| conv.forward(&x, None));
                    if let Some(map) = &shortcut {
                        seen(Site::Shortcut(layer), map);
                    }
                    second.forward(&y, Some(shortcut.as_ref().unwrap_or(&x)))
                }
            };
            seen(Site::Layer(layer), &x);
            layer += 1;
        }
        let pooled = Cpu::pool(&x).into_data();
        let pooled: Vec<f32> = pooled.iter::<f32>().collect();
        let classifier = &self.net.classifier;
        let mut logits = Vec::with_capacity(n * classifier.output);
        for features in pooled.chunks_exact(classifier.input).take(n) {
            for (row, bias) in
                classifier.weight.chunks_exact(classifier.input).zip(&classifier.bias)
            {
                logits.push(row.iter().zip(features).map(|(w, x)| w * x).sum::<f32>() + bias);
            }
        }
        logits
    }
}

impl FoldedNet {
    /// Logits `[n, classes]` of `n` normalised images `[n, channels, height, width]`.
    pub fn forward(&self, images: &[f32], n: usize) -> Vec<f32> {
        Prepared::new(self).forward(images, n, &mut |_, _| {})
    }

    /// As [`FoldedNet::forward`], and shows every feature map `[n, channels, height, width]`.
    pub fn observe(
        &self,
        images: &[f32],
        n: usize,
        seen: &mut dyn FnMut(Site, &[f32]),
    ) -> Vec<f32> {
        Prepared::new(self).forward(images, n, &mut |site, map| seen(site, &map.to_images()))
    }
}

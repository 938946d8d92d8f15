//! Networks with batch norm folded in: what ranking evaluates and the exporter quantises.

use super::net::{Act, Block, FoldedConv, Net};
use crate::backend::cpu::Isa;
use crate::backend::cpu::conv::{self, Conv, Epilogue};
use crate::backend::cpu::pointwise;

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

/// A feature map in the layout of the CPU kernels.
struct Blocked {
    data: Vec<f32>,
    n: usize,
    c: usize,
    h: usize,
    w: usize,
}

fn convolved(conv: &FoldedConv, x: &Blocked, add: Option<&Blocked>) -> Blocked {
    let g =
        Conv { ci: conv.input, co: conv.output, h: x.h, w: x.w, k: conv.kernel, stride: conv.stride };
    let end = Epilogue {
        bias: Some(&conv.bias),
        residual: add.map(|a| a.data.as_slice()),
        slope: match conv.act {
            Act::None => None,
            Act::Relu => Some(0.0),
            Act::Prelu(slope) => Some(slope),
        },
    };
    let data = conv::forward(Isa::best(), g, &x.data, &conv.weight, end);
    Blocked { data, n: x.n, c: conv.output, h: g.ho(), w: g.wo() }
}

impl FoldedNet {
    fn run(&self, images: &[f32], n: usize, seen: &mut dyn FnMut(Site, &Blocked)) -> Vec<f32> {
        let s = self.input;
        let (c, h, w) = (s.channels.into(), s.height.into(), s.width.into());
        let mut x = Blocked { data: pointwise::block(images, n, s.len()), n, c, h, w };
        seen(Site::Input, &x);
        let mut layer = 0;
        for block in &self.blocks {
            x = match block {
                Block::Conv(conv) => convolved(conv, &x, None),
                Block::Residual { first, second, shortcut } => {
                    let y = convolved(first, &x, None);
                    seen(Site::Layer(layer), &y);
                    layer += 1;
                    let shortcut = shortcut.as_ref().map(|conv| convolved(conv, &x, None));
                    if let Some(map) = &shortcut {
                        seen(Site::Shortcut(layer), map);
                    }
                    convolved(second, &y, Some(shortcut.as_ref().unwrap_or(&x)))
                }
            };
            seen(Site::Layer(layer), &x);
            layer += 1;
        }
        let pooled = pointwise::pool(&x.data, n, x.c, x.h * x.w);
        let classifier = &self.classifier;
        let mut logits = Vec::with_capacity(n * classifier.output);
        for features in pooled.chunks_exact(classifier.input) {
            let rows = classifier.weight.chunks_exact(classifier.input);
            for (row, bias) in rows.zip(&classifier.bias) {
                logits.push(row.iter().zip(features).map(|(w, x)| w * x).sum::<f32>() + bias);
            }
        }
        logits
    }

    /// Logits `[n, classes]` of `n` normalised images `[n, channels, height, width]`.
    pub fn forward(&self, images: &[f32], n: usize) -> Vec<f32> {
        self.run(images, n, &mut |_, _| {})
    }

    /// As [`FoldedNet::forward`], and shows every feature map `[n, channels, height, width]`.
    pub fn observe(
        &self,
        images: &[f32],
        n: usize,
        seen: &mut dyn FnMut(Site, &[f32]),
    ) -> Vec<f32> {
        self.run(images, n, &mut |site, x| {
            seen(site, &pointwise::unblock(&x.data, x.n, x.c * x.h * x.w));
        })
    }
}

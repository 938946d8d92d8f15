//! Networks with batch norm folded in: what ranking evaluates and the exporter quantises.

use super::net::{FoldedConv, Net};

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
    /// Output of a projection shortcut; the layer is the last of its block.
    Shortcut(usize),
    /// Output of the second convolution of a residual block before the addition.
    BeforeAdd(usize),
}

impl FoldedNet {
    /// Logits `[n, classes]` of `n` normalised images `[n, channels, height, width]`.
    pub fn forward(&self, images: &[f32], n: usize) -> Vec<f32> {
        let _ = (images, n);
        todo!()
    }

    /// As [`FoldedNet::forward`], and shows every feature map `[n, channels, height, width]`.
    pub fn observe(&self, images: &[f32], n: usize, seen: &mut dyn FnMut(Site, &[f32])) -> Vec<f32> {
        let _ = (images, n, seen);
        todo!()
    }
}

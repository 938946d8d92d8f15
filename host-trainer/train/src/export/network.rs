//! The quantised network: every number that a blob carries, before any format.

use supernano_core::space::Shape;
use supernano_data::Dataset;

use super::calibrate::Affines;
use super::quantise;
use super::quantise::{Affine, ConvIo, QuantisedConv, QuantisedDense};
use crate::supernet::{Act, Block, FoldedConv, FoldedNet, assemble, executed};

/// A convolution with its integers.
#[derive(Clone, Debug, PartialEq)]
pub struct QConv {
    /// Where it stands, for messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Activation.
    pub act: Act,
    /// Quantisation of the map that it reads.
    pub from: Affine,
    /// Quantisation of the map that is added before the activation.
    pub residual: Option<Affine>,
    /// Quantisation of the map that it writes.
    pub to: Affine,
    /// Weights and parameters.
    pub integers: QuantisedConv,
}

/// A network of integers: blocks, global average pooling, classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedNet {
    /// Shape of an image.
    pub input: Shape,
    /// Quantisation of the normalised image.
    pub image: Affine,
    /// Blocks in order.
    pub blocks: Vec<Block<QConv>>,
    /// Right shift of the pooled sums.
    pub shift: u8,
    /// Pixels of the last map.
    pub pixels: usize,
    /// Quantisation of the last map.
    pub features: Affine,
    /// Classifier.
    pub classifier: QuantisedDense,
}

impl QuantisedNet {
    /// Quantises a network with the quantisation of every map given. The same input gives the same
    /// integers.
    pub fn with(net: &FoldedNet, affines: &Affines, dataset: &Dataset) -> Self {
        let image = quantise::input_affine(&dataset.mean, &dataset.std);
        let (mut maps, mut shapes, mut made) = (vec![image], vec![net.input], Vec::new());
        for (step, conv) in executed(&net.blocks) {
            let residual = step.residual.map(|map| maps[map]);
            let conv = QConv::new(conv, affines, step.index, maps[step.input], residual);
            maps.push(conv.to);
            shapes.push(shapes[step.input].convolved(conv.stride as u8, conv.output as u16));
            made.push((step.index, conv));
        }
        let blocks = assemble(&net.blocks, made);
        let (at, shape) = (maps[maps.len() - 1], shapes[shapes.len() - 1]);
        let pixels = shape.pixels();
        let shift = supernano_core::quant::pool_shift(pixels) as u8;
        let linear = &net.classifier;
        let classifier = quantise::dense(&linear.weight, &linear.bias, at, pixels, shift);
        Self { input: net.input, image, blocks, shift, pixels, features: at, classifier }
    }

    /// Convolutions in order: block by block first, second, shortcut.
    pub fn convs(&self) -> impl Iterator<Item = &QConv> {
        self.blocks.iter().flat_map(Block::convs)
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.classifier.channels.len()
    }
}

impl QConv {
    /// Quantises convolution `index` of a network, which reads a map quantised as `from`.
    pub fn new(
        conv: &FoldedConv,
        affines: &Affines,
        index: usize,
        from: Affine,
        residual: Option<Affine>,
    ) -> Self {
        let mut to = affines.get(index, conv.act == Act::Relu);
        let slope = match conv.act {
            Act::None | Act::Relu => 1.0,
            Act::Prelu(slope) => slope,
        };
        let (ci, kernel) = (conv.input, conv.kernel);
        let io = |output| ConvIo { ci, kernel, input: from, residual, output, slope };
        to.scale = to.scale.max(quantise::least_output_scale(&conv.weight, &conv.bias, io(to)));
        Self {
            name: conv.name.clone(),
            input: ci,
            output: conv.output,
            kernel,
            stride: conv.stride,
            act: conv.act,
            from,
            residual,
            to,
            integers: quantise::conv(&conv.weight, &conv.bias, io(to)),
        }
    }
}

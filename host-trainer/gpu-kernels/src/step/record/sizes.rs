//! Sizes of the buffers that the launches of a step share, and shapes of its launches.

use crate::add::{BlockEnd, Residual};
use crate::convolve::RECORD;
use crate::network::{Network, Shortcut};
use crate::pending::Reading;
use crate::shape::ConvShape;
use crate::step::Options;
use crate::tile::{Direction, Frame};
use crate::weights::WeightGradient;

/// Numbers of values that buffers shared by all launches need.
#[derive(Default)]
pub(super) struct Sizes {
    pub(super) map: usize,
    pub(super) records: usize,
    pub(super) weights: usize,
    pub(super) sides: usize,
}

impl Sizes {
    pub(super) fn of(network: &Network, options: Options) -> Self {
        let mut sizes = Self::default();
        let [mut height, mut width, mut channels] = network.input;
        let mut grow = |shape: ConvShape| {
            sizes.map = sizes.map.max(shape.outputs());
            let mut blocks = Frame::new(&shape, Direction::Forward, options.variant).blocks();
            let end = end(&shape);
            blocks = blocks.max(end.blocks());
            sizes.records =
                sizes.records.max((shape.paths * shape.channels_out * blocks * RECORD) as usize);
            let blocks = classes(&shape).map(|d| Frame::new(&shape, d, options.variant).blocks());
            let blocks: u32 = blocks.sum();
            sizes.records =
                sizes.records.max((shape.paths * shape.channels_in * blocks * RECORD) as usize);
            let weights = WeightGradient::new(shape, [Reading::Plain; 2], options.cubes);
            sizes.weights = sizes.weights.max(weights.partial_len());
            sizes.sides += (shape.paths * shape.channels_out * RECORD) as usize;
        };
        for block in &network.blocks {
            let input = ([height, width], channels);
            for layer in block.first..=block.last() {
                let layer = network.layers[layer as usize];
                let s = shape(
                    network,
                    ([height, width], channels),
                    layer.channels,
                    layer.kernel,
                    layer.stride,
                );
                grow(s);
                [height, width] = [s.rows_out(), s.columns_out()];
                channels = layer.channels;
            }
            if block.shortcut == Shortcut::Projection {
                let stride = network.layers[block.first as usize].stride;
                grow(shape(network, input, channels, 1, stride));
            }
        }
        sizes
    }
}

pub(super) fn shape(
    network: &Network,
    (size, channels_in): ([u32; 2], u32),
    channels_out: u32,
    kernel: u32,
    stride: u32,
) -> ConvShape {
    ConvShape {
        paths: network.paths,
        images: network.images,
        rows: size[0],
        columns: size[1],
        channels_in,
        channels_out,
        kernel,
        stride,
        shared_input: false,
    }
}

/// The end of a block whose last convolution has a shape.
pub(super) fn end(shape: &ConvShape) -> BlockEnd {
    BlockEnd {
        paths: shape.paths,
        images: shape.images,
        pixels: shape.rows_out() * shape.columns_out(),
        channels: shape.channels_out,
        residual: Residual::None,
        shared_residual: false,
        pooled: false,
    }
}

/// Values of a channel of the output of a convolution in a path.
pub(super) fn count(shape: &ConvShape) -> f32 {
    (shape.images * shape.rows_out() * shape.columns_out()) as f32
}

/// The residue classes of a convolution's stride.
pub(super) fn classes(shape: &ConvShape) -> impl Iterator<Item = Direction> + use<> {
    let s = shape.stride;
    (0..s * s).map(move |i| Direction::Gradient { row: i / s, column: i % s })
}

//! Sizes of the buffers that the launches of a step share, and shapes of its launches.

use crate::add::{BlockEnd, Residual};
use crate::convolve::RECORD;
use crate::network::{Layer, Network, Shortcut};
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
        let [height, width, channels] = network.input;
        let mut input = ([height, width], channels);
        for block in &network.blocks {
            let mut map = input;
            for layer in block.first..=block.last() {
                let layer = network.layers[layer as usize];
                let shape = shape(network, map, &layer);
                if layer.form.weighted() {
                    sizes.grow(&shape, options);
                }
                map = written(&shape);
            }
            if block.shortcut == Shortcut::Projection {
                sizes.grow(&shape(network, input, &projection(network, block.first)), options);
            }
            input = map;
        }
        sizes
    }

    fn grow(&mut self, shape: &ConvShape, options: Options) {
        self.map = self.map.max(shape.outputs());
        let mut blocks = Frame::new(shape, Direction::Forward, options.variant).blocks();
        blocks = blocks.max(end(shape).blocks());
        let records = (shape.paths * shape.channels_out * blocks * RECORD) as usize;
        let blocks = classes(shape).map(|d| Frame::new(shape, d, options.variant).blocks());
        let blocks: u32 = blocks.sum();
        let of_input = (shape.paths * shape.channels_in * blocks * RECORD) as usize;
        self.records = self.records.max(records).max(of_input);
        let weights = WeightGradient::new(*shape, [Reading::Plain; 2], options.cubes);
        self.weights = self.weights.max(weights.partial_len());
        self.sides += (shape.paths * shape.channels_out * RECORD) as usize;
    }
}

/// The projection of a block whose first layer is given.
pub(super) fn projection(network: &Network, first: u32) -> Layer {
    let Layer { channels, .. } = network.layers[first as usize + 1];
    Layer { stride: network.layers[first as usize].stride, ..Layer::square(channels, 1, 1) }
}

/// The shape of a layer that reads a map of rows and columns, and channels.
pub(super) fn shape(
    network: &Network,
    ([rows, columns], channels_in): ([u32; 2], u32),
    layer: &Layer,
) -> ConvShape {
    ConvShape {
        paths: network.paths,
        images: network.images,
        rows,
        columns,
        channels_in,
        channels_out: layer.channels,
        depthwise: layer.form != crate::network::Form::Full,
        kernel: layer.kernel,
        stride: layer.stride,
        padding: layer.padding,
        elastic: layer.elastic,
        shared_input: false,
    }
}

/// Rows and columns, and channels, of what a layer writes.
pub(super) fn written(shape: &ConvShape) -> ([u32; 2], u32) {
    ([shape.rows_out(), shape.columns_out()], shape.channels_out)
}

/// The end of a block whose last convolution has a shape.
pub(super) fn end(shape: &ConvShape) -> BlockEnd {
    BlockEnd {
        paths: shape.paths,
        images: shape.images,
        pixels: shape.rows_out() * shape.columns_out(),
        channels: shape.channels_out,
        residual: Residual::None,
        residual_channels: shape.channels_out,
        optional: false,
        bounds: 0,
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
    let [down, across] = shape.stride;
    (0..down * across).map(move |i| Direction::Gradient { row: i / across, column: i % across })
}

//! Records the launches of a step.

mod backward;
mod sizes;

use cubecl::prelude::*;

use self::sizes::{Sizes, count, end, shape};
use super::launch::{Launch, NormBuffers};
use super::{Options, Parameters, Step, row};
use crate::add::{BlockEnd, EndBuffers, EndRows, Residual};
use crate::buffer::Buffer;
use crate::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers, Writing};
use crate::head::{Head, HeadBuffers, HeadRows};
use crate::network::{Block, Network, Place, Row, Shortcut};
use crate::norm::{LISTED, NO_SLOPE, Norm};
use crate::pending::Reading;
use crate::shape::{ConvShape, Rows};
use crate::tile::{Direction, Frame};

/// A map that a convolution reads, with what it applies to it.
#[derive(Clone)]
struct Input<M> {
    map: Buffer<M>,
    size: [u32; 2],
    channels: u32,
    /// Row of its widths.
    width: u32,
    /// True for the images, which all paths share.
    shared: bool,
    /// Factors and layer of a pending norm and activation.
    pending: Option<(Buffer<f32>, u32)>,
}

/// A convolution with its batch norm.
#[derive(Clone)]
struct Unit<M> {
    shape: ConvShape,
    rows: Rows,
    input: Input<M>,
    norm: Norm,
    /// First side of the norm.
    side: u32,
    /// Output before the norm.
    raw: Buffer<M>,
    factors: Buffer<f32>,
    coefficients: Buffer<f32>,
}

/// A block in the forward pass.
struct Recorded<M> {
    block: Block,
    units: Vec<Unit<M>>,
    projection: Option<Unit<M>>,
    end: BlockEnd,
    buffers: EndBuffers<M>,
    rows: EndRows,
}

struct Recorder<'a, M, R: Runtime> {
    client: &'a ComputeClient<R>,
    network: &'a Network,
    options: Options,
    rows: Vec<Row>,
    parameters: Parameters,
    table: Buffer<u32>,
    slopes: Buffer<f32>,
    none: Buffer<f32>,
    none_map: Buffer<M>,
    /// Records of a reduction, and those of a second norm.
    partial: [Buffer<f32>; 2],
    /// Partial sums of weight gradients.
    weight_sums: Buffer<f32>,
    sides: Buffer<f32>,
    /// Numbers of the norms in the list of sides.
    list: Vec<u32>,
    side: u32,
    launches: Vec<Launch<M>>,
}

impl<M: Float + CubeElement> Step<M> {
    /// Records a step and allocates its buffers. The number of paths, images and layers is at least 1,
    /// and the blocks cover the layers.
    pub fn record<R: Runtime>(
        client: &ComputeClient<R>,
        network: Network,
        parameters: Parameters,
        options: Options,
    ) -> Self {
        let sizes = Sizes::of(&network, options);
        let paths = network.paths;
        let rows = network.rows();
        let [height, width, channels] = network.input;
        let images = Buffer::empty(client, (network.images * height * width * channels) as usize);
        let table: Buffer<u32> = Buffer::empty(client, rows.len() * paths as usize);
        let layers = network.layers.len() as u32;
        let mut recorder = Recorder {
            client,
            network: &network,
            options,
            parameters: parameters.clone(),
            slopes: Buffer::empty(client, (layers * paths) as usize),
            none: Buffer::empty(client, 1),
            none_map: Buffer::empty(client, 1),
            partial: [0, 1].map(|_| Buffer::empty(client, sizes.records)),
            weight_sums: Buffer::empty(client, sizes.weights),
            sides: Buffer::empty(client, sizes.sides),
            list: Vec::new(),
            side: 0,
            launches: Vec::new(),
            table: table.clone(),
            rows,
        };
        let input = Input {
            map: images.clone(),
            size: [height, width],
            channels,
            width: recorder.row(Row::Input),
            shared: true,
            pending: None,
        };
        let (blocks, last) = recorder.forward(input);
        let forward = std::mem::take(&mut recorder.launches);
        let (head, head_buffers, head_rows) = recorder.head(&last);
        recorder.backward(&blocks, &head_buffers.dpixels, sizes.map);
        let backward = recorder.launches;
        Self {
            images,
            table,
            forward,
            backward,
            head,
            head_buffers,
            head_rows,
            parameters,
            network: network.clone(),
        }
    }
}

impl<M: Float + CubeElement, R: Runtime> Recorder<'_, M, R> {
    fn row(&self, wanted: Row) -> u32 {
        row(&self.rows, wanted)
    }

    fn map(&self, values: usize) -> Buffer<M> {
        Buffer::empty(self.client, values)
    }

    /// Records the forward pass up to the last block, and returns its output.
    fn forward(&mut self, images: Input<M>) -> (Vec<Recorded<M>>, Input<M>) {
        let layers = self.network.layers.len() as u32;
        let rows = [self.row(Row::Prelu(0)), self.row(Row::Slope(0))];
        self.launches.push(Launch::Slopes(
            [self.parameters.buffers.values.clone(), self.slopes.clone()],
            self.table.clone(),
            rows,
            [layers, self.network.paths],
        ));
        let mut x = images;
        let mut blocks = Vec::with_capacity(self.network.blocks.len());
        for block in self.network.blocks.clone() {
            let (recorded, y) = self.block(block, x);
            blocks.push(recorded);
            x = y;
        }
        (blocks, x)
    }

    fn block(&mut self, block: Block, x: Input<M>) -> (Recorded<M>, Input<M>) {
        let first = self.unit(Place { layer: block.first, projection: false }, x.clone(), None);
        let mut units = vec![first];
        if block.shortcut != Shortcut::None {
            let Unit { raw, shape, rows, factors, .. } = units[0].clone();
            let middle = Input {
                map: raw,
                size: [shape.rows_out(), shape.columns_out()],
                channels: shape.channels_out,
                width: rows.output,
                shared: false,
                pending: Some((factors, block.first)),
            };
            units.push(self.unit(Place { layer: block.last(), projection: false }, middle, None));
        }
        let projection = (block.shortcut == Shortcut::Projection).then(|| {
            let place = Place { layer: block.last(), projection: true };
            let stride = self.network.layers[block.first as usize].stride;
            self.unit(place, x.clone(), Some(stride))
        });
        let Unit { shape, rows, raw, factors, .. } = units[units.len() - 1].clone();
        let (residual, map, residual_factors) = match (&projection, block.shortcut) {
            (Some(unit), _) => (Residual::Normed, unit.raw.clone(), unit.factors.clone()),
            (None, Shortcut::None) => (Residual::None, self.none_map.clone(), self.none.clone()),
            (None, _) => (Residual::Plain, x.map.clone(), self.none.clone()),
        };
        let shared_residual = residual == Residual::Plain && x.shared;
        let end = BlockEnd { residual, shared_residual, ..end(&shape) };
        let buffers = EndBuffers {
            x: raw,
            factors,
            residual: map,
            residual_factors,
            table: self.table.clone(),
            slopes: self.slopes.clone(),
        };
        let end_rows = EndRows { width: rows.output, residual: x.width, slope: block.last() };
        let y = self.map(shape.outputs());
        self.launches.push(Launch::End(end, buffers.clone(), y.clone(), end_rows));
        let output = Input {
            map: y,
            size: [shape.rows_out(), shape.columns_out()],
            channels: shape.channels_out,
            width: rows.output,
            shared: false,
            pending: None,
        };
        (Recorded { block, units, projection, end, buffers, rows: end_rows }, output)
    }

    /// Records a convolution and the factors of its norm. `stride` is that of a projection.
    fn unit(&mut self, place: Place, input: Input<M>, stride: Option<u32>) -> Unit<M> {
        let layer = self.network.layers[place.layer as usize];
        let (kernel, stride) = stride.map_or((layer.kernel, layer.stride), |s| (1, s));
        let shape = ConvShape {
            shared_input: input.shared,
            ..shape(self.network, (input.size, input.channels), layer.channels, kernel, stride)
        };
        let rows = Rows {
            input: input.width,
            output: self.row(Row::Width(place.layer)),
            weights: self.row(Row::Weights(place)),
        };
        let norm = Norm {
            paths: shape.paths,
            channels: shape.channels_out,
            width: rows.output,
            gamma: self.row(Row::Gamma(place)),
            beta: self.row(Row::Beta(place)),
        };
        let unit = Unit {
            raw: self.map(shape.outputs()),
            factors: Buffer::empty(self.client, norm.factors()),
            coefficients: Buffer::empty(self.client, norm.factors()),
            side: self.side,
            shape,
            rows,
            norm,
            input,
        };
        let (flag, slope) = if place.projection {
            (0, NO_SLOPE)
        } else {
            (self.row(Row::Prelu(place.layer)), self.row(Row::Slope(place.layer)))
        };
        let listed: [u32; LISTED as usize] =
            [self.side, norm.channels, norm.width, norm.gamma, norm.beta, flag, slope];
        self.list.extend(listed);
        self.side += norm.sides() as u32;
        let frame = Frame::new(&shape, Direction::Forward, self.options.variant);
        let (reading, factors, slope) = self.reading(&unit.input);
        let buffers = ConvolveBuffers {
            x: unit.input.map.clone(),
            norm_input: self.none_map.clone(),
            factors,
            weights: self.parameters.buffers.values.clone(),
            table: self.table.clone(),
            slopes: self.slopes.clone(),
            y: unit.raw.clone(),
            other: self.none_map.clone(),
            other_factors: self.none.clone(),
            partial: self.partial[0].clone(),
        };
        let blocks = frame.blocks();
        let numbers = ConvolveNumbers {
            rows,
            slope,
            other_slope: 0,
            paths: shape.paths,
            blocks: [0, blocks],
        };
        let launch = Convolve { frame, reading, writing: Writing::Statistics };
        self.launches.push(Launch::Convolve(launch, buffers, numbers));
        let norm_buffers = self.norm_buffers(&unit, 0);
        let numbers = [count(&shape), self.options.epsilon];
        self.launches.push(Launch::Factors(norm, norm_buffers, blocks, numbers));
        unit
    }

    fn reading(&self, input: &Input<M>) -> (Reading, Buffer<f32>, u32) {
        match &input.pending {
            None => (Reading::Plain, self.none.clone(), 0),
            Some((factors, layer)) => (Reading::Activated, factors.clone(), *layer),
        }
    }

    fn norm_buffers(&self, unit: &Unit<M>, partial: usize) -> NormBuffers {
        NormBuffers {
            partial: self.partial[partial].clone(),
            parameters: self.parameters.buffers.values.clone(),
            table: self.table.clone(),
            factors: unit.factors.clone(),
            coefficients: unit.coefficients.clone(),
            sides: self.sides.clone(),
        }
    }

    fn head(&self, last: &Input<M>) -> (Head, HeadBuffers<M>, HeadRows) {
        let network = self.network;
        let head = Head {
            paths: network.paths,
            images: network.images,
            pixels: last.size[0] * last.size[1],
            channels: last.channels,
            classes: network.classes,
        };
        let rows = (head.paths * head.images) as usize;
        let floats = |n: usize| Buffer::empty(self.client, n);
        let logits = floats(rows * head.classes as usize);
        let buffers = HeadBuffers {
            x: last.map.clone(),
            parameters: self.parameters.buffers.values.clone(),
            table: self.table.clone(),
            pooled: floats(rows * head.channels as usize),
            labels: Buffer::empty(self.client, head.images as usize),
            teacher: logits.clone(),
            logits,
            dlogits: floats(rows * head.classes as usize),
            dpixels: self.map(rows * head.channels as usize),
            losses: floats(rows),
            total: Buffer::new(self.client, &[0.0, 0.0]),
            gradient: self.parameters.buffers.gradient.clone(),
        };
        let rows = HeadRows {
            width: last.width,
            weights: self.row(Row::Classifier),
            bias: self.row(Row::Bias),
        };
        (head, buffers, rows)
    }
}

//! Records the launches of a step.

mod backward;
mod parts;
mod sizes;

use cubecl::prelude::*;

use self::parts::{Input, Layers, Recorded, Unit};
use self::sizes::{Sizes, count, end, projection, shape, written};
use super::launch::{Launch, NormBuffers};
use super::{Options, Parameters, Step, row};
use crate::add::{BlockEnd, EndBuffers, EndRows, Residual};
use crate::buffer::Buffer;
use crate::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers, Writing};
use crate::head::{Head, HeadBuffers, HeadRows};
use crate::network::{Block, Form, Layer, Network, Place, Row, Shortcut};
use crate::norm::{LISTED, NO_SLOPE, Norm};
use crate::pending::Reading;
use crate::pool::{Pool, PoolBuffers};
use crate::shape::{ConvShape, Rows};
use crate::tile::{Direction, Frame};

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
    maps: &'a mut Vec<Buffer<M>>,
    /// Maps that this step has.
    taken: usize,
    /// Buffers besides the maps that an update writes before it reads them.
    work: Vec<Buffer<f32>>,
}

impl<M: Float + CubeElement> Step<M> {
    /// Records a step and allocates its buffers. The number of paths, images and layers is at least 1.
    /// `maps` are the maps of steps that never run at the same time as this one, which it shares as far as
    /// they suffice; its own are added.
    pub fn record<R: Runtime>(
        client: &ComputeClient<R>,
        network: Network,
        parameters: Parameters,
        options: Options,
        maps: &mut Vec<Buffer<M>>,
    ) -> Self {
        let sizes = Sizes::of(&network, options);
        let paths = network.paths;
        let rows = network.rows();
        let [height, width, channels] = network.input;
        let images = Buffer::empty(client, (network.images * height * width * channels) as usize);
        let table: Buffer<u32> = Buffer::empty(client, rows.len() * paths as usize);
        let layers = network.layers.len() as u32;
        let mut work = Vec::new();
        let mut floats = |values: usize| {
            work.push(Buffer::empty(client, values));
            work[work.len() - 1].clone()
        };
        let mut recorder = Recorder {
            client,
            network: &network,
            options,
            parameters: parameters.clone(),
            slopes: floats(((layers + network.bounds()) * paths) as usize),
            none: Buffer::empty(client, 1),
            none_map: Buffer::empty(client, 1),
            partial: [0, 1].map(|_| floats(sizes.records)),
            weight_sums: floats(sizes.weights),
            sides: floats(sizes.sides),
            list: Vec::new(),
            side: 0,
            launches: Vec::new(),
            table: table.clone(),
            rows,
            maps,
            taken: 0,
            work,
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
        let Recorder { launches: backward, work, .. } = recorder;
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
            work,
        }
    }
}

impl<M: Float + CubeElement, R: Runtime> Recorder<'_, M, R> {
    fn row(&self, wanted: Row) -> u32 {
        row(&self.rows, wanted)
    }

    /// The next map, of at least this number of values.
    fn map(&mut self, values: usize) -> Buffer<M> {
        let place = self.taken;
        self.taken += 1;
        match self.maps.get(place) {
            Some(map) if map.len() >= values => map.clone(),
            _ => {
                let map = Buffer::empty(self.client, values);
                self.maps.splice(place..self.maps.len().min(place + 1), [map.clone()]);
                map
            }
        }
    }

    fn floats(&mut self, values: usize) -> Buffer<f32> {
        let buffer = Buffer::empty(self.client, values);
        self.work.push(buffer.clone());
        buffer
    }

    /// Records the forward pass up to the last block, and returns its output.
    fn forward(&mut self, images: Input<M>) -> (Vec<Recorded<M>>, Input<M>) {
        let layers = self.network.layers.len() as u32;
        let rows = [self.row(Row::Activation(0)), self.row(Row::Slope(0))];
        self.launches.push(Launch::Slopes(
            [self.parameters.buffers.values.clone(), self.slopes.clone()],
            self.table.clone(),
            rows,
            [layers, self.network.paths],
            self.network.clips,
        ));
        let mut x = images;
        let mut blocks = Vec::with_capacity(self.network.blocks.len());
        for (number, block) in (0..).zip(self.network.blocks.clone()) {
            let form = self.network.layers[block.first as usize].form;
            let (recorded, y) = match form {
                Form::Full | Form::Depthwise => self.block(number, block, x),
                Form::Maximum | Form::Average => self.pool(block, x),
            };
            blocks.push(recorded);
            x = y;
        }
        (blocks, x)
    }

    fn pool(&mut self, block: Block, x: Input<M>) -> (Recorded<M>, Input<M>) {
        let layer = self.network.layers[block.first as usize];
        let shape = shape(self.network, (x.size, x.channels), &layer);
        let maximum = layer.form == Form::Maximum;
        let buffers = PoolBuffers {
            x: x.map.clone(),
            y: self.map(shape.outputs()),
            places: Buffer::empty(self.client, if maximum { shape.outputs() } else { 1 }),
            table: self.table.clone(),
        };
        let pool = Pool { shape, maximum, pooled: false };
        self.launches.push(Launch::Pool(pool, buffers.clone(), x.width));
        let (size, channels) = written(&shape);
        let output = Input { map: buffers.y.clone(), size, channels, pending: None, ..x };
        (Recorded::Pool(pool, Box::new(buffers), x.width), output)
    }

    fn block(&mut self, number: u32, block: Block, x: Input<M>) -> (Recorded<M>, Input<M>) {
        let mut units: Vec<Unit<M>> = Vec::with_capacity(block.layers as usize);
        for layer in block.first..=block.last() {
            let input = match units.last().cloned() {
                None => x.clone(),
                Some(Unit { raw, shape, rows, factors, .. }) => {
                    let ((size, channels), pending) = (written(&shape), Some((factors, layer - 1)));
                    let (map, width) = (raw, rows.output);
                    Input { map, size, channels, width, shared: false, pending }
                }
            };
            let place = Place { layer, projection: false };
            units.push(self.unit(place, input, self.network.layers[layer as usize]));
        }
        let projection = (block.shortcut == Shortcut::Projection).then(|| {
            let place = Place { layer: block.last(), projection: true };
            self.unit(place, x.clone(), projection(self.network, block.first))
        });
        let Unit { shape, rows, raw, factors, .. } = units[units.len() - 1].clone();
        let (residual, map, residual_factors) = match (&projection, block.shortcut) {
            (Some(unit), _) => (Residual::Normed, unit.raw.clone(), unit.factors.clone()),
            (None, Shortcut::None) if !block.optional => {
                (Residual::None, self.none_map.clone(), self.none.clone())
            }
            (None, _) => (Residual::Plain, x.map.clone(), self.none.clone()),
        };
        let end = BlockEnd {
            residual,
            residual_channels: if residual == Residual::Plain {
                x.channels
            } else {
                shape.channels_out
            },
            shared_residual: residual == Residual::Plain && x.shared,
            optional: block.optional,
            bounds: self.network.bounds(),
            ..end(&shape)
        };
        let buffers = EndBuffers {
            x: raw,
            factors,
            residual: map,
            residual_factors,
            table: self.table.clone(),
            slopes: self.slopes.clone(),
        };
        let added = if block.adds_part() { self.row(Row::Added(number)) } else { x.width };
        let end_rows = EndRows { width: rows.output, residual: added, slope: block.last() };
        let y = self.map(shape.outputs());
        self.launches.push(Launch::End(end, buffers.clone(), y.clone(), end_rows));
        let width = if block.optional { self.row(Row::Output(number)) } else { rows.output };
        let (size, channels) = written(&shape);
        let output = Input { map: y, size, channels, width, shared: false, pending: None };
        let layers = Layers { block, units, projection, end, buffers, rows: end_rows };
        (Recorded::Layers(Box::new(layers)), output)
    }

    /// Records a convolution and the factors of its norm.
    fn unit(&mut self, place: Place, input: Input<M>, layer: Layer) -> Unit<M> {
        let shape = ConvShape {
            shared_input: input.shared,
            ..shape(self.network, (input.size, input.channels), &layer)
        };
        let kernel = if shape.elastic { self.row(Row::Kernel(place.layer)) } else { 0 };
        let rows = Rows {
            input: input.width,
            output: self.row(Row::Width(place.layer)),
            weights: self.row(Row::Weights(place)),
            kernel,
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
            factors: self.floats(norm.factors()),
            coefficients: self.floats(norm.factors()),
            side: self.side,
            shape,
            rows,
            norm,
            input,
        };
        let (flag, slope) = if place.projection {
            (0, NO_SLOPE)
        } else {
            (self.row(Row::Activation(place.layer)), self.row(Row::Slope(place.layer)))
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
        let numbers =
            ConvolveNumbers { rows, slope, other: 0, paths: shape.paths, blocks: [0, blocks] };
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
            Some((factors, layer)) => {
                (Reading::activated(self.network.bounds()), factors.clone(), *layer)
            }
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

    fn head(&mut self, last: &Input<M>) -> (Head, HeadBuffers<M>, HeadRows) {
        let network = self.network;
        let head = Head {
            paths: network.paths,
            images: network.images,
            pixels: last.size[0] * last.size[1],
            channels: last.channels,
            classes: network.classes,
            outputs: network.outputs,
        };
        let rows = (head.paths * head.images) as usize;
        let dpixels = self.map(rows * head.channels as usize);
        let logits = self.floats(rows * head.classes as usize);
        let buffers = HeadBuffers {
            x: last.map.clone(),
            parameters: self.parameters.buffers.values.clone(),
            table: self.table.clone(),
            pooled: self.floats(rows * head.channels as usize),
            targets: Buffer::empty(self.client, (head.images * head.classes) as usize),
            teacher: logits.clone(),
            logits,
            dlogits: self.floats(rows * head.classes as usize),
            dpixels,
            losses: self.floats(rows),
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

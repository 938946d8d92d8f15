//! Records the launches of the gradients.

use cubecl::prelude::*;

use super::Recorder;
use super::parts::{Layers, Recorded, Unit};
use super::sizes::{classes, count};
use crate::add::BlockEnd;
use crate::buffer::Buffer;
use crate::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers, Writing};
use crate::network::Shortcut;
use crate::norm::LISTED;
use crate::pending::Reading;
use crate::pool::Pool;
use crate::step::launch::Launch;
use crate::tile::Frame;
use crate::weights::{WeightBuffers, WeightGradient};

/// What an input gradient meets before the map whose gradient it is.
enum Before<'a, M> {
    Nothing,
    /// The norm and the activation of a unit.
    Unit(&'a Unit<M>),
    /// Another gradient of the map.
    Added(&'a Buffer<M>),
    /// Another gradient, its channels, and the row of those that a path has.
    AddedPart(&'a Buffer<M>, u32, u32),
}

impl<M: Float + CubeElement, R: Runtime> Recorder<'_, M, R> {
    /// Records the gradients of all blocks, from the gradient of the last map's pixels.
    pub(super) fn backward(&mut self, blocks: &[Recorded<M>], dpixels: &Buffer<M>, map: usize) {
        let longest = self.network.blocks.iter().map(|block| block.layers).max().unwrap_or(1);
        // The gradients behind the norms of a block's last layer, and of the others in turn.
        let mut behind = vec![self.map(map)];
        behind.extend((1..longest.min(3)).map(|_| self.map(map)));
        let [projected, even, odd] = [0; 3].map(|_| self.map(map));
        let outputs = [even, odd];
        let mut dy = dpixels.clone();
        for (i, recorded) in blocks.iter().enumerate().rev() {
            let pooled = i + 1 == blocks.len();
            let dx = (i > 0).then(|| outputs[i % 2].clone());
            match recorded {
                Recorded::Pool(pool, buffers, width) => {
                    if let Some(dx) = &dx {
                        let (pool, maps) = (Pool { pooled, ..*pool }, [dy, dx.clone()]);
                        self.launches.push(Launch::PoolGradient(
                            pool,
                            (**buffers).clone(),
                            maps,
                            *width,
                        ));
                    }
                }
                Recorded::Layers(layers) => {
                    self.block_gradient(layers, (dy, pooled), dx.as_ref(), &behind, &projected);
                }
            }
            dy = dx.unwrap_or_else(|| self.none_map.clone());
        }
        let list = Buffer::new(self.client, &self.list);
        let norms = self.list.len() as u32 / LISTED;
        self.launches.push(Launch::Sides(
            [self.sides.clone(), self.parameters.buffers.gradient.clone()],
            [list, self.table.clone()],
            [self.network.paths, norms],
        ));
    }

    /// Records the gradients of a block from that of its output, and that of its input unless it reads
    /// the images. `behind` are buffers for the gradients behind its norms, `projected` for that of the
    /// projection's input.
    fn block_gradient(
        &mut self,
        layers: &Layers<M>,
        (dy, pooled): (Buffer<M>, bool),
        dx: Option<&Buffer<M>>,
        behind: &[Buffer<M>],
        projected: &Buffer<M>,
    ) {
        let Layers { block, units, projection, end, buffers, rows } = layers;
        let end = BlockEnd { pooled, ..*end };
        let (last, dsum) = (units.len() - 1, &behind[0]);
        self.launches.push(Launch::EndGradient(
            end,
            buffers.clone(),
            [dy, dsum.clone()],
            self.partial.clone(),
            *rows,
        ));
        self.norm_gradient(&units[last], end.blocks(), 0);
        if let Some(projection) = projection {
            self.norm_gradient(projection, end.blocks(), 1);
        }
        self.weights(&units[last], dsum);
        let mut d = dsum;
        for (n, i) in (0..last).rev().enumerate() {
            let middle = &behind[1 + n % 2];
            let before = Before::Unit(&units[i]);
            let blocks = self.input_gradient(&units[i + 1], d, middle, before);
            self.norm_gradient(&units[i], blocks, 0);
            self.weights(&units[i], middle);
            d = middle;
        }
        if let Some(projection) = projection {
            self.weights(projection, dsum);
        }
        let Some(dx) = dx else { return };
        let before = match (projection, block.shortcut) {
            (Some(projection), _) => {
                self.input_gradient(projection, dsum, projected, Before::Nothing);
                Before::Added(projected)
            }
            (None, _) if block.adds_part() => Before::AddedPart(dsum, end.channels, rows.residual),
            (None, Shortcut::None) => Before::Nothing,
            (None, _) => Before::Added(dsum),
        };
        self.input_gradient(&units[0], d, dx, before);
    }

    fn norm_gradient(&mut self, unit: &Unit<M>, blocks: u32, partial: usize) {
        let count = count(&unit.shape);
        let buffers = self.norm_buffers(unit, partial);
        self.launches.push(Launch::NormGradient(unit.norm, buffers, blocks, unit.side, count));
    }

    /// Records the weight gradient of a unit from the gradient `d` behind its norm.
    fn weights(&mut self, unit: &Unit<M>, d: &Buffer<M>) {
        let (reading, factors, slope) = self.reading(&unit.input);
        let readings = [reading, Reading::NormGradient];
        let launch = WeightGradient::new(unit.shape, readings, self.options.cubes);
        let buffers = WeightBuffers {
            x: unit.input.map.clone(),
            factors,
            dy: d.clone(),
            norm_input: unit.raw.clone(),
            dy_factors: unit.coefficients.clone(),
            table: self.table.clone(),
            slopes: self.slopes.clone(),
            partial: self.weight_sums.clone(),
            gradient: self.parameters.buffers.gradient.clone(),
        };
        self.launches.push(Launch::Weights(launch, buffers, unit.rows, slope));
    }

    /// Records the input gradient of a unit from the gradient `d` behind its norm. Returns the number of
    /// records.
    fn input_gradient(
        &mut self,
        unit: &Unit<M>,
        d: &Buffer<M>,
        dx: &Buffer<M>,
        before: Before<'_, M>,
    ) -> u32 {
        let (map, none) = (self.none_map.clone(), self.none.clone());
        let slope = unit.input.pending.as_ref().map_or(0, |(_, layer)| *layer);
        let (other, other_factors, writing, row) = match before {
            Before::Unit(b) => {
                let writing = Writing::gradient(self.network.bounds());
                (b.raw.clone(), b.factors.clone(), writing, slope)
            }
            Before::Added(added) => (added.clone(), none, Writing::Added, 0),
            Before::AddedPart(added, channels, row) => {
                (added.clone(), none, Writing::AddedPart(channels), row)
            }
            Before::Nothing => (map, none, Writing::Plain, 0),
        };
        let variant = self.options.variant;
        let frames: Vec<_> =
            classes(&unit.shape).map(|class| Frame::new(&unit.shape, class, variant)).collect();
        let blocks = frames.iter().map(Frame::blocks).sum();
        let mut first = 0;
        for frame in frames {
            let buffers = ConvolveBuffers {
                x: d.clone(),
                norm_input: unit.raw.clone(),
                factors: unit.coefficients.clone(),
                weights: self.parameters.buffers.values.clone(),
                table: self.table.clone(),
                slopes: self.slopes.clone(),
                y: dx.clone(),
                other: other.clone(),
                other_factors: other_factors.clone(),
                partial: self.partial[0].clone(),
            };
            let numbers = ConvolveNumbers {
                rows: unit.rows.reversed(),
                slope: 0,
                other: row,
                paths: unit.shape.paths,
                blocks: [first, blocks],
            };
            first += frame.blocks();
            let launch = Convolve { frame, reading: Reading::NormGradient, writing };
            self.launches.push(Launch::Convolve(launch, buffers, numbers));
        }
        blocks
    }
}

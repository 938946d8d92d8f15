//! Records the launches of the gradients.

use cubecl::prelude::*;

use super::sizes::{classes, count};
use super::{Recorded, Recorder, Unit};
use crate::add::BlockEnd;
use crate::buffer::Buffer;
use crate::convolve::{Convolve, ConvolveBuffers, ConvolveNumbers, Writing};
use crate::network::Shortcut;
use crate::norm::LISTED;
use crate::pending::Reading;
use crate::step::launch::Launch;
use crate::tile::Frame;
use crate::weights::{WeightBuffers, WeightGradient};

impl<M: Float + CubeElement, R: Runtime> Recorder<'_, M, R> {
    /// Records the gradients of all blocks, from the gradient of the last map's pixels.
    pub(super) fn backward(&mut self, blocks: &[Recorded<M>], dpixels: &Buffer<M>, map: usize) {
        let [dsum, middle, projected] = [0, 1, 2].map(|_| self.map(map));
        let outputs = [self.map(map), self.map(map)];
        let mut dy = dpixels.clone();
        for (i, recorded) in blocks.iter().enumerate().rev() {
            let pooled = i + 1 == blocks.len();
            let end = BlockEnd { pooled, ..recorded.end };
            let unit = &recorded.units[recorded.units.len() - 1];
            self.launches.push(Launch::EndGradient(
                end,
                recorded.buffers.clone(),
                [dy, dsum.clone()],
                self.partial.clone(),
                recorded.rows,
            ));
            self.norm_gradient(unit, end.blocks(), 0);
            if let Some(projection) = &recorded.projection {
                self.norm_gradient(projection, end.blocks(), 1);
            }
            let dx = (i > 0).then(|| outputs[i % 2].clone());
            self.weights(unit, &dsum);
            let mut d = dsum.clone();
            if let [first, last] = recorded.units.as_slice() {
                let blocks = self.input_gradient(last, &dsum, &middle, Some(first), None);
                self.norm_gradient(first, blocks, 0);
                self.weights(first, &middle);
                d = middle.clone();
            }
            if let Some(projection) = &recorded.projection {
                self.weights(projection, &dsum);
            }
            if let Some(dx) = &dx {
                let residual = match (&recorded.projection, recorded.block.shortcut) {
                    (Some(projection), _) => {
                        self.input_gradient(projection, &dsum, &projected, None, None);
                        Some(&projected)
                    }
                    (None, Shortcut::None) => None,
                    (None, _) => Some(&dsum),
                };
                self.input_gradient(&recorded.units[0], &d, dx, None, residual);
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

    /// Records the input gradient of a unit from the gradient `d` behind its norm. `before` is the
    /// unit whose norm and activation the input passed, `added` another gradient of the input.
    /// Returns the number of records.
    fn input_gradient(
        &mut self,
        unit: &Unit<M>,
        d: &Buffer<M>,
        dx: &Buffer<M>,
        before: Option<&Unit<M>>,
        added: Option<&Buffer<M>>,
    ) -> u32 {
        let (other, other_factors, writing) = match (before, added) {
            (Some(b), _) => (b.raw.clone(), b.factors.clone(), Writing::ActivationGradient),
            (None, Some(added)) => (added.clone(), self.none.clone(), Writing::Added),
            (None, None) => (self.none_map.clone(), self.none.clone(), Writing::Plain),
        };
        let other_slope = unit.input.pending.as_ref().map_or(0, |(_, layer)| *layer);
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
                other_slope,
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

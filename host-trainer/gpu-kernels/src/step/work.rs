//! Operations and memory traffic of a step, counted from its launches and the table of an update.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use cubecl::prelude::*;

use super::{Launch, Step};
use crate::add::{BlockEnd, EndRows, Residual};
use crate::convolve::{Convolve, ConvolveNumbers};
use crate::pending::Reading;
use crate::pool::Pool;
use crate::shape::{Rows, unpacked_kernel};
use crate::weights::WeightGradient;
use crate::writing::Writing;

/// Bytes that a GPU reads and writes at once.
const SECTOR: usize = 32;

/// What some launches compute, read and write.
///
/// Bytes are those of maps: every launch reads and writes each value of its maps once, in whole sectors of 32
/// bytes of the channels of a pixel. Parameters, records and partial sums are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Number of launches. A weight gradient has a second one for its sum.
    pub launches: u32,
    /// Multiplications and additions of convolutions, depthwise convolutions and dense layers.
    pub operations: f64,
    /// Bytes of maps that are read and written.
    pub bytes: f64,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.launches += other.launches;
        self.operations += other.operations;
        self.bytes += other.bytes;
    }
}

/// A kind of launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A convolution with the statistics of its batch norm.
    Convolution,
    /// A depthwise convolution with these statistics.
    Depthwise,
    /// The factors of a batch norm.
    Factors,
    /// The end of a block.
    End,
    /// A pool.
    Pool,
    /// The classifier: logits, losses and gradients.
    Head,
    /// The gradient of the end of a block.
    EndGradient,
    /// The coefficients of a norm's gradient.
    NormGradient,
    /// The gradient of a pool.
    PoolGradient,
    /// The gradient of a convolution's weights.
    Weights,
    /// The gradient of a depthwise convolution's weights.
    DepthwiseWeights,
    /// The gradient of a convolution's input. There is a launch for each residue class of the stride.
    Input,
    /// The gradient of a depthwise convolution's input.
    DepthwiseInput,
    /// Slopes, sums of norms, and the descent.
    Parameters,
}

/// The table of an update.
struct Table<'a> {
    values: &'a [u32],
    paths: usize,
}

impl Table<'_> {
    /// The values of a row, one for each path.
    fn row(&self, row: u32) -> &[u32] {
        let from = row as usize * self.paths;
        self.values.get(from..from + self.paths).unwrap_or_default()
    }
}

/// Bytes of channels of a map with values of `size` bytes, over a number of pixels.
fn map(channels: u32, size: usize, pixels: u32) -> f64 {
    f64::from(pixels) * (channels as usize * size).next_multiple_of(SECTOR) as f64
}

/// What a convolution or one of its gradients computes, reads and writes in a path.
struct Share {
    /// Taps of the kernel that are computed.
    taps: u32,
    /// Bytes that are read of the input, which may be that of all paths.
    input: f64,
    /// Bytes of all other maps.
    others: f64,
}

/// The sum over the paths that have a layer. `share` is given a function that reads a path's value of a
/// row, and the path's numbers of input and output channels; `pixels` are those that every tap is computed
/// for.
fn sum(
    table: &Table<'_>,
    rows: Rows,
    (depthwise, shared_input, pixels): (bool, bool, u32),
    share: impl Fn(&dyn Fn(u32) -> u32, [u32; 2]) -> Share,
) -> Work {
    let mut work = Work { launches: 1, ..Work::default() };
    let mut shared = 0.0f64;
    for path in 0..table.paths {
        let of = |row| table.row(row).get(path).copied().unwrap_or_default();
        let [inputs, outputs] = [rows.input, rows.output].map(of);
        if outputs == 0 {
            continue;
        }
        let Share { taps, input, others } = share(&of, [inputs, outputs]);
        let products = if depthwise { 1 } else { inputs };
        let factors = [taps, products, outputs, pixels].map(f64::from);
        work.operations += 2.0 * factors.iter().product::<f64>();
        work.bytes += others;
        if shared_input {
            shared = shared.max(input);
        } else {
            work.bytes += input;
        }
    }
    work.bytes += shared;
    work
}

/// Maps that a reading reads.
const fn maps_of(reading: Reading) -> f64 {
    if let Reading::NormGradient = reading { 2.0 } else { 1.0 }
}

fn convolution(
    launch: &Convolve,
    numbers: &ConvolveNumbers,
    table: &Table<'_>,
    size: usize,
) -> Work {
    let (frame, rows) = (&launch.frame, numbers.rows);
    let pixels = |[rows, columns]: [u32; 2]| frame.images * rows * columns;
    let (read, written) = (pixels(frame.read), pixels(frame.positions));
    let [tap_rows, tap_columns] = frame.taps;
    let column = |tap: u32| frame.tap_first[1].wrapping_add_signed(tap as i32 * frame.tap_step[1]);
    let layer = (frame.depthwise, frame.shared, written);
    sum(table, rows, layer, |of, [inputs, outputs]| {
        let columns = if frame.depthwise && frame.elastic {
            let ([_, count], [_, first]) = unpacked_kernel(of(rows.kernel));
            let own = first..first + count;
            (0..tap_columns).filter(|tap| own.contains(&column(*tap))).count() as u32
        } else {
            tap_columns
        };
        let taps = tap_rows * columns;
        let other = match launch.writing {
            Writing::Plain | Writing::Statistics => 0,
            Writing::Added | Writing::ActivationGradient | Writing::ClippedGradient(_) => outputs,
            Writing::AddedPart(_) => of(numbers.other),
        };
        let input = map(inputs, size, if taps > 0 { read } else { 0 });
        Share {
            taps,
            input: maps_of(launch.reading) * input,
            others: map(outputs, size, written) + map(other, size, written),
        }
    })
}

/// A weight gradient and the launch that adds up its partial sums.
fn weights(launch: &WeightGradient, rows: Rows, table: &Table<'_>, size: usize) -> Work {
    let shape = &launch.shape;
    let [read, written] = [shape.pixels_in(), shape.pixels_out()];
    let layer = (shape.depthwise, shape.shared_input, written);
    let [kernel_rows, kernel_columns] = shape.kernel;
    let work = sum(table, rows, layer, |of, [inputs, outputs]| {
        let tap_rows = if shape.depthwise && shape.elastic {
            unpacked_kernel(of(rows.kernel)).0[0]
        } else {
            kernel_rows
        };
        Share {
            taps: tap_rows * kernel_columns,
            input: map(inputs, size, read),
            others: maps_of(launch.gradient) * map(outputs, size, written),
        }
    });
    Work { launches: 2, ..work }
}

/// The end of a block, or its gradient.
fn end(end: &BlockEnd, rows: EndRows, gradient: bool, table: &Table<'_>, size: usize) -> Work {
    let pixels = end.images * end.pixels;
    let mut work = Work { launches: 1, ..Work::default() };
    for (&width, &added) in table.row(rows.width).iter().zip(table.row(rows.residual)) {
        let residual = match end.residual {
            Residual::None => 0,
            Residual::Plain => added,
            Residual::Normed => width,
        };
        // A path without the block passes its residual on.
        let written = if end.optional && width == 0 { residual } else { width };
        let one = |channels| map(channels, size, pixels);
        work.bytes += one(width) + one(residual) + one(written);
        if gradient {
            let images = if end.pooled { end.images } else { pixels };
            work.bytes += map(written, size, images);
        }
    }
    work
}

/// A pool, or its gradient.
fn pool(pool: &Pool, width: u32, table: &Table<'_>, size: usize) -> Work {
    let shape = &pool.shape;
    let [read, written] = [shape.pixels_in(), shape.pixels_out()];
    let outputs = if pool.pooled { shape.images } else { written };
    let mut work = Work { launches: 1, ..Work::default() };
    for &channels in table.row(width) {
        work.bytes += map(channels, size, read) + map(channels, size, outputs);
        if pool.maximum {
            work.bytes += map(channels, size_of::<u32>(), written);
        }
    }
    work
}

/// Adds work to a sum, by kind of launch.
pub fn add_work(sum: &mut BTreeMap<Kind, Work>, more: impl IntoIterator<Item = (Kind, Work)>) {
    more.into_iter().for_each(|(kind, work)| *sum.entry(kind).or_default() += work);
}

impl<M: Float + CubeElement> Step<M> {
    /// What an update with a table, `[rows, paths]`, computes, reads and writes, by kind of launch.
    #[must_use]
    pub fn work(&self, table: &[u32]) -> BTreeMap<Kind, Work> {
        let table = Table { values: table, paths: self.network.paths as usize };
        let size = size_of::<M>();
        let launches = Work { launches: 1, ..Work::default() };
        let of = |launch: &Launch<M>| match launch {
            Launch::Convolve(launch, _, numbers) => {
                let forward = !launch.frame.transposed;
                let kind = match (forward, launch.frame.depthwise) {
                    (true, false) => Kind::Convolution,
                    (true, true) => Kind::Depthwise,
                    (false, false) => Kind::Input,
                    (false, true) => Kind::DepthwiseInput,
                };
                (kind, convolution(launch, numbers, &table, size))
            }
            Launch::Weights(launch, _, rows, _) => {
                let depthwise = launch.shape.depthwise;
                let kind = if depthwise { Kind::DepthwiseWeights } else { Kind::Weights };
                (kind, weights(launch, *rows, &table, size))
            }
            Launch::End(launch, _, _, rows) => (Kind::End, end(launch, *rows, false, &table, size)),
            Launch::EndGradient(launch, _, _, _, rows) => {
                (Kind::EndGradient, end(launch, *rows, true, &table, size))
            }
            Launch::Pool(launch, _, width) => (Kind::Pool, pool(launch, *width, &table, size)),
            Launch::PoolGradient(launch, _, _, width) => {
                (Kind::PoolGradient, pool(launch, *width, &table, size))
            }
            Launch::Factors(..) => (Kind::Factors, launches),
            Launch::NormGradient(..) => (Kind::NormGradient, launches),
            Launch::Slopes(..) | Launch::Sides(..) => (Kind::Parameters, launches),
        };
        let mut all = BTreeMap::new();
        let recorded = self.forward.iter().chain(&self.backward).map(of);
        // The descent is not recorded.
        let others = [(Kind::Head, self.head_work(&table, size)), (Kind::Parameters, launches)];
        add_work(&mut all, recorded.chain(others));
        all
    }

    /// The classifier: its logits, and the gradients of its weights and its input.
    fn head_work(&self, table: &Table<'_>, size: usize) -> Work {
        let head = &self.head;
        let mut work = Work { launches: 4, ..Work::default() };
        for &width in table.row(self.head_rows.width) {
            let products = f64::from(width) * f64::from(head.classes) * f64::from(head.images);
            work.operations += 3.0 * 2.0 * products;
            work.bytes += map(width, size, head.images * head.pixels);
        }
        work
    }
}

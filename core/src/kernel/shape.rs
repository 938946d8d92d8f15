//! The scratch that a layer needs beside its tensors. All sizes count 32-bit words.
//!
//! The executor, the plan of the arena and the search's cost model read their sizes here.

use super::weights::depthwise_row_words;
use super::window::TILE_PIXELS;
use super::winograd::{self, BLOCK_COLUMNS};
use crate::graph::{Conv, Form, Geometry, Graph, Header, KernelKind, padded};
use crate::shape::Shape;

/// Largest number of pixels of a row that a pointwise convolution makes of several rows.
const FOLDED: u16 = 32;
const TILE: u16 = TILE_PIXELS as u16;

/// The shapes and the algorithm of a layer, without weights and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Shape read. Of a folded layer, `fold` rows count as one.
    pub input: Shape,
    /// Shape written, folded as the input.
    pub output: Shape,
    /// Operation.
    pub form: Form,
    /// Kernel size, stride and padding.
    pub geometry: Geometry,
    /// Algorithm of a convolution.
    pub kind: KernelKind,
    /// True if the input is the image.
    pub image: bool,
    /// Rows of the tensors that are executed as one, 1 or more.
    pub fold: u16,
}

/// The layout of widened rows in the ring buffer of a convolution ([`Window`](super::Window)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Phases of a plane. A kernel of one column reads one phase only, whatever its stride.
    pub phases: usize,
    /// Words of a phase.
    pub phase: usize,
    /// Words of a row.
    pub row: usize,
    /// Number of rows: those that one step reads.
    pub rows: usize,
}

/// A shape whose rows are joined, `fold` to one.
const fn joined(shape: Shape, fold: u16) -> Shape {
    let Shape { height, width, channels } = shape;
    Shape { height: height / fold, width: width * fold, channels }
}

impl ConvShape {
    /// The shape of a layer of a graph, without folding.
    #[inline(never)]
    pub(crate) fn of(graph: &impl Graph, conv: &Conv) -> Self {
        Self::between(graph.tensor(conv.input).shape, graph.tensor(conv.output).shape, conv)
    }

    /// The shape of a layer between two shapes, without folding.
    #[inline]
    fn between(input: Shape, output: Shape, conv: &Conv) -> Self {
        Self {
            input,
            output,
            form: conv.form,
            geometry: conv.geometry,
            kind: conv.kind,
            image: conv.input == 0,
            fold: 1,
        }
    }

    /// The shape of a layer of a header, without folding.
    pub fn of_header(header: &Header<'_>, conv: &Conv) -> Self {
        Self::of(header, conv)
    }

    /// As a unit of its own, a pointwise convolution takes several rows as one, so that fewer tiles
    /// are cut. All other layers stay as they are.
    pub const fn folded(self) -> Self {
        if !matches!(self.kind, KernelKind::Pointwise) {
            return self;
        }
        let Shape { height, width, .. } = self.input;
        let (mut fold, mut m) = (1, 2);
        while m <= height && m as u32 * width as u32 <= FOLDED as u32 {
            let tiles = (m * width).div_ceil(TILE) * fold;
            if height.is_multiple_of(m) && tiles < (fold * width).div_ceil(TILE) * m {
                fold = m;
            }
            m += 1;
        }
        let (input, output) = (joined(self.input, fold), joined(self.output, fold));
        Self { input, output, fold, ..self }
    }

    /// Padding above the input, in rows.
    pub const fn above(&self) -> usize {
        self.geometry.padding[0] as usize
    }

    /// Padding on the left of the input, in columns.
    pub const fn left(&self) -> usize {
        self.geometry.padding[2] as usize
    }

    /// Rows of the kernel.
    pub const fn kernel_rows(&self) -> usize {
        self.geometry.kernel[0] as usize
    }

    /// Columns of the kernel in a tile: rounded up to odd; one for flat convolutions.
    pub const fn columns(&self) -> usize {
        if matches!(self.kind, KernelKind::Flat) {
            1
        } else {
            (self.geometry.kernel[1] | 1) as usize
        }
    }

    /// Rows from a step's input to that of the next row of outputs.
    pub const fn stride(&self) -> usize {
        self.geometry.stride[0] as usize
    }

    /// Columns from a pixel's input to that of the next pixel.
    pub const fn across(&self) -> usize {
        self.geometry.stride[1] as usize
    }

    /// Rows of outputs per step.
    pub const fn step(&self) -> usize {
        self.kind.rows()
    }

    /// Pairs of input channels; for flat convolutions, of the inputs of a kernel row.
    pub const fn pairs(&self) -> usize {
        let channels = match self.kind {
            KernelKind::Flat => self.input.channels * self.geometry.kernel[1] as u16,
            _ => self.input.channels,
        };
        padded(channels) / 2
    }

    /// Words of a row of the input, if the input is not the image.
    pub const fn in_row(&self) -> usize {
        self.input.width as usize * padded(self.input.channels) / 4
    }

    /// Words of a row of the output.
    pub const fn out_row(&self) -> usize {
        self.output.width as usize * padded(self.output.channels) / 4
    }

    /// Words of the input in the arena.
    pub const fn in_words(&self) -> usize {
        if self.image {
            self.input.len().div_ceil(4)
        } else {
            self.input.height as usize * self.in_row()
        }
    }

    /// Rows of the input that a step reads.
    pub const fn needed(&self) -> usize {
        self.kernel_rows() + (self.step() - 1) * self.stride()
    }

    /// Layout of a convolution's ring buffer.
    pub const fn ring(&self) -> Ring {
        let (columns, width) = (self.columns(), self.output.width as usize);
        let (phases, phase) = if self.kind.winograd() {
            (1, width.next_multiple_of(BLOCK_COLUMNS) + 2)
        } else {
            let phases = if columns == 1 || self.across() == 1 { 1 } else { 2 };
            (phases, width.next_multiple_of(TILE_PIXELS) + (columns - 1) / phases)
        };
        Ring { phases, phase, row: self.pairs() * phases * phase, rows: self.needed() }
    }

    /// Words of a channel's row in the ring buffer of a depthwise convolution. A word holds two
    /// adjacent pixels.
    pub const fn groups(&self) -> usize {
        let last = (self.output.width as usize).saturating_sub(1);
        last * self.across() / 2 + depthwise_row_words(self.geometry.kernel[1]) + 1
    }

    /// True for an average pool that adds up its rows as they come.
    pub const fn sums_up(&self) -> bool {
        matches!(self.form, Form::Average) && self.geometry.is_global(self.input)
    }

    /// Words of the ring buffer.
    pub const fn ring_words(&self) -> usize {
        match self.form {
            Form::Full => {
                let ring = self.ring();
                ring.row * ring.rows
            }
            Form::Depthwise => self.kernel_rows() * padded(self.input.channels) * self.groups(),
            Form::Maximum | Form::Average if self.sums_up() => padded(self.input.channels),
            Form::Maximum | Form::Average => self.kernel_rows() * self.in_row(),
            Form::Dense => 2 * self.in_words(),
            Form::Add => 0,
        }
    }

    /// Index of the first pixel's word in the first plane of a widened row.
    pub const fn first_pixel(&self) -> usize {
        let (ring, pad) = (self.ring(), self.left());
        if ring.phases == 2 { pad % 2 * ring.phase + pad / 2 } else { pad }
    }

    /// Winograd blocks in a row.
    pub const fn blocks(&self) -> usize {
        (self.output.width as usize).div_ceil(BLOCK_COLUMNS)
    }

    /// Words of transformed inputs: those of a block, or of a row of blocks if the weights are
    /// transformed during execution.
    pub const fn transformed_words(&self) -> usize {
        if !self.kind.winograd() {
            return 0;
        }
        let blocks = if self.kind.transformed() { 1 } else { self.blocks() };
        winograd::input_words(self.kind.rows(), self.pairs()) * blocks
    }

    /// Words that a step needs beside the ring buffer: sums, transformed inputs, transformed
    /// weights.
    pub const fn work_words(&self) -> usize {
        if !self.kind.winograd() {
            return 0;
        }
        let rows = self.kind.rows();
        let pairs = if self.kind.transformed() { 0 } else { self.pairs() };
        let weights = winograd::weight_words(rows, pairs);
        winograd::sum_words(rows) + self.transformed_words() + weights
    }

    /// Number of input rows, from the top, that have been copied before the step at output row `y`
    /// writes. It may exceed the height of the input.
    pub const fn widened(&self, y: usize) -> usize {
        if matches!(self.form, Form::Dense) {
            return self.input.height as usize;
        }
        y * self.stride() + self.needed() - self.above()
    }
}

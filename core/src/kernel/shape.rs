//! The scratch that a convolution needs beside its tensors. All sizes count 32-bit words.
//!
//! The executor, the plan of the arena and the search's cost model read their sizes here.

use super::window::TILE_PIXELS;
use super::winograd::{self, BLOCK_COLUMNS, SUM_WORDS};
use crate::graph::{Conv, Graph, KernelKind, padded};
use crate::space::Shape;

/// The shapes and the algorithm of a convolution, without weights and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Shape read.
    pub input: Shape,
    /// Shape written.
    pub output: Shape,
    /// Kernel size.
    pub kernel: u8,
    /// Stride, 1 or 2.
    pub stride: u8,
    /// Algorithm.
    pub kind: KernelKind,
}

/// The layout of widened rows in the ring buffer of a convolution ([`Window`](super::Window)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Phases of a plane. A 1x1 kernel reads one phase only, whatever its stride.
    pub phases: usize,
    /// Words of a phase.
    pub phase: usize,
    /// Words of a row.
    pub row: usize,
    /// Number of rows: those that one step reads.
    pub rows: usize,
}

impl ConvShape {
    /// The shape of a convolution of a graph.
    #[inline(never)]
    pub(crate) fn of(graph: &impl Graph, conv: &Conv) -> Self {
        Self {
            input: graph.tensor(conv.input).shape,
            output: graph.tensor(conv.output).shape,
            kernel: conv.kernel,
            stride: conv.stride,
            kind: conv.kind,
        }
    }

    /// Padding on each side, in pixels.
    pub const fn pad(&self) -> usize {
        self.kernel as usize / 2
    }

    /// Rows of outputs per step.
    pub const fn step(&self) -> usize {
        if self.kind.winograd() { winograd::BLOCK_ROWS } else { 1 }
    }

    /// Pairs of input channels.
    pub const fn pairs(&self) -> usize {
        padded(self.input.channels) / 2
    }

    /// Words of a row of the input, if the input is not the image.
    pub const fn in_row(&self) -> usize {
        self.input.width as usize * padded(self.input.channels) / 4
    }

    /// Words of a row of the output.
    pub const fn out_row(&self) -> usize {
        self.output.width as usize * padded(self.output.channels) / 4
    }

    /// Layout of the ring buffer.
    pub const fn ring(&self) -> Ring {
        let (kernel, width) = (self.kernel as usize, self.output.width as usize);
        let (phases, phase, rows) = if self.kind.winograd() {
            (1, width.next_multiple_of(BLOCK_COLUMNS) + 2, winograd::BLOCK_ROWS + 2)
        } else {
            let phases = if self.kernel == 1 || self.stride == 1 { 1 } else { 2 };
            (phases, width.next_multiple_of(TILE_PIXELS) + (kernel - 1) / phases, kernel)
        };
        Ring { phases, phase, row: self.pairs() * phases * phase, rows }
    }

    /// Words of the ring buffer.
    pub const fn ring_words(&self) -> usize {
        let ring = self.ring();
        ring.row * ring.rows
    }

    /// Index of the first pixel's word in the first plane of a widened row.
    pub const fn first_pixel(&self) -> usize {
        let (ring, pad) = (self.ring(), self.pad());
        if ring.phases == 2 { pad % 2 * ring.phase + pad / 2 } else { pad }
    }

    /// Winograd blocks in a row.
    pub const fn blocks(&self) -> usize {
        (self.output.width as usize).div_ceil(BLOCK_COLUMNS)
    }

    /// Words of transformed inputs: those of a block, or of a row of blocks if the weights are
    /// transformed during execution.
    pub const fn transformed_words(&self) -> usize {
        let block = winograd::input_words(self.pairs());
        match self.kind {
            KernelKind::Direct => 0,
            KernelKind::Winograd => block,
            KernelKind::WinogradOnline => block * self.blocks(),
        }
    }

    /// Words that a step needs beside the ring buffer: sums, transformed inputs, transformed
    /// weights.
    pub const fn work_words(&self) -> usize {
        match self.kind {
            KernelKind::Direct => 0,
            KernelKind::Winograd => SUM_WORDS + self.transformed_words(),
            KernelKind::WinogradOnline => {
                SUM_WORDS + self.transformed_words() + winograd::weight_words(self.pairs())
            }
        }
    }

    /// Number of input rows, from the top, that have been widened before the step at output row `y`
    /// writes. It may exceed the height of the input.
    pub const fn widened(&self, y: usize) -> usize {
        y * self.stride as usize + self.ring().rows - self.pad()
    }
}

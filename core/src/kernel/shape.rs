//! Sizes of what a convolution needs beside its tensors. Everything counts 32-bit words.

use super::window::TILE_PIXELS;
use super::winograd::{self, BLOCK_COLUMNS, SUM_WORDS};
use crate::graph::{Conv, Graph, KernelKind, padded};
use crate::space::Shape;

/// A convolution's shapes and algorithm, without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Shape read.
    pub input: Shape,
    /// Shape written.
    pub output: Shape,
    /// Side of the kernel.
    pub kernel: u8,
    /// 1 or 2.
    pub stride: u8,
    /// Algorithm.
    pub kind: KernelKind,
}

/// Layout of the widened rows of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Phases of a plane: a 1x1 kernel never reads the skipped pixels, so they are left out.
    pub phases: usize,
    /// Words of a phase.
    pub phase: usize,
    /// Words of a row.
    pub row: usize,
    /// Rows: as many as one step reads.
    pub rows: usize,
}

impl ConvShape {
    /// The shape of a graph's convolution.
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

    /// Rows of padding above and below, columns at both sides.
    pub const fn pad(&self) -> usize {
        self.kernel as usize / 2
    }

    /// Rows of outputs that one step computes.
    pub const fn step(&self) -> usize {
        if self.kind.winograd() { winograd::BLOCK_ROWS } else { 1 }
    }

    /// Pairs of input channels.
    pub const fn pairs(&self) -> usize {
        padded(self.input.channels) / 2
    }

    /// Words of a row of inputs, unless they are the image's.
    pub const fn in_row(&self) -> usize {
        self.input.width as usize * padded(self.input.channels) / 4
    }

    /// Words of a row of outputs.
    pub const fn out_row(&self) -> usize {
        self.output.width as usize * padded(self.output.channels) / 4
    }

    /// Layout of the widened rows.
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

    /// Words of the widened rows.
    pub const fn ring_words(&self) -> usize {
        let ring = self.ring();
        ring.row * ring.rows
    }

    /// Where the first pixel lies in the first plane of a widened row.
    pub const fn first_pixel(&self) -> usize {
        let (ring, pad) = (self.ring(), self.pad());
        if ring.phases == 2 { pad % 2 * ring.phase + pad / 2 } else { pad }
    }

    /// Blocks of tiles in a row.
    pub const fn blocks(&self) -> usize {
        (self.output.width as usize).div_ceil(BLOCK_COLUMNS)
    }

    /// Words of transformed inputs: a block's, or a row's where the weights are transformed for
    /// each row.
    pub const fn transformed_words(&self) -> usize {
        let block = winograd::input_words(self.pairs());
        match self.kind {
            KernelKind::Direct => 0,
            KernelKind::Winograd => block,
            KernelKind::WinogradOnline => block * self.blocks(),
        }
    }

    /// Words that a step needs beside the widened rows: sums, transformed inputs, transformed
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

    /// Rows of the input that have been widened when the step that starts with output row `y`
    /// writes: this many from the top, perhaps more than there are.
    pub const fn widened(&self, y: usize) -> usize {
        y * self.stride as usize + self.ring().rows - self.pad()
    }
}

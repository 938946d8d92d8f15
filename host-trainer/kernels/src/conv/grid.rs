//! The offsets of a convolution, proved before the first pointer is formed.

mod tile;

use crate::LANES;
use crate::activation::Activation;
use crate::simd::Lanes;
use crate::size::{Short, check, reach};

/// What happens to a finished sum.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// The start of the sum, `[outputs]`.
    pub bias: Option<&'a [f32]>,
    /// Is added to the sum; it has the layout of the output.
    pub residual: Option<&'a [f32]>,
    /// Is applied last.
    pub act: Activation,
}

impl Epilogue<'_> {
    /// Leaves the sum as it is.
    pub const NONE: Epilogue<'static> =
        Epilogue { bias: None, residual: None, act: Activation::NONE };
}

/// A tap: an offset into the input, and one into the weights of an input and an output channel.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    pub x: usize,
    pub w: usize,
}

/// Distances in a map, in f32.
#[derive(Clone, Copy, Default)]
pub(crate) struct Steps {
    pub channel: usize,
    pub row: usize,
    pub pixel: usize,
}

/// Sums of products over input channels and taps for a grid of output pixels. Nothing is checked;
/// [`Grid::new`] does that.
#[derive(Clone, Copy)]
pub(crate) struct GridLayout<'a> {
    pub taps: &'a [Tap],
    /// Channels that are summed over.
    pub inputs: usize,
    /// Channels that are written.
    pub outputs: usize,
    /// Rows that are written.
    pub rows: usize,
    /// Columns that are written.
    pub columns: usize,
    /// In the input, between the pixels of neighbouring outputs.
    pub x: Steps,
    /// In the output and in the residual.
    pub y: Steps,
    /// From the weights of an input channel to those of the next, in f32.
    pub w_input: usize,
    /// From the weights of an output channel to those of the next, in f32.
    pub w_output: usize,
}

/// A layout whose offsets all lie inside its slices:
///
/// - 16 input values start at `input x.channel + row x.row + column x.pixel + tap.x`,
/// - a weight lies at `input w_input + output w_output + tap.w`,
/// - 16 output values, and 16 of the residual, start at
///   `output y.channel + row y.row + column y.pixel`,
/// - a bias lies at `output`,
///
/// for every tap and all indices below the counts of the layout. No such sum wraps, and each of its
/// partial sums lies inside the slice or at its end.
pub(crate) struct Grid<'a> {
    layout: GridLayout<'a>,
    values: &'a [f32],
    weights: &'a [f32],
    output: &'a mut [f32],
    epilogue: Epilogue<'a>,
}

impl<'a> Grid<'a> {
    /// Proves the offsets. The slices start at the first pixel of the grid.
    ///
    /// # Errors
    /// Where a slice is shorter than the layout needs, or a size wraps.
    pub fn new(
        mut layout: GridLayout<'a>,
        values: &'a [f32],
        weights: &'a [f32],
        output: &'a mut [f32],
        epilogue: Epilogue<'a>,
    ) -> Result<Self, Short> {
        let pixels = layout.outputs.min(layout.rows).min(layout.columns);
        if layout.taps.is_empty() || layout.inputs.min(pixels) == 0 {
            // no product is formed, and pointers into input and weights stay at their start
            layout =
                GridLayout { taps: &[], inputs: 0, x: Steps::default(), w_output: 0, ..layout };
        }
        if pixels == 0 {
            layout.rows = 0;
        }
        let l = &layout;
        let taps = |of: fn(&Tap) -> usize| {
            let last = l.taps.iter().map(of).max().unwrap_or(0);
            (last.saturating_add(1), 1)
        };
        let x = [(l.inputs, l.x.channel), (l.rows, l.x.row), (l.columns, l.x.pixel), taps(|t| t.x)];
        check("input of a convolution", values.len(), reach(x, LANES))?;
        let w = [(l.inputs, l.w_input), (l.outputs, l.w_output), taps(|t| t.w)];
        check("weights of a convolution", weights.len(), reach(w, 1))?;
        let y = [(l.outputs, l.y.channel), (l.rows, l.y.row), (l.columns, l.y.pixel)];
        let need = reach(y, LANES);
        check("output of a convolution", output.len(), need)?;
        if let Some(residual) = epilogue.residual {
            check("residual of a convolution", residual.len(), need)?;
        }
        if let Some(bias) = epilogue.bias {
            check("bias of a convolution", bias.len(), Some(l.outputs))?;
        }
        Ok(Self { layout, values, weights, output, epilogue })
    }

    /// Computes the output.
    #[inline(always)]
    pub fn run<S: Lanes>(self, s: S) {
        let y = self.output.as_mut_ptr();
        let most = S::TILE.0;
        for row in 0..self.layout.rows {
            let mut output = 0;
            while output < self.layout.outputs {
                let left = self.layout.outputs - output;
                // tiles of nearly the same size
                let tile = left.div_ceil(left.div_ceil(most));
                let at = (output, row);
                // SAFETY: `tile` outputs are left, `row` is a row of the layout, and `y` points to
                // the output
                unsafe {
                    match tile {
                        6 if most >= 6 => self.row::<S, 6>(s, y, at),
                        5 if most >= 5 => self.row::<S, 5>(s, y, at),
                        4 if most >= 4 => self.row::<S, 4>(s, y, at),
                        3 if most >= 3 => self.row::<S, 3>(s, y, at),
                        2 => self.row::<S, 2>(s, y, at),
                        _ => self.row::<S, 1>(s, y, at),
                    }
                }
                output += tile;
            }
        }
    }
}

#[cfg(test)]
mod tests;

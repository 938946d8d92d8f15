//! The gradient of the weights, in register tiles of outputs x inputs x taps.

use super::ConvGeometry;
use crate::LANES;
use crate::simd::Lanes;
use crate::size::{Short, check, reach};

/// The gradient of a convolution's weights over a block, whose offsets all lie inside its slices:
///
/// - 16 input values start at `((input ph + row) pw + column) 16`, where the padded size is `ph` x
///   `pw`, `row` is the stride in rows times the output row plus the row of the tap, and `column`
///   likewise,
/// - 16 values of the output's gradient start at `output plane + pixel 16`,
///
/// for all channels, taps and pixels of the shape. No such sum wraps.
pub(crate) struct WeightGradient<'a> {
    shape: &'a ConvGeometry,
    x: &'a [f32],
    dy: &'a [f32],
    /// Values of a row and of a channel of the padded input.
    row: usize,
    channel: usize,
}

/// The outputs, inputs and taps at which a tile starts.
#[derive(Clone, Copy)]
struct Corner {
    output: usize,
    input: usize,
    ky: usize,
    kx: usize,
}

impl<'a> WeightGradient<'a> {
    /// Proves the offsets into the padded input `x`,
    /// `[inputs][rows + padding][columns + padding][16]`, and into the gradient of the output `dy`,
    /// `[outputs][rows][columns][16]`.
    ///
    /// # Errors
    /// Where a slice is shorter.
    pub fn new(shape: &'a ConvGeometry, x: &'a [f32], dy: &'a [f32]) -> Result<Self, Short> {
        let (input, output) = (shape.input(), shape.output());
        let (ph, pw) = shape.padding().dims(&input);
        let (row, channel) = (pw * LANES, ph * pw * LANES);
        let ([kh, kw], [down, right]) = (shape.window().kernel, shape.window().stride);
        let (rows, columns) = (output.rows(), output.columns());
        let pixels = [(rows, down * row), (columns, right * LANES)];
        let taps = [(kh, row), (kw, LANES)];
        let axes = [(input.channels(), channel), taps[0], taps[1], pixels[0], pixels[1]];
        check("input of a convolution", x.len(), reach(axes, LANES))?;
        let axes = [(output.channels(), output.plane()), (output.pixels(), LANES)];
        check("gradient of a convolution", dy.len(), reach(axes, LANES))?;
        Ok(Self { shape, x, dy, row, channel })
    }

    /// Writes the gradient to `dw`, `[outputs][inputs][rows][columns]`.
    ///
    /// # Panics
    /// Where `dw` has another length.
    #[inline(always)]
    pub fn run<S: Lanes>(self, s: S, dw: &mut [f32]) {
        assert!(dw.len() == self.shape.weights(), "gradient of {} weights", self.shape.weights());
        if self.shape.output().pixels() == 0 {
            dw.fill(0.0);
            return;
        }
        let (outputs, most) = (self.shape.output().channels(), S::WEIGHT_TILE.0);
        let mut output = 0;
        while output < outputs {
            let left = outputs - output;
            // tiles of nearly the same size
            let tile = left.div_ceil(left.div_ceil(most));
            // SAFETY: `tile` outputs are left
            unsafe {
                match tile {
                    4 if most >= 4 => self.outputs::<S, 4>(s, output, dw),
                    3 if most >= 3 => self.outputs::<S, 3>(s, output, dw),
                    2 if most >= 2 => self.outputs::<S, 2>(s, output, dw),
                    _ => self.outputs::<S, 1>(s, output, dw),
                }
            }
            output += tile;
        }
    }

    /// All inputs and taps of `C` outputs.
    ///
    /// # Safety
    /// `output + C` is at most the number of outputs.
    #[inline(always)]
    unsafe fn outputs<S: Lanes, const C: usize>(&self, s: S, output: usize, dw: &mut [f32]) {
        let (inputs, [rows, columns]) = (self.shape.input().channels(), self.shape.window().kernel);
        let mut input = 0;
        while input < inputs {
            let two = S::WEIGHT_TILE.1 >= 2 && inputs - input >= 2;
            for ky in 0..rows {
                let mut kx = 0;
                while kx < columns {
                    let (three, at) = (columns - kx >= 3, Corner { output, input, ky, kx });
                    // SAFETY: the caller's outputs, and as many inputs and taps as are left
                    unsafe {
                        match (two, three) {
                            (true, true) => self.sums::<S, C, 2, 3>(s, at, dw),
                            (true, false) => self.sums::<S, C, 2, 1>(s, at, dw),
                            (false, true) => self.sums::<S, C, 1, 3>(s, at, dw),
                            (false, false) => self.sums::<S, C, 1, 1>(s, at, dw),
                        }
                    }
                    kx += if three { 3 } else { 1 };
                }
            }
            input += if two { 2 } else { 1 };
        }
    }

    /// Writes the sums of a tile to `dw`.
    ///
    /// # Safety
    /// As [`WeightGradient::tile`].
    #[inline(always)]
    unsafe fn sums<S: Lanes, const C: usize, const I: usize, const K: usize>(
        &self,
        s: S,
        at: Corner,
        dw: &mut [f32],
    ) {
        // SAFETY: as the caller promises
        let sums = unsafe { self.tile::<S, C, I, K>(s, at) };
        let (inputs, [rows, columns]) = (self.shape.input().channels(), self.shape.window().kernel);
        for c in 0..C {
            for i in 0..I {
                let of = |t: usize| if t < K { sums[c][i][t] } else { s.splat(0.0) };
                let four = s.sums(std::array::from_fn(of));
                let row = ((at.output + c) * inputs + at.input + i) * rows + at.ky;
                dw[row * columns + at.kx..][..K].copy_from_slice(&four[..K]);
            }
        }
    }

    /// Sums `C` outputs x `I` inputs x `K` neighbouring taps over all pixels.
    ///
    /// # Safety
    /// `output + C`, `input + I` and `kx + K` are at most the numbers of outputs, inputs and taps
    /// of a row, `ky` is less than the number of rows of taps, and the output has pixels.
    #[inline(always)]
    unsafe fn tile<S: Lanes, const C: usize, const I: usize, const K: usize>(
        &self,
        s: S,
        Corner { output, input, ky, kx }: Corner,
    ) -> [[[S::Vector; K]; I]; C] {
        let (shape, map) = (self.shape, self.shape.output());
        debug_assert!(output + C <= map.channels() && input + I <= shape.input().channels());
        let ([kh, kw], [down, right]) = (shape.window().kernel, shape.window().stride);
        debug_assert!(ky < kh && kx + K <= kw && map.pixels() > 0);
        let (rows, columns) = (map.rows(), map.columns());
        let plane = map.plane();
        let mut sums = [[[s.splat(0.0); K]; I]; C];
        // SAFETY: `WeightGradient::new` proved the offsets of all outputs, inputs, taps and pixels;
        // those of the tile are, by the caller's promise, and those of the loops by their ranges
        unsafe {
            let dy = self.dy.as_ptr().add(output * plane);
            let x = self.x.as_ptr().add(input * self.channel + ky * self.row + kx * LANES);
            for oy in 0..rows {
                for ox in 0..columns {
                    let dy = dy.add((oy * columns + ox) * LANES);
                    let x = x.add(oy * down * self.row + ox * right * LANES);
                    let d: [S::Vector; C] =
                        std::array::from_fn(|c| s.load(&*dy.add(c * plane).cast()));
                    for i in 0..I {
                        for k in 0..K {
                            let v = s.load(&*x.add(i * self.channel + k * LANES).cast());
                            for c in 0..C {
                                sums[c][i][k] = s.fma(sums[c][i][k], d[c], v);
                            }
                        }
                    }
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests;

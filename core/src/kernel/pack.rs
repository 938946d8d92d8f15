//! The packing of weights for [`KernelKind::Direct`](crate::graph::KernelKind::Direct).
//!
//! Output channels are packed in pairs and input channels in fours, whose pairs are (0, 2) and (1,
//! 3): `SXTB16` makes these pairs of a word of four channels, and of the word rotated by 8. For
//! each output pair, kernel row, input pair and kernel column there is one word of four bytes `[o0
//! a, o1 a, o0 b, o1 b]`, for the outputs o0 and o1 and the inputs a and b.

use crate::error::Error;
use crate::graph::padded;

/// The shape of a convolution's weights, `[output, rows, columns, input]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Output channels.
    pub output: u16,
    /// Rows and columns of the kernel.
    pub kernel: [u8; 2],
    /// Input channels.
    pub input: u16,
}

impl WeightShape {
    /// Pairs of input channels, padding included.
    pub const fn input_pairs(self) -> usize {
        padded(self.input) / 2
    }

    /// Pairs of output channels, padding included.
    pub const fn output_pairs(self) -> usize {
        (self.output as usize).div_ceil(2)
    }

    /// Rows of the kernel.
    pub const fn rows(self) -> usize {
        self.kernel[0] as usize
    }

    /// Columns of the kernel in the packed form: rounded up to odd.
    pub const fn columns(self) -> usize {
        (self.kernel[1] | 1) as usize
    }

    /// Packed words per output pair: rows x input pairs x columns.
    pub const fn words_per_pair(self) -> usize {
        self.rows() * self.columns() * self.input_pairs()
    }

    /// The same weights of a flat convolution: a kernel of one column, whose inputs are those of all
    /// columns.
    pub const fn flat(self) -> Self {
        let input = self.kernel[1] as u16 * self.input;
        Self { output: self.output, kernel: [self.kernel[0], 1], input }
    }

    /// Byte index of a weight of a flat convolution in the packed form, for the shape that
    /// [`Self::flat`] returns.
    #[inline]
    pub const fn flat_index(self, output: usize, ky: usize, input: usize) -> usize {
        let word = output / 2 * self.words_per_pair() + ky * self.input_pairs() + input / 2;
        word * 4 + input % 2 * 2 + output % 2
    }

    /// Number of weights before packing.
    pub const fn len(self) -> usize {
        self.output as usize * self.rows() * self.kernel[1] as usize * self.input as usize
    }

    /// True if there are no weights.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Byte index of a weight in the packed form. `input` may name a padding channel, and `output`
    /// the channel that makes the number of outputs even.
    #[inline]
    pub const fn index(self, output: usize, ky: usize, kx: usize, input: usize) -> usize {
        let pair = input / 4 * 2 + input % 2;
        let word = output / 2 * self.words_per_pair()
            + (ky * self.input_pairs() + pair) * self.columns()
            + kx;
        word * 4 + (input % 4 / 2) * 2 + output % 2
    }
}

/// Bytes of the packed form.
pub const fn packed_len(shape: WeightShape) -> usize {
    shape.output_pairs() * shape.words_per_pair() * 4
}

/// Packs weights i8 `[output][ky][kx][input]` into the first [`packed_len`] bytes of `out`, and
/// returns their number.
///
/// # Errors
/// [`Error::SliceLength`] if `weights` does not have this shape, [`Error::BufferTooSmall`].
#[expect(
    clippy::indexing_slicing,
    reason = "the output has the length that the shape needs, as checked above"
)]
pub fn pack(shape: WeightShape, weights: &[i8], out: &mut [u8]) -> Result<usize, Error> {
    if weights.len() != shape.len() {
        return Err(Error::SliceLength { expected: shape.len(), found: weights.len() });
    }
    let (needed, found) = (packed_len(shape), out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    out.fill(0);
    let [rows, columns] = shape.kernel.map(usize::from);
    let inputs = usize::from(shape.input);
    for (i, &w) in weights.iter().enumerate() {
        let (input, rest) = (i % inputs, i / inputs);
        let (kx, ky, output) = (rest % columns, rest / columns % rows, rest / columns / rows);
        out[shape.index(output, ky, kx, input)] = w as u8;
    }
    Ok(needed)
}

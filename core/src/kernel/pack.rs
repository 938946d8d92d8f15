//! The packing of weights for [`KernelKind::Direct`](crate::graph::KernelKind::Direct).
//!
//! Output channels are packed in pairs and input channels in fours, whose pairs are (0, 2) and (1,
//! 3): `SXTB16` makes these pairs of a word of four channels, and of the word rotated by 8. For
//! each output pair, kernel row, input pair and kernel column there is one word of four bytes `[o0
//! a, o1 a, o0 b, o1 b]`, for the outputs o0 and o1 and the inputs a and b.

use crate::error::Error;
use crate::graph::padded;

/// The shape of a convolution's weights, `[output, kernel, kernel, input]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Output channels.
    pub output: u16,
    /// Kernel size.
    pub kernel: u8,
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

    /// Packed words per output pair: kernel size x input pairs x kernel size.
    pub const fn words_per_pair(self) -> usize {
        let kernel = self.kernel as usize;
        kernel * kernel * self.input_pairs()
    }

    /// Number of weights before packing.
    pub const fn len(self) -> usize {
        let kernel = self.kernel as usize;
        self.output as usize * kernel * kernel * self.input as usize
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
        let kernel = self.kernel as usize;
        let word =
            output / 2 * self.words_per_pair() + (ky * self.input_pairs() + pair) * kernel + kx;
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
pub fn pack(shape: WeightShape, weights: &[i8], out: &mut [u8]) -> Result<usize, Error> {
    if weights.len() != shape.len() {
        return Err(Error::SliceLength { expected: shape.len(), found: weights.len() });
    }
    let (needed, found) = (packed_len(shape), out.len());
    let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed, found })?;
    out.fill(0);
    let kernel = usize::from(shape.kernel);
    let inputs = usize::from(shape.input);
    for (i, &w) in weights.iter().enumerate() {
        let (input, rest) = (i % inputs, i / inputs);
        let (kx, ky, output) = (rest % kernel, rest / kernel % kernel, rest / kernel / kernel);
        out[shape.index(output, ky, kx, input)] = w as u8;
    }
    Ok(needed)
}

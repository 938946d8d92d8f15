//! Direct convolutions over rows of bytes, for processors that multiply vectors of bytes.
//!
//! A [`MicroKernel`](super::MicroKernel) with `BYTE_ROWS` keeps the rows of a direct convolution as
//! bytes in the ring buffer: `[pixel][padded channels]`, with the channels of each group of four in
//! the order 0, 2, 1, 3. That is the order in which the packed weights pair them, so a kernel row
//! of weights is `[pair][kx][two channels][two outputs]` over halfwords of these rows. The rows take
//! half of the ring buffer. The other half holds *columns*: the inputs of a pixel in the order of
//! its weights.

use super::finish::FinishKind;
use super::shape::{ConvShape, Ring};
use super::task::ConvTask;
use crate::graph::padded;
use crate::quant;

/// Rows of bytes under a row of outputs.
///
/// The fields are private and checked, so that an implementation with raw pointers may rely on
/// [`ByteRows::holds`].
#[derive(Clone, Copy, Debug)]
pub struct ByteRows<'a> {
    rows: &'a [i8],
    row: usize,
    top: usize,
    kernel: usize,
    stride: usize,
    pixel: usize,
}

impl<'a> ByteRows<'a> {
    /// `rows` are `kernel` rows of `row` bytes. Row `top` is the first kernel row; the others follow
    /// it cyclically. A pixel has `pixel` bytes.
    ///
    /// `None` if `rows` is shorter, the kernel size is not 1, 3, 5 or 7, the stride is neither 1 nor
    /// 2, or `row` or `pixel` is no multiple of 4.
    pub fn new(
        rows: &'a [i8],
        [row, top]: [usize; 2],
        [kernel, stride]: [usize; 2],
        pixel: usize,
    ) -> Option<Self> {
        let fits = matches!(stride, 1 | 2) && matches!(kernel, 1 | 3 | 5 | 7) && top < kernel;
        let words = pixel > 0 && (pixel | row).is_multiple_of(4);
        let rows = rows.get(..kernel.checked_mul(row)?)?;
        (fits && words).then_some(Self { rows, row, top, kernel, stride, pixel })
    }

    /// All rows.
    #[inline(always)]
    pub fn bytes(&self) -> &'a [i8] {
        self.rows
    }

    /// Index of the first byte of kernel row `ky`, which is below [`Self::kernel`].
    #[inline(always)]
    pub fn start(&self, ky: usize) -> usize {
        let row = self.top + ky;
        (if row >= self.kernel { row - self.kernel } else { row }) * self.row
    }

    /// Kernel size.
    #[inline(always)]
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// Stride, 1 or 2.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes of a pixel, a multiple of 4.
    #[inline(always)]
    pub fn pixel(&self) -> usize {
        self.pixel
    }

    /// Bytes of a column.
    #[inline(always)]
    pub fn column(&self) -> usize {
        self.kernel * self.kernel * self.pixel
    }

    /// True if the inputs of this many outputs lie inside each row.
    #[inline(always)]
    pub fn holds(&self, pixels: usize) -> bool {
        pixels == 0 || ((pixels - 1) * self.stride + self.kernel) * self.pixel <= self.row
    }

    /// Writes the column of pixel `x`, halfwords `[ky][pair][kx]`, as far as it exists.
    pub fn gather(&self, x: usize, column: &mut [[i8; 2]]) {
        let (rows, _) = self.rows.as_chunks::<2>();
        let (pairs, kernel) = (self.pixel / 2, self.kernel);
        for ky in 0..kernel {
            for kx in 0..kernel {
                let from = self.start(ky) / 2 + (x * self.stride + kx) * pairs;
                let from = rows.get(from..).unwrap_or_default();
                let to = column.get_mut(ky * kernel * pairs + kx..).unwrap_or_default();
                for (to, &from) in to.iter_mut().step_by(kernel.max(1)).zip(from).take(pairs) {
                    *to = from;
                }
            }
        }
    }
}

/// Layout of the rows in the ring buffer: a row has the pixels of the input and the padding.
pub(super) const fn ring(shape: &ConvShape) -> Ring {
    let (kernel, width) = (shape.kernel_rows(), shape.input.width as usize);
    let row = (width + 2 * shape.left()) * padded(shape.input.channels) / 4;
    Ring { phases: 1, phase: row, row, rows: kernel }
}

/// A word with its bytes in the order 0, 2, 1, 3.
const fn ordered(word: u32) -> u32 {
    (word & 0xff00_00ff) | ((word >> 8) & 0xff00) | ((word & 0xff00) << 8)
}

/// The default of `MicroKernel::byte_order`.
pub(crate) fn order(source: &[u32], row: &mut [u32]) {
    for (to, &word) in row.iter_mut().zip(source) {
        *to = ordered(word);
    }
}

/// Writes a row of the image, `[pixel][channels]`, through the input table.
#[expect(clippy::indexing_slicing, reason = "four tables of 256 values, and a byte is the index")]
#[inline(never)]
pub(super) fn image_row(source: &[u8], channels: usize, table: &[i8], row: &mut [u32]) {
    let words = channels.div_ceil(4).max(1);
    let Some(first) = table.first_chunk::<256>() else { return };
    for j in 0..words {
        // A channel that does not exist has weights of 0, so any value serves.
        let tables: [&[i8; 256]; 4] = core::array::from_fn(|k| {
            let own = table.get((4 * j + k) * 256..).and_then(|t| t.first_chunk());
            own.unwrap_or(first)
        });
        let mut at = 4 * j;
        for word in row.iter_mut().skip(j).step_by(words) {
            let rest = source.get(at..).unwrap_or_default();
            let mut bytes = [0; 4];
            if let Some(whole) = rest.first_chunk() {
                bytes = *whole;
            } else if rest.is_empty() {
                break;
            } else {
                for (to, &from) in bytes.iter_mut().zip(rest) {
                    *to = from;
                }
            }
            let [a, b, c, d] = core::array::from_fn(|k| tables[k][usize::from(bytes[k])] as u8);
            *word = u32::from_le_bytes([a, c, b, d]);
            at += channels;
        }
    }
}

/// The default of `MicroKernel::byte_row`: value by value.
#[expect(clippy::indexing_slicing, reason = "constant arrays, and indices modulo their lengths")]
pub(crate) fn row(task: &ConvTask<'_>, rows: &ByteRows<'_>, out: &mut [i8]) {
    let output = task.shape.output;
    let (shape, bytes) = (task.weight_shape(), rows.bytes());
    let weights: &[i8] = bytemuck::cast_slice(task.weights);
    let kernel = rows.kernel();
    for x in 0..usize::from(output.width) {
        for o in 0..usize::from(output.channels) {
            let (finish, half) = (task.finish(o / 2), o % 2);
            let mut sum = finish.bias[half];
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let at = rows.start(ky) + (x * rows.stride() + kx) * rows.pixel();
                    for c in 0..usize::from(shape.input) {
                        let place = [0, 2, 1, 3][c % 4] + c / 4 * 4;
                        let q = bytes.get(at + place).copied().unwrap_or(0);
                        let w = weights.get(shape.index(o, ky, kx, c)).copied().unwrap_or(0);
                        sum = sum.wrapping_add(i32::from(q) * i32::from(w));
                    }
                }
            }
            let Some(q) = out.get_mut(x * padded(output.channels) + o) else { return };
            if finish.kind.residual() {
                sum = sum.wrapping_add(i32::from(*q).wrapping_mul(finish.residual[half]));
            }
            let positive = finish.positive[half];
            let negative = if finish.kind.prelu() { finish.negative[half] } else { positive };
            *q = quant::requantise(sum, positive, negative, task.output_zero);
        }
    }
}

/// Rows of parameters of a form of requantisation: bias, K, M, N.
pub const fn param_rows(kind: FinishKind) -> usize {
    2 + kind.residual() as usize + kind.prelu() as usize
}

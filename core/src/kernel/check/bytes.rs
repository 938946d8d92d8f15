//! The cases of direct convolutions over rows of bytes.

use super::{Mismatch, Random};
use crate::graph::{Activation, Form, Geometry, KernelKind, padded};
use crate::kernel::bytes::{ByteRows, param_rows, row};
use crate::kernel::finish::FinishKind;
use crate::kernel::micro::MicroKernel;
use crate::kernel::scalar::Scalar;
use crate::kernel::shape::ConvShape;
use crate::kernel::task::ConvTask;
use crate::shape::Shape;

/// Words of the rows, of the weights and of the columns.
const WORDS: usize = 1024;
/// Bytes of a row of outputs.
const OUT: usize = 64;
/// Maximum number of outputs.
const OUTPUTS: usize = 10;
/// Input channels: every remainder of 16, in steps of a word.
const CHANNELS: [u16; 9] = [4, 8, 12, 16, 20, 24, 28, 32, 36];

/// Compares [`MicroKernel::byte_order`] and [`MicroKernel::byte_row`].
pub(super) fn rows<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    if !M::BYTE_ROWS {
        return Ok(0);
    }
    let mut cases = order(micro, random)?;
    let (mut words, mut weights, mut columns) = ([0; WORDS], [0; WORDS], [0; WORDS]);
    for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        for channels in CHANNELS {
            for outputs in 1..=9 {
                let style = cases % 4;
                words.fill_with(|| random.bytes(style));
                weights.fill_with(|| random.weights(style));
                let width = 1 + cases as u16 % 5;
                let case = Case { kernel, stride, channels, outputs, width };
                if case.fits() {
                    case.compare(micro, random, [&words, &weights], &mut columns)?;
                }
                cases += 1;
            }
        }
    }
    Ok(cases)
}

/// A row of a convolution.
struct Case {
    kernel: u8,
    stride: u8,
    channels: u16,
    outputs: u16,
    width: u16,
}

impl Case {
    fn shape(&self) -> ConvShape {
        let shape = |channels| Shape { height: 1, width: self.width, channels };
        ConvShape {
            input: shape(self.channels),
            output: shape(self.outputs),
            form: Form::Full,
            geometry: Geometry::same(self.kernel, self.stride),
            kind: KernelKind::Direct,
            image: false,
            fold: 1,
        }
    }

    /// Bytes of a row.
    fn row(&self) -> usize {
        let columns = usize::from(self.width - 1) * usize::from(self.stride);
        (columns + usize::from(self.kernel)) * padded(self.channels)
    }

    /// True if rows and weights have room.
    fn fits(&self) -> bool {
        let kernel = usize::from(self.kernel);
        let weights = kernel * kernel * padded(self.channels) * padded(self.outputs);
        kernel * self.row() <= WORDS * 4 && weights <= WORDS * 4
    }

    fn compare<M: MicroKernel>(
        &self,
        micro: &M,
        random: &mut Random,
        [words, weights]: [&[u32; WORDS]; 2],
        columns: &mut [u32; WORDS],
    ) -> Result<(), Mismatch> {
        let place = [self.row(), random.next() as usize % usize::from(self.kernel)];
        let sizes = [self.kernel, self.stride].map(usize::from);
        let bytes = bytemuck::cast_slice(words);
        let Some(rows) = ByteRows::new(bytes, place, sizes, padded(self.channels)) else {
            return Ok(());
        };
        for (kind, residual, activation) in [
            (FinishKind::Plain, None, Activation::Relu),
            (FinishKind::Residual, Some(0), Activation::None),
            (FinishKind::Prelu, None, Activation::Prelu),
            (FinishKind::ResidualPrelu, Some(0), Activation::Prelu),
        ] {
            let mut params = [0; 4 * OUTPUTS];
            params.fill_with(|| random.next() as i32 >> 7);
            let count = usize::from(self.outputs).next_multiple_of(2);
            let (params, _) = params.split_at(param_rows(kind) * count);
            let task = ConvTask {
                op: 0,
                shape: self.shape(),
                input_zero: 0,
                output_zero: random.next() as i8,
                activation,
                weights,
                params,
                table: &[],
                input_at: 0,
                output_at: 0,
                residual_at: residual,
            };
            let mut expected = [0; OUT];
            expected.fill_with(|| random.next() as i8);
            let pitch = padded(self.outputs);
            let length = usize::from(self.width) * pitch;
            for tiles in 1..=2 {
                let mut found = expected;
                let mut wanted = expected;
                row(&task, &rows, &mut wanted[..length]);
                let room = (tiles * rows.column() / 4).min(WORDS);
                micro.byte_row(&task, &rows, &mut columns[..room], &mut found[..length]);
                let outputs = usize::from(self.outputs);
                let differs = |i: usize| i % pitch < outputs || i >= length;
                if (0..OUT).any(|i| differs(i) && found[i] != wanted[i]) {
                    return Err(Mismatch::ByteRow {
                        kernel: self.kernel,
                        stride: self.stride,
                        channels: self.channels as u8,
                        outputs: self.outputs as u8,
                        pixels: self.width as u8,
                        kind,
                    });
                }
            }
        }
        Ok(())
    }
}

fn order<M: MicroKernel>(micro: &M, random: &mut Random) -> Result<u32, Mismatch> {
    let mut source = [0; 32];
    for count in 0..=source.len() {
        source.fill_with(|| random.next());
        let (mut expected, mut found) = ([7; 33], [7; 33]);
        Scalar.byte_order(&source[..count], &mut expected[..count]);
        micro.byte_order(&source[..count], &mut found[..count]);
        if expected != found {
            return Err(Mismatch::ByteOrder { count: count as u8 });
        }
    }
    Ok(source.len() as u32 + 1)
}

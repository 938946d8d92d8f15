//! Scaled samples of sensors.

use super::error::{Field, FrontEndError, Memory, Table};
use super::parts::{Reader, in_range};
use super::rows::Rows;
use super::{MAX_ROWS, SENSOR_FIXED};

/// Largest number of axes of a sample.
pub const MAX_AXES: usize = 64;
/// Bytes of the parameters of an axis.
pub const AXIS_BYTES: usize = 16;
/// Largest right shift of an axis.
pub(super) const MAX_AXIS_SHIFT: u8 = 62;
/// Largest magnitude of the offset of an axis.
pub(super) const MAX_OFFSET: u64 = (1 << 62) - 1;

/// The scale of an axis: a sample x becomes the byte `(x multiplier + offset) >> shift`, saturated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Axis {
    /// Factor.
    pub multiplier: i32,
    /// Right shift, at most 62.
    pub shift: u8,
    /// Added before the shift; its magnitude is at most 2^62 - 1.
    pub offset: i64,
}

impl Axis {
    /// The byte of a sample. The magnitude of the product is at most 2^62, and that of the offset at
    /// most 2^62 - 1, so the sum fits an i64.
    #[inline(always)]
    pub const fn byte(self, sample: i32) -> u8 {
        let product = sample as i64 * self.multiplier as i64;
        let value = product.wrapping_add(self.offset) >> (self.shift & 63);
        if value < 0 {
            0
        } else if value > 255 {
            255
        } else {
            value as u8
        }
    }

    /// The axis in its 16 bytes.
    fn parse(bytes: &[u8; AXIS_BYTES]) -> Self {
        let [m0, m1, m2, m3, shift, _, _, _, offset @ ..] = *bytes;
        let multiplier = i32::from_le_bytes([m0, m1, m2, m3]);
        Self { multiplier, shift, offset: i64::from_le_bytes(offset) }
    }
}

/// A checked description of scaled samples.
#[derive(Clone, Copy, Debug)]
pub struct Sensor<'a> {
    rows: usize,
    axes: &'a [[u8; AXIS_BYTES]],
}

impl<'a> Sensor<'a> {
    /// Reads and checks everything behind the length.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, FrontEndError> {
        let rows = reader.size(Field::Rows, 1, MAX_ROWS)?;
        let axes = reader.size(Field::Axes, 1, MAX_AXES)?;
        let axes: &[[u8; AXIS_BYTES]] = reader.table(axes)?;
        reader.end()?;
        for (index, bytes) in axes.iter().enumerate() {
            let axis = Axis::parse(bytes);
            in_range(Field::Shift, axis.shift.into(), 0, MAX_AXIS_SHIFT.into())?;
            let [_, _, _, _, _, zeros @ .., _, _, _, _, _, _, _, _] = *bytes;
            let [a, b, c] = zeros;
            in_range(Field::Reserved, u32::from_le_bytes([a, b, c, 0]), 0, 0)?;
            if axis.offset.unsigned_abs() > MAX_OFFSET {
                // The upper halves, since the range of a whole offset exceeds 32 bits.
                let found = (axis.offset.unsigned_abs() >> 32) as u32;
                let (table, largest) = (Table::Axes, (MAX_OFFSET >> 32) as u32);
                return Err(FrontEndError::Entry { table, index, smallest: 0, largest, found });
            }
        }
        Ok(Self { rows, axes })
    }

    /// Samples of the network's input: its rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Axes of a sample: the channels of the network's input.
    pub const fn axes(&self) -> usize {
        self.axes.len()
    }

    /// The scales of the axes.
    pub fn scales(&self) -> impl Iterator<Item = Axis> + 'a {
        self.axes.iter().map(Axis::parse)
    }

    /// Bytes of the network's input, `[rows][axes]`.
    pub const fn output_bytes(&self) -> usize {
        self.rows * self.axes.len()
    }

    /// The network's input, u8 `[rows][axes]`, from samples `[rows][axes]` of 16 or 32 bits.
    ///
    /// # Errors
    /// [`FrontEndError::Samples`] for another number of values; [`FrontEndError::TooSmall`]. Nothing
    /// is written in these cases.
    pub fn run<S: Copy + Into<i32>>(
        &self,
        samples: &[S],
        out: &mut [u8],
    ) -> Result<(), FrontEndError> {
        let (needed, found) = (self.output_bytes(), out.len());
        if samples.len() != needed {
            return Err(FrontEndError::Samples { needed, found: samples.len() });
        }
        let too_small = FrontEndError::TooSmall { memory: Memory::Output, needed, found };
        let out = out.get_mut(..needed).ok_or(too_small)?;
        let rows = out.chunks_exact_mut(self.axes().max(1));
        for (row, samples) in rows.zip(samples.chunks_exact(self.axes().max(1))) {
            self.row(samples, row);
        }
        Ok(())
    }

    fn row<S: Copy + Into<i32>>(&self, samples: &[S], row: &mut [u8]) {
        for ((axis, &sample), byte) in self.scales().zip(samples).zip(row) {
            *byte = axis.byte(sample.into());
        }
    }
}

/// The last samples of continuous sensors.
#[derive(Debug)]
pub struct SensorStream<'a, 'm> {
    sensor: Sensor<'a>,
    rows: Rows<'m>,
}

impl<'a, 'm> SensorStream<'a, 'm> {
    /// An empty stream. It needs memory for [`Sensor::output_bytes`] bytes.
    ///
    /// # Errors
    /// [`FrontEndError::TooSmall`].
    pub fn new(sensor: Sensor<'a>, rows: &'m mut [u8]) -> Result<Self, FrontEndError> {
        let rows = Rows::new(rows, sensor.rows(), sensor.axes())?;
        Ok(Self { sensor, rows })
    }

    /// Takes a sample of all axes, `[axes]`.
    ///
    /// # Errors
    /// [`FrontEndError::Samples`] for another number of axes.
    pub fn push<S: Copy + Into<i32>>(&mut self, sample: &[S]) -> Result<(), FrontEndError> {
        let (needed, found) = (self.sensor.axes(), sample.len());
        if needed != found {
            return Err(FrontEndError::Samples { needed, found });
        }
        let sensor = self.sensor;
        self.rows.push(|row| sensor.row(sample, row));
        Ok(())
    }

    /// True if there are as many samples as the network's input has.
    pub fn ready(&self) -> bool {
        self.rows.full()
    }

    /// Copies the network's input, u8 `[rows][axes]`, the oldest sample first.
    ///
    /// # Errors
    /// [`FrontEndError::NotReady`] and [`FrontEndError::TooSmall`].
    pub fn samples(&self, out: &mut [u8]) -> Result<(), FrontEndError> {
        self.rows.copy(out)
    }

    /// Forgets all samples.
    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

// The fixed part is rows and axes behind the length.
const _: () = assert!(SENSOR_FIXED == 12 + 4);

//! The writer of descriptions.

use super::error::{FrontEndError, Memory};
use super::sensor::{AXIS_BYTES, Axis};
use super::sound::{Peak, Rounding, Transform};
use super::{ALIGNMENT, FrontEnd, MAGIC, SENSOR_FIXED, SOUND_FIXED, VERSION, kind};

/// The numbers and tables of features of sound.
#[derive(Clone, Copy, Debug)]
pub struct SoundParts<'a> {
    /// Samples in a second.
    pub rate: u32,
    /// Coefficients of the window, Q0.15, `[window]`, at most 2^15.
    pub window: &'a [u16],
    /// Samples between the starts of two frames.
    pub hop: u16,
    /// Points of the Fourier transform.
    pub fft: u16,
    /// Frames of the network's input.
    pub frames: u16,
    /// First bins of the segments between the centres of bands, `[bands + 2]`, ascending.
    pub edges: &'a [u16],
    /// Weights of the bins of a segment for the band that rises, Q0.16, one for each bin from the
    /// first edge to the last one.
    pub weights: &'a [u16],
    /// The step from bands to features.
    pub transform: Transform<'a>,
    /// Offset of each feature, in units of 2^-16.
    pub offsets: &'a [i32],
    /// Right shift of a feature, 16 to [`MAX_SHIFT`](super::MAX_SHIFT).
    pub shift: u8,
    /// Rounding of a feature.
    pub rounding: Rounding,
    /// The sample that counts as 1.
    pub peak: Peak,
    /// Added to a band's sum for each step of the largest sample, in units of 2^-8 of a sum.
    pub floor: u32,
}

/// The numbers of scaled samples.
#[derive(Clone, Copy, Debug)]
pub struct SensorParts<'a> {
    /// Samples of the network's input.
    pub rows: u16,
    /// The scales of the axes.
    pub axes: &'a [Axis],
}

/// Writes a description of features of sound to the start of `out`, which is aligned to 4 bytes.
/// Returns its length.
///
/// # Errors
/// [`FrontEndError::TooSmall`], and those of [`FrontEnd::new_checked`] for invalid parts.
pub fn write_sound(parts: &SoundParts<'_>, out: &mut [u8]) -> Result<usize, FrontEndError> {
    let mut writer = Writer { out, at: 0 };
    let (matrix, table) = match parts.transform {
        Transform::Scaled(table) => (0, table),
        Transform::Matrix(table) => (1, table),
    };
    let (of_recording, peak) = match parts.peak {
        Peak::Fixed(peak) => (0, peak),
        Peak::OfRecording(peak) => (1, peak),
    };
    let rounding = match parts.rounding {
        Rounding::Floor => 0,
        Rounding::Truncate => 1,
    };
    writer.start(kind::SOUND);
    writer.bytes(&parts.rate.to_le_bytes());
    // A size that does not fit is out of its range as u16::MAX, too.
    let size = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let sizes = [
        size(parts.window.len()),
        parts.hop,
        parts.fft,
        parts.frames,
        size(parts.edges.len().saturating_sub(2)),
        size(parts.offsets.len()),
    ];
    for size in sizes {
        writer.bytes(&size.to_le_bytes());
    }
    writer.bytes(&[matrix, rounding, parts.shift, of_recording]);
    writer.bytes(&peak.to_le_bytes());
    writer.bytes(&[0; 2]);
    writer.bytes(&parts.floor.to_le_bytes());
    debug_assert_eq!(writer.at, SOUND_FIXED);
    writer.table(bytemuck::cast_slice(parts.offsets));
    writer.table(bytemuck::cast_slice(parts.window));
    writer.table(bytemuck::cast_slice(parts.edges));
    writer.table(bytemuck::cast_slice(parts.weights));
    writer.table(bytemuck::cast_slice(table));
    writer.finish()
}

/// Writes a description of scaled samples to the start of `out`, which is aligned to 4 bytes.
/// Returns its length.
///
/// # Errors
/// [`FrontEndError::TooSmall`], and those of [`FrontEnd::new_checked`] for invalid parts.
pub fn write_sensor(parts: &SensorParts<'_>, out: &mut [u8]) -> Result<usize, FrontEndError> {
    let mut writer = Writer { out, at: 0 };
    writer.start(kind::SENSOR);
    let axes = u16::try_from(parts.axes.len()).unwrap_or(u16::MAX);
    writer.bytes(&parts.rows.to_le_bytes());
    writer.bytes(&axes.to_le_bytes());
    debug_assert_eq!(writer.at, SENSOR_FIXED);
    for axis in parts.axes {
        let mut bytes = [0; AXIS_BYTES];
        bytes[..4].copy_from_slice(&axis.multiplier.to_le_bytes());
        bytes[4] = axis.shift;
        bytes[8..].copy_from_slice(&axis.offset.to_le_bytes());
        writer.bytes(&bytes);
    }
    writer.finish()
}

/// Offset of the length, bytes.
const LENGTH: usize = 8;

/// Writes while there is room, and counts on.
struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(out) = self.out.get_mut(self.at..end) {
            out.copy_from_slice(bytes);
        }
        self.at = end;
    }

    /// Magic, version, kind and room for the length.
    fn start(&mut self, kind: u8) {
        self.bytes(&MAGIC);
        self.bytes(&VERSION.to_le_bytes());
        self.bytes(&[kind, 0]);
        self.bytes(&[0; 4]);
    }

    /// A table and zeros up to the next multiple of 4.
    fn table(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        let padding = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.bytes(&[0; ALIGNMENT][..padding]);
    }

    /// Writes the length and checks the whole.
    fn finish(self) -> Result<usize, FrontEndError> {
        let Self { out, at } = self;
        let (needed, found) = (at, out.len());
        let too_small = FrontEndError::TooSmall { memory: Memory::Description, needed, found };
        let out = out.get_mut(..at).ok_or(too_small)?;
        out[LENGTH..LENGTH + 4].copy_from_slice(&(at as u32).to_le_bytes());
        FrontEnd::new_checked(out).map(|_| at)
    }
}

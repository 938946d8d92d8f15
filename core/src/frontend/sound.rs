//! The checked description of log-mel and MFCC features of sound.

use super::error::{Field, FrontEndError, Table};
use super::fft::{MAX_FFT, MIN_FFT};
use super::parts::{Reader, in_range};
use super::{MAX_ROWS, SOUND_FIXED};

/// Largest number of mel bands.
pub const MAX_BANDS: usize = 128;
/// Largest right shift of a feature.
pub const MAX_SHIFT: u8 = 40;
/// Smallest right shift of a feature.
pub(super) const MIN_SHIFT: u8 = 16;
/// A coefficient of the window that is 1.
pub(super) const ONE: u16 = 1 << 15;
/// Largest sampling rate, Hz.
pub(super) const MAX_RATE: u32 = 192_000;

/// The step from the logarithms of the bands to features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform<'a> {
    /// A feature for each band: its logarithm times a factor, `[bands]`.
    Scaled(&'a [i16]),
    /// Each feature is a weighted sum of all logarithms, as in a cosine transform,
    /// `[features][bands]`.
    Matrix(&'a [i16]),
}

/// Rounding of a feature to an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Rounding {
    /// Down. A half that is added to the offset makes this the nearest integer.
    Floor,
    /// Towards zero.
    Truncate,
}

/// The sample that counts as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Peak {
    /// A fixed one, 1 to 32768.
    Fixed(u16),
    /// The largest sample of the recording, if the whole recording is there. A stream uses the
    /// fixed one that is given.
    OfRecording(u16),
}

impl Peak {
    /// The fixed one, which a stream uses.
    pub const fn fixed(self) -> u16 {
        match self {
            Self::Fixed(peak) | Self::OfRecording(peak) => peak,
        }
    }
}

/// A checked description of features of sound.
#[derive(Clone, Copy, Debug)]
pub struct Sound<'a> {
    rate: u32,
    hop: usize,
    fft: usize,
    frames: usize,
    shift: u8,
    rounding: Rounding,
    peak: Peak,
    floor: u32,
    offsets: &'a [i32],
    window: &'a [u16],
    edges: &'a [u16],
    weights: &'a [u16],
    transform: Transform<'a>,
}

impl<'a> Sound<'a> {
    /// Reads and checks everything behind the length.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, FrontEndError> {
        let rate = reader.u32()?;
        in_range(Field::Rate, rate, 1, MAX_RATE)?;
        let window = reader.size(Field::Window, 1, MAX_FFT)?;
        let hop = reader.size(Field::Hop, 1, window)?;
        let fft = reader.size(Field::Fft, window.next_power_of_two().max(MIN_FFT), MAX_FFT)?;
        if !fft.is_power_of_two() {
            let next = fft.next_power_of_two() as u32;
            in_range(Field::Fft, fft as u32, next, next)?;
        }
        let frames = reader.size(Field::Frames, 1, MAX_ROWS)?;
        let bands = reader.size(Field::Bands, 1, MAX_BANDS)?;
        let features = reader.size(Field::Features, 1, bands)?;
        let matrix = reader.byte(Field::Transform, 0, 1)? == 1;
        if !matrix {
            in_range(Field::Features, features as u32, bands as u32, bands as u32)?;
        }
        let rounding = match reader.byte(Field::Rounding, 0, 1)? {
            0 => Rounding::Floor,
            _ => Rounding::Truncate,
        };
        let shift = reader.byte(Field::Shift, MIN_SHIFT, MAX_SHIFT)?;
        let of_recording = reader.byte(Field::PeakMode, 0, 1)? == 1;
        let peak = reader.size(Field::Peak, 1, ONE.into())? as u16;
        let peak = if of_recording { Peak::OfRecording(peak) } else { Peak::Fixed(peak) };
        let reserved = reader.u16()?;
        in_range(Field::Reserved, reserved.into(), 0, 0)?;
        let floor = reader.u32()?;
        let offsets = reader.table(features)?;
        let window = checked_window(reader.table(window)?)?;
        let edges = checked_edges(reader.table(bands + 2)?, fft / 2 + 1)?;
        let weights = reader.table(bins(edges))?;
        let transform = if matrix {
            Transform::Matrix(reader.table(features * bands)?)
        } else {
            Transform::Scaled(reader.table(bands)?)
        };
        reader.end()?;
        Ok(Self {
            rate,
            hop,
            fft,
            frames,
            shift,
            rounding,
            peak,
            floor,
            offsets,
            window,
            edges,
            weights,
            transform,
        })
    }

    /// Samples in a second.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Samples of a frame.
    pub const fn window(&self) -> usize {
        self.window.len()
    }

    /// Samples between the starts of two frames, at most [`Self::window`].
    pub const fn hop(&self) -> usize {
        self.hop
    }

    /// Points of the Fourier transform, a power of two.
    pub const fn fft(&self) -> usize {
        self.fft
    }

    /// Frames of the network's input: its rows.
    pub const fn frames(&self) -> usize {
        self.frames
    }

    /// Mel bands.
    pub const fn bands(&self) -> usize {
        self.edges.len() - 2
    }

    /// Features of a frame: the columns of the network's input.
    pub const fn features(&self) -> usize {
        self.offsets.len()
    }

    /// The sample that counts as 1.
    pub const fn peak(&self) -> Peak {
        self.peak
    }

    /// The step from bands to features.
    pub const fn transform(&self) -> Transform<'a> {
        self.transform
    }

    /// Samples from the start of the first frame of an input to the end of the last one.
    pub const fn samples(&self) -> usize {
        self.window() + (self.frames - 1) * self.hop
    }

    /// Bytes of the network's input, `[frames][features]`.
    pub const fn output_bytes(&self) -> usize {
        self.frames * self.features()
    }

    /// Words of working memory: one for each point of the Fourier transform and one for each band.
    /// They are free between two calls.
    pub const fn work_words(&self) -> usize {
        self.fft + self.bands()
    }

    /// Added to a band's sum, in units of 2^-8 of a sum and for each step of the largest sample.
    pub(super) const fn floor(&self) -> u32 {
        self.floor
    }

    /// Right shift of a feature.
    pub(super) const fn shift(&self) -> u32 {
        self.shift as u32
    }

    /// Rounding of a feature.
    pub(super) const fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// Offset of each feature, `[features]`, in units of 2^-16.
    pub(super) const fn offsets(&self) -> &'a [i32] {
        self.offsets
    }

    /// Coefficients of the window, Q0.15.
    pub(super) const fn window_table(&self) -> &'a [u16] {
        self.window
    }

    /// First bins of the segments, `[bands + 2]`.
    pub(super) const fn edges(&self) -> &'a [u16] {
        self.edges
    }

    /// Weights of the bins between the first and the last edge, Q0.16.
    pub(super) const fn weights(&self) -> &'a [u16] {
        self.weights
    }
}

fn checked_window(window: &[u16]) -> Result<&[u16], FrontEndError> {
    match window.iter().enumerate().find(|&(_, &w)| w > ONE) {
        None => Ok(window),
        Some((index, &found)) => {
            let (table, largest, found) = (Table::Window, ONE.into(), found.into());
            Err(FrontEndError::Entry { table, index, smallest: 0, largest, found })
        }
    }
}

/// Edges ascend and do not exceed the number of bins.
fn checked_edges(edges: &[u16], bins: usize) -> Result<&[u16], FrontEndError> {
    let mut smallest = 0;
    for (index, &edge) in edges.iter().enumerate() {
        let (found, largest) = (u32::from(edge), bins as u32);
        if !(smallest..=largest).contains(&found) {
            let table = Table::Edges;
            return Err(FrontEndError::Entry { table, index, smallest, largest, found });
        }
        smallest = found;
    }
    Ok(edges)
}

/// Number of bins between the first and the last edge.
fn bins(edges: &[u16]) -> usize {
    match (edges.first(), edges.last()) {
        (Some(&first), Some(&last)) => usize::from(last.saturating_sub(first)),
        _ => 0,
    }
}

// The fixed part ends with `floor`: 12 bytes before the rate, 28 bytes of fields.
const _: () = assert!(SOUND_FIXED == 12 + 28);

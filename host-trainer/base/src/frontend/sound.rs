//! Parameters of features of sound, and their tables.

use std::f64::consts::{LN_2, PI};

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::frontend::{self as core, MAX_BANDS, MAX_FFT, MAX_ROWS, MAX_SHIFT, MIN_FFT};

use super::{Description, in_range};

/// Parameters of log-mel or MFCC features.
///
/// A frame of `window` samples is multiplied by the window's shape and transformed. The magnitudes
/// of its spectrum are summed by `bands` triangles between `low` and `high`, linear in mel. A
/// feature is the natural logarithm of a band's sum plus `floor`, or with `coefficients` one of the
/// first cosine coefficients of all logarithms. The byte is `value / scale + offset`, rounded and
/// saturated to -128..=127, plus 128.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoundSpec {
    /// Samples in a second.
    pub rate: u32,
    /// Samples of a frame, at most `fft`.
    pub window: u16,
    /// Samples between the starts of two frames, at most `window`.
    pub hop: u16,
    /// Points of the Fourier transform: a power of two from 64 to 1024.
    pub fft: u16,
    /// Frames of the network's input: its height.
    pub frames: u16,
    /// Mel bands, at most 128.
    pub bands: u16,
    /// Lowest frequency of a band, Hz.
    pub low: f64,
    /// Highest frequency of a band, Hz, at most half the rate.
    pub high: f64,
    /// Cosine coefficients (MFCC) of a frame, at most `bands`; 0 for the logarithms of the bands
    /// themselves.
    #[serde(default)]
    pub coefficients: u16,
    /// Added to a band's sum, for samples of which the largest is 1.
    #[serde(default = "default_floor")]
    pub floor: f64,
    /// Value of one step of a byte.
    pub scale: f64,
    /// Step of a value of 0, before 128 is added.
    pub offset: f64,
    /// Shape of the window.
    #[serde(default)]
    pub shape: WindowShape,
    /// Rounding to a byte.
    #[serde(default)]
    pub rounding: Rounding,
    /// Divide a whole recording by its largest sample. A continuous sound has the fixed `peak`.
    #[serde(default)]
    pub peak_of_recording: bool,
    /// The sample that counts as 1, 1 to 32768.
    #[serde(default = "default_peak")]
    pub peak: u16,
}

/// Shape of a window, periodic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowShape {
    /// Hann's.
    #[default]
    Hann,
    /// Hamming's.
    Hamming,
    /// All ones.
    Rectangular,
}

/// Rounding to a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// To the nearest integer, halves upwards.
    #[default]
    Nearest,
    /// Down.
    Floor,
    /// Towards zero.
    Truncate,
}

const fn default_floor() -> f64 {
    1e-6
}

const fn default_peak() -> u16 {
    1 << 15
}

impl SoundSpec {
    /// The features of MLPerf Tiny's keyword spotting: 49 frames of 10 coefficients.
    pub fn keywords() -> Self {
        Self {
            rate: 16_000,
            window: 480,
            hop: 320,
            fft: 512,
            frames: 49,
            bands: 40,
            low: 20.0,
            high: 4000.0,
            coefficients: 10,
            floor: default_floor(),
            scale: 0.584_702_9,
            offset: 83.0,
            shape: WindowShape::Hann,
            rounding: Rounding::Truncate,
            peak_of_recording: true,
            peak: default_peak(),
        }
    }

    /// Features of a frame.
    pub const fn features(&self) -> u16 {
        if self.coefficients == 0 { self.bands } else { self.coefficients }
    }

    /// Makes the description.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field.
    pub(super) fn build(&self, place: &str) -> Result<Description> {
        self.validate(place)?;
        let window = self.window_table();
        let (edges, weights) = self.triangles(place)?;
        let (table, shift) = self.factors(place)?;
        let offset = self.offset + if self.rounding == Rounding::Nearest { 0.5 } else { 0.0 };
        let offsets = vec![(offset * 65536.0).round() as i32; usize::from(self.features())];
        let parts = core::SoundParts {
            rate: self.rate,
            window: &window,
            hop: self.hop,
            fft: self.fft,
            frames: self.frames,
            edges: &edges,
            weights: &weights,
            transform: match self.coefficients {
                0 => core::Transform::Scaled(&table),
                _ => core::Transform::Matrix(&table),
            },
            offsets: &offsets,
            shift,
            rounding: match self.rounding {
                Rounding::Nearest | Rounding::Floor => core::Rounding::Floor,
                Rounding::Truncate => core::Rounding::Truncate,
            },
            peak: match self.peak_of_recording {
                true => core::Peak::OfRecording(self.peak),
                false => core::Peak::Fixed(self.peak),
            },
            floor: self.floor_steps().round() as u32,
        };
        let elements = window.len() + edges.len() + weights.len() + table.len() + 2 * offsets.len();
        // The fixed part and the padding of five tables fit in 64 bytes.
        Description::write(place, 64 + 2 * elements, |out| core::write_sound(&parts, out))
    }

    fn validate(&self, place: &str) -> Result<()> {
        let range = |field, found, low, high| in_range(place, field, found, (low, high));
        let half = f64::from(self.rate) / 2.0;
        range("rate", self.rate.into(), 1.0, 192_000.0)?;
        range("fft", self.fft.into(), MIN_FFT as f64, MAX_FFT as f64)?;
        if !self.fft.is_power_of_two() {
            return Err(Error::invalid(place, "fft", "a power of two", self.fft));
        }
        range("window", self.window.into(), 2.0, self.fft.into())?;
        range("hop", self.hop.into(), 1.0, self.window.into())?;
        range("frames", self.frames.into(), 1.0, MAX_ROWS as f64)?;
        range("bands", self.bands.into(), 1.0, MAX_BANDS as f64)?;
        range("coefficients", self.coefficients.into(), 0.0, self.bands.into())?;
        range("high", self.high, 0.0, half)?;
        range("low", self.low, 0.0, self.high)?;
        range("floor", self.floor, 1e-9, 1.0)?;
        range("scale", self.scale, 1e-6, 1e6)?;
        range("offset", self.offset, -30_000.0, 30_000.0)?;
        range("peak", self.peak.into(), 1.0, 32_768.0)
    }

    /// Coefficients `[window]` in Q0.15.
    fn window_table(&self) -> Vec<u16> {
        let count = f64::from(self.window);
        let one = |i: u16| {
            let cosine = (2.0 * PI * f64::from(i) / count).cos();
            let value = match self.shape {
                WindowShape::Hann => 0.5 - 0.5 * cosine,
                WindowShape::Hamming => 0.54 - 0.46 * cosine,
                WindowShape::Rectangular => 1.0,
            };
            (value * 32768.0).round() as u16
        };
        (0..self.window).map(one).collect()
    }

    /// First bins of the segments `[bands + 2]`, and the weights of their bins in Q0.16. Bin 0, the
    /// mean of the samples, belongs to no segment.
    fn triangles(&self, place: &str) -> Result<(Vec<u16>, Vec<u16>)> {
        let (low, high) = (mel(self.low), mel(self.high));
        let step = (high - low) / f64::from(self.bands + 1);
        let position =
            |k: u16| (mel(f64::from(k) * f64::from(self.rate) / f64::from(self.fft)) - low) / step;
        let end = self.fft / 2 + 1;
        let first =
            |segment: u16| (1..end).find(|&k| position(k) >= f64::from(segment)).unwrap_or(end);
        let edges: Vec<u16> = (0..self.bands + 2).map(first).collect();
        if let Some(band) = edges.windows(3).position(|e| e[0] == e[2]) {
            let expected = format!("bands that each hold a bin of {} points", self.fft);
            let found = format!("{} (band {} holds none)", self.bands, band + 1);
            return Err(Error::invalid(place, "bands", expected, found));
        }
        let weight = |k: u16| (position(k).fract() * 65536.0).round().min(65535.0) as u16;
        let weights = (edges[0]..edges[edges.len() - 1]).map(weight).collect();
        Ok((edges, weights))
    }

    /// Factors from binary logarithms to steps of a byte, `[features][bands]` or `[bands]`, in units
    /// of 2^-(shift - 16), and the shift.
    fn factors(&self, place: &str) -> Result<(Vec<i16>, u8)> {
        let unit = LN_2 / self.scale;
        let bands = f64::from(self.bands);
        let exact: Vec<f64> = match self.coefficients {
            0 => vec![unit; usize::from(self.bands)],
            count => {
                let cell = |k: u16, b: u16| {
                    let angle = PI * f64::from(k) * (f64::from(b) + 0.5) / bands;
                    unit * 2.0 / (2.0 * bands).sqrt() * angle.cos()
                };
                (0..count).flat_map(|k| (0..self.bands).map(move |b| cell(k, b))).collect()
            }
        };
        let largest = exact.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        let fits = |bits: &u8| (largest * f64::from(1u32 << bits)).round() <= 32767.0;
        let bits = (0..=MAX_SHIFT - 16).rev().find(fits).ok_or_else(|| {
            let least = self.scale * largest / 32767.0;
            Error::invalid(place, "scale", format!("{least} or more"), self.scale)
        })?;
        let unit = f64::from(1u32 << bits);
        Ok((exact.iter().map(|value| (value * unit).round() as i16).collect(), 16 + bits))
    }

    /// `floor` in the unit of the description: a band's sum is the real sum x 2^31 / fft, and 8 bits
    /// of fraction follow.
    fn floor_steps(&self) -> f64 {
        self.floor * f64::from(1u32 << 31) / f64::from(self.fft) * 256.0
    }
}

/// Mel of a frequency in Hz.
fn mel(hz: f64) -> f64 {
    1127.0 * (hz / 700.0).ln_1p()
}

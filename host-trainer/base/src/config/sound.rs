//! The `[data.sound]` table of a configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::range;
use crate::error::{Error, Result};
use crate::frontend::SoundSpec;
use crate::names;

/// Highest sampling rate of the windows, Hz.
const MOST_RATE: u32 = 192_000;
/// Longest window, seconds.
const MOST_SECONDS: f64 = 60.0;
/// Most windows of one recording after augmentation, and most made windows of silence.
const MOST_COPIES: usize = 100;
const MOST_SILENCE: usize = 1_000_000;

/// Windows over recordings of sound, and the features that the network reads.
///
/// The frames are the rows of the network's input and the features its columns. A recording that is
/// shorter than a window lies in its middle, between zeros. A longer one gives its loudest window, or
/// with `stride` a window at each stride.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoundConfig {
    /// Samples in a second, as the device takes them. Recordings of other rates are resampled.
    #[schemars(range(min = 1, max = MOST_RATE))]
    pub rate: u32,
    /// Length of a window, seconds.
    #[schemars(range(min = 0.001, max = MOST_SECONDS))]
    pub seconds: f64,
    /// Seconds from the start of a window of a long recording to the start of the next one. Default:
    /// the loudest window alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0001, max = 3600.0))]
    pub stride: Option<f64>,
    /// True for cosine coefficients (MFCC) of 40 mel bands instead of the mel bands themselves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mfcc: bool,
    /// Lowest frequency of a band, Hz.
    #[serde(default = "low")]
    #[schemars(range(min = 0.0))]
    pub low: f64,
    /// Highest frequency of a band, Hz. Default: half the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub high: Option<f64>,
    /// True to divide each window by its largest sample. A device that listens continuously cannot
    /// do so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub peak_of_recording: bool,
    /// All parameters of the front end. They replace `mfcc`, `low`, `high` and `peak_of_recording`,
    /// and their rate and frames must agree with the table and the space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<SoundSpec>,
    /// Classes that keep their names. All others become the class `unknown`, which keeps as many
    /// windows as the largest of these classes has. Default: all classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Vec<String>>,
    /// Number of windows of silence that are made, as the class `silence`: parts of `noise` at random
    /// loudness, or faint white noise.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(range(max = MOST_SILENCE))]
    pub silence: usize,
    /// Folder of recordings of noise, relative to the data. Its files are no items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<String>,
    /// Windows of each training window: itself, and others that are shifted, louder or quieter, and
    /// noisy.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = MOST_COPIES))]
    pub copies: usize,
    /// Largest shift of a copy, seconds.
    #[serde(default = "shift")]
    #[schemars(range(min = 0.0, max = MOST_SECONDS))]
    pub shift: f64,
    /// Largest change of the loudness of a copy, dB.
    #[serde(default = "gain")]
    #[schemars(range(min = 0.0, max = 60.0))]
    pub gain: f64,
    /// Smallest signal-to-noise ratio of a copy, dB; the largest is 30 dB above it. The noise is that
    /// of `noise`, or white. Default: no noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -20.0, max = 60.0))]
    pub noise_ratio: Option<f64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(copies: &usize) -> bool {
    *copies == 1
}

fn one() -> usize {
    1
}

fn low() -> f64 {
    20.0
}

fn shift() -> f64 {
    0.1
}

fn gain() -> f64 {
    6.0
}

impl SoundConfig {
    /// Windows of a rate and a length, with the defaults of everything else.
    pub fn new(rate: u32, seconds: f64) -> Self {
        Self {
            rate,
            seconds,
            stride: None,
            mfcc: false,
            low: low(),
            high: None,
            peak_of_recording: false,
            features: None,
            known: None,
            silence: 0,
            noise: None,
            copies: 1,
            shift: shift(),
            gain: gain(),
            noise_ratio: None,
        }
    }

    /// Samples of a window.
    pub fn samples(&self) -> usize {
        (f64::from(self.rate) * self.seconds).round() as usize
    }

    /// Samples from the start of a window of a long recording to that of the next one.
    pub fn step(&self) -> Option<usize> {
        self.stride.map(|stride| ((f64::from(self.rate) * stride).round() as usize).max(1))
    }

    pub(super) fn validate(&self, place: &str) -> Result<()> {
        let field = |name: &str| format!("data.sound.{name}");
        range(place, &field("rate"), self.rate, 1, MOST_RATE)?;
        range(place, &field("seconds"), self.seconds, 0.001, MOST_SECONDS)?;
        range(place, &field("stride"), self.stride.unwrap_or(1.0), 0.0001, 3600.0)?;
        let half = f64::from(self.rate) / 2.0;
        range(place, &field("high"), self.high.unwrap_or(half), 0.0, half)?;
        range(place, &field("low"), self.low, 0.0, self.high.unwrap_or(half))?;
        range(place, &field("silence"), self.silence, 0, MOST_SILENCE)?;
        range(place, &field("copies"), self.copies, 1, MOST_COPIES)?;
        range(place, &field("shift"), self.shift, 0.0, MOST_SECONDS)?;
        range(place, &field("gain"), self.gain, 0.0, 60.0)?;
        range(place, &field("noise_ratio"), self.noise_ratio.unwrap_or(0.0), -20.0, 60.0)?;
        for name in self.known.iter().flatten() {
            names::check(place, &field("known"), name)?;
        }
        if let Some(features) = &self.features
            && features.rate != self.rate
        {
            let expected = format!("{}, the rate of the windows", self.rate);
            return Err(Error::invalid(place, field("features.rate"), expected, features.rate));
        }
        Ok(())
    }
}

//! Proposes windows and features for recordings of sound.

use std::path::Path;

use supernano_base::config::{DataSpec, SoundConfig};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;
use supernano_core::space::Shape;
use supernano_data::sources::sound::{self, Lengths};
use supernano_data::sources::survey;

use super::proposal::{ProjectRequest, Surveyed};

/// Highest sampling rate that is proposed, Hz: speech has little above half of it.
const RATE: u32 = 16_000;
/// Longest window that is proposed, seconds.
const SECONDS: f64 = 2.0;
/// Folder of noise in Speech Commands and its like.
const NOISE: &str = "_background_noise_";
/// Copies are proposed for sets of fewer recordings.
const FEW: usize = 4000;
const COPIES: usize = 4;
/// Smallest signal-to-noise ratio of copies, dB.
const RATIO: f64 = 10.0;

/// Measures the recordings, writes the windows that suit them to `spec`, and surveys the set.
pub fn survey(
    request: &ProjectRequest<'_>,
    spec: &mut DataSpec,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Surveyed> {
    if path.join(NOISE).is_dir() {
        // Its files are no items.
        let noise = Some(NOISE.to_owned());
        spec.sound = Some(SoundConfig { noise, ..SoundConfig::new(RATE, 1.0) });
    }
    let lengths = sound::lengths(spec, path, progress)?;
    let mut proposed = windows(request, &lengths)?;
    if spec.sound.is_some() {
        let listing = sound::list(spec, path)?;
        proposed.noise = Some(NOISE.into());
        proposed.silence = listing.items.len() / listing.classes().len().max(1);
    }
    let shape = shape(&proposed);
    spec.sound = Some(proposed.clone());
    let (survey, dataset) = survey::recordings(spec, path, shape, lengths, progress)?;
    if survey.items[0] < FEW {
        proposed.copies = COPIES;
        proposed.noise_ratio = Some(RATIO);
        spec.sound = Some(proposed);
    }
    Ok(Surveyed { survey, shape, dataset })
}

/// Windows that hold most recordings, or windows over long ones.
fn windows(request: &ProjectRequest<'_>, lengths: &Lengths) -> Result<SoundConfig> {
    let rate = request.rate.unwrap_or(lengths.rate.min(RATE));
    let fitting = ((lengths.long * 10.0).ceil() / 10.0).clamp(0.2, SECONDS);
    let seconds = request.seconds.unwrap_or(fitting);
    for (option, value, most) in
        [("--seconds", seconds, 60.0), ("--rate", f64::from(rate), 192_000.0)]
    {
        if !(value > 0.0 && value <= most) {
            let expected = format!("above 0, at most {most}");
            return Err(Error::invalid("command line", option, expected, value));
        }
    }
    let mut sound = SoundConfig::new(rate, seconds);
    if lengths.median > 2.0 * seconds {
        sound.stride = Some(seconds);
    }
    sound.shift = (seconds / 10.0 * 1000.0).round() / 1000.0;
    Ok(sound)
}

/// As many frames as mel bands: 32, or more where a hop would be too long.
fn shape(sound: &SoundConfig) -> Shape {
    const MOST_HOP: usize = 1024;
    let needed = sound.samples().div_ceil(MOST_HOP) + 1;
    let side = if sound.seconds > 1.2 { 48 } else { 32 }.max(needed).min(128);
    let height = u16::try_from(needed.max(side)).unwrap_or(u16::MAX);
    Shape { height, width: side as u16, channels: 1 }
}

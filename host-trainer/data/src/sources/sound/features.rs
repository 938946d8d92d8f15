//! The front end of a configuration's windows.

use std::cell::RefCell;

use supernano_base::config::SoundConfig;
use supernano_base::error::{Error, Result};
use supernano_base::frontend::{Description, FrontEndSpec, Rounding, SoundSpec, WindowShape};
use supernano_core::frontend::{FrontEnd, MAX_FFT, Sound};
use supernano_core::space::Shape;

/// Mel bands of cosine coefficients.
const MFCC_BANDS: u16 = 40;
/// Added to a band's sum, and the logarithms that become the bytes 0 and 255. A full-scale sine in a
/// frame of 1024 samples has the logarithm 6.2.
const FLOOR: f64 = 1e-5;
const HIGHEST: f64 = 6.5;

/// The features of windows.
pub struct Features {
    description: Description,
    samples: usize,
    note: String,
}

impl Features {
    /// The front end whose frames are the rows of `shape` and whose features are its columns.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of channels than 1, and for windows that have too few or
    /// too many samples for the frames.
    pub fn new(sound: &SoundConfig, shape: Shape) -> Result<Self> {
        let spec = spec(sound, shape)?;
        let description = FrontEndSpec::Sound(spec.clone()).build("data.sound")?;
        let kind = if spec.coefficients == 0 { "mel bands" } else { "coefficients" };
        let note = format!(
            "front end: {} frames of {} samples every {}, {} {kind} from {} to {} Hz, at {} Hz",
            spec.frames,
            spec.window,
            spec.hop,
            spec.features(),
            spec.low,
            spec.high,
            spec.rate
        );
        let features = Self { description, samples: sound.samples(), note };
        let needed = features.sound()?.samples();
        if needed > features.samples {
            let expected = format!("at least the {needed} samples of the frames");
            let field = "sound.seconds";
            return Err(Error::invalid("data", field, expected, features.samples));
        }
        Ok(features)
    }

    fn sound(&self) -> Result<Sound<'_>> {
        match self.description.front_end() {
            FrontEnd::Sound(sound) => Ok(sound),
            FrontEnd::Sensor(_) => {
                Err(Error::invalid("data.sound", "front end", "one of sound", "one of sensors"))
            }
        }
    }

    /// The network's input for a window, `[frames][features]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a window of another length.
    pub fn of(&self, window: &[i16]) -> Result<Vec<u8>> {
        thread_local! {
            static WORK: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
        }
        let sound = self.sound()?;
        let mut out = vec![0; sound.output_bytes()];
        WORK.with_borrow_mut(|work| {
            work.resize(sound.work_words(), 0);
            sound.run(window, work, &mut out)
        })
        .map_err(|e| Error::invalid("data.sound", "window", "samples of all frames", e))?;
        Ok(out)
    }

    /// A line about the front end.
    pub fn note(&self) -> String {
        self.note.clone()
    }

    /// The bytes of the front end.
    pub fn into_description(self) -> Description {
        self.description
    }
}

/// The parameters for an input of `shape`.
fn spec(sound: &SoundConfig, shape: Shape) -> Result<SoundSpec> {
    let Shape { height, width, channels } = shape;
    if channels != 1 {
        let expected = "1 for sound (rows are frames, columns are features)";
        return Err(Error::invalid("space", "input.channels", expected, channels));
    }
    if let Some(features) = &sound.features {
        if (features.frames, features.features()) != (height, width) {
            let expected = format!("{}x{}, as in the space", height, width);
            let found = format!("{}x{}", features.frames, features.features());
            return Err(Error::invalid("data", "sound.features", expected, found));
        }
        return Ok(features.clone());
    }
    // Frames overlap by half, as far as the transform allows.
    let samples = sound.samples();
    let hop = if height == 1 { samples } else { samples / (usize::from(height) + 1) };
    if hop == 0 || hop > MAX_FFT {
        let (least, most) = (samples.div_ceil(MAX_FFT).max(2) - 1, samples.saturating_sub(1));
        let expected = format!("{least} to {most} frames for a window of {samples} samples");
        return Err(Error::invalid("space", "input.height", expected, height));
    }
    let window = if height == 1 { samples } else { 2 * hop }.clamp(2, MAX_FFT) as u16;
    let (bands, coefficients) = match sound.mfcc {
        false => (width, 0),
        true => (MFCC_BANDS.max(width), width),
    };
    let lowest = FLOOR.ln();
    let scale = (HIGHEST - lowest) / 255.0;
    Ok(SoundSpec {
        rate: sound.rate,
        window,
        hop: hop as u16,
        fft: window.next_power_of_two().max(64),
        frames: height,
        bands,
        low: sound.low,
        high: sound.high.unwrap_or(f64::from(sound.rate) / 2.0),
        coefficients,
        floor: FLOOR,
        // Those of cosine coefficients suit MLPerf Tiny's.
        scale: if sound.mfcc { 0.6 } else { scale },
        offset: if sound.mfcc { 80.0 } else { -128.0 - lowest / scale },
        shape: WindowShape::Hann,
        rounding: Rounding::Nearest,
        peak_of_recording: sound.peak_of_recording,
        peak: 1 << 15,
    })
}

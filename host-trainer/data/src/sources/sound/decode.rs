//! Decodes recordings: WAV (integers of 8 to 32 bits, floats of 32 bits), FLAC and Ogg Vorbis, to one channel
//! of 16 bits.

mod vorbis;

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use claxon::FlacReader;
use hound::{SampleFormat, WavReader};
use lewton::inside_ogg::OggStreamReader;
use supernano_base::error::{Error, Result};
use supernano_base::files::SOUND;

/// Extensions of the files that are read, in lower case.
pub const EXTENSIONS: [&str; 5] = ["flac", "oga", "ogg", "wav", "wave"];

/// Highest sampling rate of a file, Hz.
const MOST_RATE: u32 = 768_000;
/// Samples from which on one recording is decoded at a time.
const LARGE: usize = 8 << 20;
/// Held while a long recording is decoded.
static ONE: Mutex<()> = Mutex::new(());

/// A recording of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Samples in a second.
    pub rate: u32,
    /// Channels of the file, whose mean the samples are.
    pub channels: u16,
    /// The samples; at least one.
    pub samples: Vec<i16>,
}

/// Decodes a recording. At most one long recording is decoded at a time.
///
/// # Errors
/// [`Error::Invalid`] naming `path` for a file that is damaged, cut short, empty or of another
/// format, and for a recording that needs more memory than [`SOUND`] allows.
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Recording> {
    let place = path.display().to_string();
    let place = place.as_str();
    match bytes {
        [b'R', b'I', b'F', b'F', ..] => wav(place, bytes),
        [b'f', b'L', b'a', b'C', ..] => flac(place, bytes),
        [b'O', b'g', b'g', b'S', ..] => ogg(place, bytes),
        [] => Err(broken(place, "an empty file")),
        _ => Err(broken(place, "another kind of file")),
    }
}

/// Rate in Hz, samples of a channel and channels of a recording. They are those of the header of a WAV
/// or a FLAC file; others are decoded.
///
/// # Errors
/// The errors of [`decode`].
pub fn length(path: &Path, bytes: &[u8]) -> Result<(u32, u64, u16)> {
    let found = match bytes {
        [b'R', b'I', b'F', b'F', ..] => {
            WavReader::new(Cursor::new(of_known_length(bytes))).ok().map(|reader| {
                (reader.spec().sample_rate, reader.duration().into(), reader.spec().channels)
            })
        }
        [b'f', b'L', b'a', b'C', ..] => {
            FlacReader::new(Cursor::new(bytes)).ok().and_then(|reader| {
                let info = reader.streaminfo();
                Some((info.sample_rate, info.samples?, u16::try_from(info.channels).ok()?))
            })
        }
        _ => None,
    };
    if let Some(found) = found.filter(|&(rate, samples, _)| rate > 0 && samples > 0) {
        return Ok(found);
    }
    let decoded = decode(path, bytes)?;
    Ok((decoded.rate, decoded.samples.len() as u64, decoded.channels))
}

fn broken(place: &str, found: impl std::fmt::Display) -> Error {
    Error::invalid(place, "recording", "a whole WAV, FLAC or Ogg Vorbis file", found)
}

/// Collects frames as the mean of their channels.
struct Mono<'a> {
    place: &'a str,
    rate: u32,
    channels: u16,
    samples: Vec<i16>,
    /// Values of the current frame, and their sum.
    filled: u16,
    sum: f64,
    /// Held from the [`LARGE`]th sample on.
    held: Option<MutexGuard<'static, ()>>,
}

impl<'a> Mono<'a> {
    fn new(place: &'a str, rate: u32, channels: u16) -> Result<Self> {
        if !(1..=MOST_RATE).contains(&rate) {
            let expected = format!("1 to {MOST_RATE} Hz");
            return Err(Error::invalid(place, "sampling rate", expected, rate));
        }
        if channels == 0 {
            return Err(Error::invalid(place, "channels", "at least 1", channels));
        }
        let samples = Vec::new();
        Ok(Self { place, rate, channels, samples, filled: 0, sum: 0.0, held: None })
    }

    /// Takes the value of the next channel, in steps of 16 bits.
    fn push(&mut self, value: f64) -> Result<()> {
        self.sum += value;
        self.filled += 1;
        if self.filled < self.channels {
            return Ok(());
        }
        if self.samples.len() == self.samples.capacity() {
            let next = (2 * self.samples.len()).max(4096);
            SOUND.check(self.place, "memory for samples", 2 * self.samples.len() as u64 + 2)?;
            if next > LARGE && self.held.is_none() {
                self.held = Some(ONE.lock().unwrap_or_else(|held| held.into_inner()));
            }
            let most = (SOUND.value()? / 2) as usize;
            self.samples.reserve_exact(next.min(most.max(1)) - self.samples.len());
        }
        // The cast saturates.
        self.samples.push((self.sum / f64::from(self.channels)).round() as i16);
        (self.filled, self.sum) = (0, 0.0);
        Ok(())
    }

    fn end(self) -> Result<Recording> {
        if self.filled != 0 {
            return Err(broken(self.place, "a last frame without all channels"));
        }
        if self.samples.is_empty() {
            return Err(broken(self.place, "no sample"));
        }
        Ok(Recording { rate: self.rate, channels: self.channels, samples: self.samples })
    }
}

/// The bytes of a WAV file. One that was written to a pipe does not know the length of its samples;
/// it gets the length of the rest of the file.
fn of_known_length(bytes: &[u8]) -> Cow<'_, [u8]> {
    const UNKNOWN: u32 = 0x7fff_0000;
    let word = |at: usize| bytes.get(at..)?.first_chunk::<4>();
    let data = chunks(bytes).find(|(name, _)| name == b"data").map(|(_, at)| at);
    let Some(at) = data else { return Cow::Borrowed(bytes) };
    let (length, rest) = (word(at - 4).map_or(0, |l| u32::from_le_bytes(*l)), bytes.len() - at);
    // The last frame must be whole.
    let frame = word(32).map_or(1, |w| usize::from(u16::from_le_bytes([w[0], w[1]])).max(1));
    if length < UNKNOWN || rest < frame {
        return Cow::Borrowed(bytes);
    }
    let mut known = bytes.to_vec();
    let whole = u32::try_from(rest / frame * frame).unwrap_or(u32::MAX);
    known[at - 4..at].copy_from_slice(&whole.to_le_bytes());
    Cow::Owned(known)
}

/// Names of the chunks of a WAV file, and where their contents begin.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], usize)> {
    let mut at = 12usize;
    std::iter::from_fn(move || {
        let word = |at: usize| bytes.get(at..)?.first_chunk::<4>().copied();
        let (name, length) = (word(at)?, u32::from_le_bytes(word(at + 4)?));
        let start = at + 8;
        at = start.saturating_add((length as usize).next_multiple_of(2));
        Some((name, start))
    })
}

/// The name of the coding of a WAV file that [`WavReader`] does not read.
fn other_coding(bytes: &[u8]) -> Option<String> {
    const EXTENSIBLE: u16 = 0xfffe;
    let format = chunks(bytes).find(|(name, _)| name == b"fmt ").map(|(_, at)| &bytes[at..])?;
    let half = |at: usize| Some(u16::from_le_bytes(*format.get(at..)?.first_chunk()?));
    let (tag, bits) = (half(0)?, half(14)?);
    let tag = if tag == EXTENSIBLE { half(24)? } else { tag };
    let name = match (tag, bits) {
        (1, _) | (3, 32) => return None,
        (3, bits) => format!("floats of {bits} bits"),
        (2 | 0x11, _) => "ADPCM".into(),
        (6, _) => "A-law".into(),
        (7, _) => "mu-law".into(),
        (0x50 | 0x55, _) => "MPEG audio".into(),
        (tag, _) => format!("coding 0x{tag:04x}"),
    };
    Some(name)
}

fn wav(place: &str, bytes: &[u8]) -> Result<Recording> {
    if let Some(other) = other_coding(bytes) {
        let expected = "integers of 8 to 32 bits or floats of 32 bits in a WAV file";
        let found = format!("{other} (ffmpeg -i FILE -c:a pcm_s16le NEW.wav converts it)");
        return Err(Error::invalid(place, "samples", expected, found));
    }
    let bytes = &*of_known_length(bytes);
    let reader = WavReader::new(Cursor::new(bytes)).map_err(|e| broken(place, e))?;
    let spec = reader.spec();
    let mut mono = Mono::new(place, spec.sample_rate, spec.channels)?;
    match spec.sample_format {
        SampleFormat::Int => {
            let unit = 2f64.powi(16 - i32::from(spec.bits_per_sample));
            for sample in reader.into_samples::<i32>() {
                mono.push(f64::from(sample.map_err(|e| broken(place, e))?) * unit)?;
            }
        }
        SampleFormat::Float => {
            for sample in reader.into_samples::<f32>() {
                let sample = sample.map_err(|e| broken(place, e))?;
                if !sample.is_finite() {
                    return Err(broken(place, format!("the sample {sample}")));
                }
                mono.push(f64::from(sample) * 32768.0)?;
            }
        }
    }
    mono.end()
}

fn flac(place: &str, bytes: &[u8]) -> Result<Recording> {
    let mut reader = FlacReader::new(Cursor::new(bytes)).map_err(|e| broken(place, e))?;
    let info = reader.streaminfo();
    let unit = 2f64.powi(16 - info.bits_per_sample as i32);
    let channels = u16::try_from(info.channels).unwrap_or(0);
    let mut mono = Mono::new(place, info.sample_rate, channels)?;
    for sample in reader.samples() {
        mono.push(f64::from(sample.map_err(|e| broken(place, e))?) * unit)?;
    }
    let found = mono.samples.len() as u64;
    match info.samples {
        Some(expected) if expected != found => {
            Err(broken(place, format!("{found} of {expected} samples")))
        }
        _ => mono.end(),
    }
}

fn ogg(place: &str, bytes: &[u8]) -> Result<Recording> {
    vorbis::check(bytes).map_err(|problem| broken(place, problem))?;
    let mut reader = OggStreamReader::new(Cursor::new(bytes)).map_err(|e| broken(place, e))?;
    let format =
        |r: &OggStreamReader<_>| (r.ident_hdr.audio_sample_rate, r.ident_hdr.audio_channels);
    let (rate, channels) = format(&reader);
    let mut mono = Mono::new(place, rate, channels.into())?;
    while let Some(packet) = reader.read_dec_packet_itl().map_err(|e| broken(place, e))? {
        if format(&reader) != (rate, channels) {
            return Err(broken(place, "a stream whose rate or channels change"));
        }
        for sample in packet {
            mono.push(sample.into())?;
        }
    }
    mono.end()
}

#[cfg(test)]
mod tests;

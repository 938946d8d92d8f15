//! Windows that are made: silence. And classes that are not known.

use std::path::{Path, PathBuf};

use rand::Rng as _;
use rayon::prelude::*;
use supernano_base::config::{DataSpec, SoundConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::rng::{ChaCha8Rng, Key as Stream, Purpose};
use walkdir::WalkDir;

use super::super::item::Split;
use super::super::items::{Items, Kept, Loaded};
use super::super::splits::{Key, hash};
use super::features::Features;
use super::{EXTENSIONS, samples, window};

/// Class of windows without sound.
pub const SILENCE: &str = "silence";
/// Class of all classes that are not known.
pub const UNKNOWN: &str = "unknown";

/// Loudest white noise of silence, as a share of the largest sample.
const FAINT: f64 = 0.003;
/// Windows that are made before they are kept.
const AT_A_TIME: usize = 1024;
/// Streams of silence are far from those of copies.
const OF_SILENCE: u64 = 1 << 40;

/// Recordings of noise; white noise if there are none.
#[derive(Debug, Default)]
pub struct Noise {
    recordings: Vec<Vec<i16>>,
}

impl Noise {
    /// Reads the recordings of the noise folder below the folder of `path`.
    ///
    /// # Errors
    /// As [`samples`]; [`Error::Missing`] and [`Error::Invalid`] for a folder that does not exist or
    /// has no recording.
    pub fn read(sound: &SoundConfig, path: &Path) -> Result<Self> {
        let Some(name) = &sound.noise else { return Ok(Self::default()) };
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let folder = folder.join(name);
        if !folder.is_dir() {
            let needed_for = "recordings of noise (data.sound.noise)".into();
            return Err(Error::Missing { path: folder, needed_for });
        }
        let wanted = |path: &PathBuf| {
            let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
            extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
        };
        let found: Vec<PathBuf> = WalkDir::new(&folder)
            .sort_by_file_name()
            .into_iter()
            .flatten()
            .map(walkdir::DirEntry::into_path)
            .filter(wanted)
            .collect();
        if found.is_empty() {
            return Err(Error::invalid(folder.display(), "noise", "a recording", "none"));
        }
        let read = |path: &PathBuf| samples(path, &files::read(path)?, sound.rate);
        Ok(Self { recordings: found.iter().map(read).collect::<Result<_>>()? })
    }

    /// A random part of `length` samples, with a largest magnitude of about 1.
    pub fn draw(&self, length: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
        if self.recordings.is_empty() {
            return (0..length).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect();
        }
        let recording = &self.recordings[rng.random_range(0..self.recordings.len())];
        let last = recording.len().saturating_sub(length);
        let at = rng.random_range(0..=last) as i64;
        window::cut(recording, at, length).into_iter().map(|s| f64::from(s) / 32768.0).collect()
    }

    /// The loudest factor of silence.
    fn loudest(&self) -> f64 {
        if self.recordings.is_empty() { FAINT } else { 1.0 }
    }
}

/// Appends windows of silence. Shares of them go to the validation and to the test split.
///
/// # Errors
/// As [`Features::of`] and [`Items::push`].
pub fn silence(
    sound: &SoundConfig,
    features: &Features,
    noise: &Noise,
    label: u16,
    spec: &DataSpec,
    items: &mut Items,
) -> Result<()> {
    let (validation, test) = spec.shares();
    let one = |i: usize| {
        let mut rng = Stream::new(spec.seed).rng(Purpose::Generate, OF_SILENCE + i as u64);
        let factor = 32767.0 * noise.loudest() * rng.random::<f64>();
        let drawn = noise.draw(sound.samples(), &mut rng);
        let samples: Vec<i16> = drawn.iter().map(|s| (s * factor).round() as i16).collect();
        // Every share of the indices is in each split.
        let position = (i as f64 + 0.5) / sound.silence as f64;
        let split = if position < test {
            Split::Test
        } else if position < test + (1.0 - test) * validation {
            Split::Validation
        } else {
            Split::Train
        };
        let content = hash(bytemuck::cast_slice(&samples));
        Ok(Loaded {
            place: format!("silence {i}"),
            key: Key { label, split: Some(split), content, group: None },
            pixels: features.of(&samples)?,
            targets: Vec::new(),
        })
    };
    for start in (0..sound.silence).step_by(AT_A_TIME) {
        let part = start..sound.silence.min(start + AT_A_TIME);
        let made: Vec<Loaded> = part.into_par_iter().map(one).collect::<Result<_>>()?;
        made.into_iter().try_for_each(|window| items.push(window))?;
    }
    Ok(())
}

/// Leaves as many windows of the class `unknown` as the largest other class has; their content
/// decides which.
pub fn thin(items: &mut Vec<Kept>, origins: &mut Vec<(PathBuf, i64)>, unknown: u16) {
    let mut counts = std::collections::BTreeMap::new();
    for item in items.iter().filter(|i| i.key.label != unknown) {
        *counts.entry(item.key.label).or_insert(0usize) += 1;
    }
    let most = counts.into_values().max().unwrap_or(0);
    let mut of_unknown: Vec<usize> =
        (0..items.len()).filter(|&i| items[i].key.label == unknown).collect();
    of_unknown.sort_by_key(|&i| (items[i].key.content, i));
    let mut kept = vec![true; items.len()];
    of_unknown.iter().skip(most).for_each(|&i| kept[i] = false);
    let mut of_origins = kept.iter();
    origins.retain(|_| of_origins.next().copied().unwrap_or(true));
    let mut of_items = kept.iter();
    items.retain(|_| of_items.next().copied().unwrap_or(true));
}

//! Windows over recordings of sound, as the features that the device computes.
//!
//! A recording is decoded to one channel, resampled and cut into windows. The integer front end makes
//! the network's input of each window, so training sees exactly the bytes of the device.

mod copies;
mod decode;
mod features;
mod made;
mod resample;
mod window;

use std::path::Path;

use supernano_base::config::{DataSpec, SoundConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files::{self, SOUND};
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use self::copies::Copies;
pub use self::decode::{EXTENSIONS, Recording, decode, length};
use self::features::Features;
use self::made::Noise;
use self::resample::Resampler;
use super::Reading;
use super::assemble::{Assembled, assemble, check_size, read_all};
use super::item::{Item, Listing, Split, class_names, label_of};
use super::items::{Items, Kept, Loaded};
use super::pictures::list_files;
use super::splits::{self, Key, hash};
use crate::Dataset;

/// Lists the recordings below a folder or in a CSV file.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Io`] for a folder or a table without recordings or classes.
pub fn list(spec: &DataSpec, path: &Path) -> Result<Listing> {
    list_files(spec, path, "recordings", &EXTENSIONS)
}

/// Bytes of the front end for inputs of `shape`.
pub fn front_end_bytes(spec: &DataSpec, shape: Shape) -> Result<usize> {
    Ok(Features::new(settings(spec)?, shape)?.into_description().bytes().len())
}

/// The settings of the windows.
fn settings(spec: &DataSpec) -> Result<&SoundConfig> {
    spec.sound.as_ref().ok_or_else(|| {
        let expected = "`rate` and `seconds` of a window for `sound`";
        Error::invalid("data", "sound", expected, "nothing")
    })
}

/// Reads a recording and brings it to a rate in Hz.
///
/// # Errors
/// As [`decode`]; [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for a recording that needs
/// more memory than [`SOUND`] allows at the new rate.
pub fn read(path: &Path, rate: u32) -> Result<Vec<i16>> {
    samples(path, &files::read(path)?, rate)
}

/// Decodes a file and brings it to the rate of the windows.
fn samples(path: &Path, bytes: &[u8], rate: u32) -> Result<Vec<i16>> {
    let recording = decode(path, bytes)?;
    if recording.rate == rate {
        return Ok(recording.samples);
    }
    let resampler = Resampler::new(recording.rate, rate);
    let length = resampler.length(recording.samples.len());
    SOUND.check(path.display(), "memory for samples", length.saturating_mul(2))?;
    Ok(resampler.run(&recording.samples))
}

/// Reads the windows as inputs of `shape`.
pub fn load(spec: &DataSpec, path: &Path, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    let place = path.display().to_string();
    let sound = settings(spec)?;
    let features = Features::new(sound, shape)?;
    let mut listing = list(spec, path)?;
    rename(&mut listing, sound);
    let has_targets = listing.has_targets(spec, &place)?;
    let mut found = listing.classes();
    if !has_targets {
        listing.check_names()?;
    }
    if sound.silence > 0 && !found.iter().any(|name| name == made::SILENCE) {
        found.push(made::SILENCE.into());
        found.sort_unstable();
    }
    let classes = match spec.reconstruct && found.len() == 1 {
        _ if has_targets => Vec::new(),
        true => found,
        false => class_names(&place, found, spec.labels.as_deref())?,
    };
    check_size(&place, listing.items.len() * sound.copies + sound.silence, shape)?;
    let read = |item: &Item| windows(item, &classes, sound, &features);
    let mut origins = Vec::new();
    let mut items = Items::new(reading.folder)?;
    let keep = |read: Windows| {
        for (at, window) in read.windows {
            origins.push((read.path.clone(), at));
            items.push(window)?;
        }
        Ok(())
    };
    let progress = reading.progress;
    let skipped = read_all(&place, &listing.items, spec.skip_bad, progress, read, keep)?;
    if let Some(unknown) = sound.known.is_some().then(|| label_of(&place, &classes, made::UNKNOWN))
    {
        made::thin(&mut items.list, &mut origins, unknown?);
    }
    // Copies and silence are made after the splits, so that they change none.
    let keys: Vec<Key> = items.list.iter().map(|i| i.key.clone()).collect();
    for (item, split) in items.list.iter_mut().zip(splits::assign(&keys, spec)) {
        item.key.split = Some(split);
    }
    let noise = Noise::read(sound, path)?;
    if sound.copies > 1 {
        let copies = Copies { sound, features: &features, noise: &noise, seed: spec.seed };
        copies.of_training(&mut items, &origins, progress)?;
    }
    if sound.silence > 0 {
        let label = label_of(&place, &classes, made::SILENCE)?;
        made::silence(sound, &features, &noise, label, spec, &mut items)?;
    }
    let mut dataset = assemble(spec, shape, &place, Assembled { classes, items, skipped })?;
    dataset.notes.splice(0..0, listing.notes);
    dataset.notes.push(features.note());
    dataset.front_end = Some(features.into_description());
    Ok(dataset)
}

/// Gives all classes that are not known the name of the unknown class.
fn rename(listing: &mut Listing, sound: &SoundConfig) {
    let Some(known) = &sound.known else { return };
    for item in listing.items.iter_mut().filter(|item| !known.contains(&item.class)) {
        item.class = made::UNKNOWN.into();
    }
}

/// The windows of one file with their places.
struct Windows {
    path: std::path::PathBuf,
    windows: Vec<(i64, Loaded)>,
}

/// Reads a file and computes its windows. Windows of one recording that overlap are a group, so that
/// they stay in one split.
fn windows(
    item: &Item,
    classes: &[String],
    sound: &SoundConfig,
    features: &Features,
) -> Result<Windows> {
    let bytes = files::read(&item.path)?;
    let samples = samples(&item.path, &bytes, sound.rate)?;
    drop(bytes);
    let place = item.path.display().to_string();
    let label = if item.targets.is_empty() { label_of(&place, classes, &item.class)? } else { 0 };
    let places = window::places(&samples, sound.samples(), sound.step());
    let several = places.len() > 1;
    let whole = several.then(|| blake3::hash(bytemuck::cast_slice(&samples)).to_hex().to_string());
    let mut windows = Vec::with_capacity(places.len());
    for at in places {
        let cut = window::cut(&samples, at, sound.samples());
        let group = item.group.clone().or_else(|| whole.clone());
        let content = hash(bytemuck::cast_slice(&cut));
        let from = f64::from(at as i32) / f64::from(sound.rate);
        let window = Loaded {
            place: if several { format!("{place}, from {from:.2} s") } else { place.clone() },
            key: Key { label, split: item.split, content, group },
            pixels: features.of(&cut)?,
            targets: item.targets.clone(),
        };
        windows.push((at, window));
    }
    Ok(Windows { path: item.path.clone(), windows })
}

/// Rates and lengths of the recordings of a source.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Lengths {
    /// Sampling rates of the files in Hz, ascending.
    pub rates: Vec<u32>,
    /// Most frequent sampling rate, Hz.
    pub rate: u32,
    /// Shortest recording, seconds.
    pub shortest: f64,
    /// Median, seconds.
    pub median: f64,
    /// The length that 19 of 20 recordings do not exceed, seconds.
    pub long: f64,
    /// Longest recording, seconds.
    pub longest: f64,
    /// Number of recordings with several channels.
    pub several_channels: usize,
}

/// The rates and lengths of all recordings of a source, from their headers where these tell them. Unreadable files are left out.
///
/// # Errors
/// As [`list`]; [`Error::Invalid`] if no file can be read.
pub fn lengths(spec: &DataSpec, path: &Path, progress: &dyn Progress) -> Result<Lengths> {
    use rayon::prelude::*;
    let listing = list(spec, path)?;
    let task = progress.task(listing.items.len() as u64, "measure");
    let measure = |item: &Item| -> Option<(u32, f64, u16)> {
        let found = files::read(&item.path).and_then(|bytes| length(&item.path, &bytes));
        task.advance(1);
        let (rate, samples, channels) = found.ok()?;
        Some((rate, samples as f64 / f64::from(rate), channels))
    };
    let found: Vec<(u32, f64, u16)> = listing.items.par_iter().filter_map(measure).collect();
    task.finish();
    let mut seconds: Vec<f64> = found.iter().map(|f| f.1).collect();
    seconds.sort_unstable_by(f64::total_cmp);
    let mut counts = std::collections::BTreeMap::new();
    found.iter().for_each(|f| *counts.entry(f.0).or_insert(0usize) += 1);
    let rate = counts.iter().max_by_key(|(_, count)| **count).map(|(rate, _)| *rate);
    let (Some(rate), Some(&shortest), Some(&longest)) = (rate, seconds.first(), seconds.last())
    else {
        let expected = "a recording that can be read";
        return Err(Error::invalid(path.display(), "recordings", expected, "none"));
    };
    Ok(Lengths {
        rates: counts.into_keys().collect(),
        rate,
        shortest,
        median: seconds[seconds.len() / 2],
        long: seconds[(seconds.len() * 19 / 20).min(seconds.len() - 1)],
        longest,
        several_channels: found.iter().filter(|f| f.2 > 1).count(),
    })
}

/// The training items among `items` with their indices.
fn training(items: &[Kept]) -> impl Iterator<Item = usize> {
    (0..items.len()).filter(|&i| items[i].key.split == Some(Split::Train))
}

#[cfg(test)]
mod tests;

//! Weights and optimiser state in one file.
//!
//! Layout: `SNWT`, version 1 as u32, length of the header as u32, header (JSON), all values as f32,
//! then the momentum of the tensors that have one, as f32, then running batch-norm statistics, if
//! there are any (mean, then variance of every batch norm), as f32; CRC-32 (ISO-HDLC) of all bytes
//! before it as u32. All numbers are little-endian.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;

use super::fingerprint;
use crate::supernet::{Layout, RunningStats, Weights};

const MAGIC: &[u8; 4] = b"SNWT";
const VERSION: u32 = 1;
const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    step: usize,
    epoch: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    update: u64,
    values: usize,
    momentum: Vec<bool>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    statistics: bool,
    /// [`fingerprint::of`] the configuration; none in an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<u64>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The state of training at the end of an epoch, or within one.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Step, from 1.
    pub step: usize,
    /// Finished epochs of the step.
    pub epoch: u32,
    /// Finished updates of the next epoch.
    pub update: u64,
    /// Values of all tensors in the step's layout.
    pub values: Vec<f32>,
    /// Momentum of every tensor; `None` before its first gradient. Empty at the end of a step unless
    /// the next step carries it over.
    pub momentum: Vec<Option<Vec<f32>>>,
    /// Running statistics of every batch norm, if the weights came with them.
    pub statistics: Option<RunningStats>,
}

/// Path of the checkpoint of a finished step.
pub fn finished_path(run: &Path, step: usize) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step}.snw"))
}

/// Path of the checkpoint of the step in training.
pub fn current_path(run: &Path) -> PathBuf {
    run.join("checkpoints").join("current.snw")
}

/// Path of the checkpoint `age` checkpoints before the current one.
fn earlier_path(run: &Path, age: usize) -> PathBuf {
    run.join("checkpoints").join(format!("earlier-{age}.snw"))
}

/// Makes room for a new current checkpoint: renumbers the existing ones so that `keep` remain with
/// the new one.
///
/// # Errors
/// [`Error::Io`].
pub fn age(run: &Path, keep: usize) -> Result<()> {
    for age in (1..keep).rev() {
        let (current, to) = (current_path(run), earlier_path(run, age));
        let from = if age == 1 { current } else { earlier_path(run, age - 1) };
        if from.exists() {
            files::write(&to, &files::read(&from)?)?;
        }
    }
    Ok(())
}

/// Removes the intermediate checkpoints of a finished step.
///
/// # Errors
/// [`Error::Io`].
pub fn clear(run: &Path) -> Result<()> {
    let mut earlier: Vec<PathBuf> =
        (1..).map(|age| earlier_path(run, age)).take_while(|p| p.exists()).collect();
    // From the oldest: a removal that is killed leaves no gap, behind which files would stay.
    earlier.reverse();
    for path in earlier.into_iter().chain([current_path(run)]) {
        if path.exists() {
            std::fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
        }
    }
    Ok(())
}

/// The latest finished step of a run, from 1.
pub fn latest_finished(run: &Path, config: &RunConfig) -> Option<usize> {
    (1..=config.steps.len()).rev().find(|&step| finished_path(run, step).is_file())
}

impl Checkpoint {
    /// The start of a step with these values, without momentum and statistics.
    pub fn start(step: usize, values: Vec<f32>) -> Self {
        Self { step, epoch: 0, update: 0, values, momentum: Vec::new(), statistics: None }
    }

    /// Writes the file atomically. It is valid for any configuration with the same tensors.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        self.written(path, None)
    }

    /// Writes the file atomically. It is valid for this configuration alone
    /// ([`UnmatchedCheckpoint::checked`]).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_of(&self, config: &RunConfig, path: &Path) -> Result<()> {
        self.written(path, Some(fingerprint::of(config, self.step)?))
    }

    fn written(&self, path: &Path, configuration: Option<u64>) -> Result<()> {
        let header = Header {
            step: self.step,
            epoch: self.epoch,
            update: self.update,
            values: self.values.len(),
            momentum: self.momentum.iter().map(Option::is_some).collect(),
            statistics: self.statistics.is_some(),
            configuration,
        };
        let header = serde_json::to_vec(&header)
            .map_err(|e| Error::invalid(path.display(), "header", "JSON", e))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        let momentum = self.momentum.iter().flatten().flatten();
        let statistics = self.statistics.iter().flat_map(|s| &s.values);
        let floats = self.values.iter().chain(momentum).chain(statistics);
        bytes.extend(floats.flat_map(|v| v.to_le_bytes()));
        bytes.extend(CRC.checksum(&bytes).to_le_bytes());
        files::write(path, &bytes)
    }

    /// Reads a file. The layout is not known yet, so [`UnmatchedCheckpoint`] holds all numbers in
    /// one list.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`], or [`Error::Invalid`] for a damaged file.
    pub fn read(path: &Path) -> Result<UnmatchedCheckpoint> {
        let bytes = files::read(path)?;
        let bad = |field: &str, expected: String, found: String| {
            Error::invalid(path.display(), field, expected, found)
        };
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let short = || bad("length", "a whole checkpoint".into(), format!("{} bytes", bytes.len()));
        if bytes.get(..4) != Some(MAGIC) {
            return Err(bad(
                "magic",
                "`SNWT`".into(),
                format!("{:02x?}", &bytes[..bytes.len().min(4)]),
            ));
        }
        let end = bytes.len() - 4;
        let (version, length) = (word(4).ok_or_else(short)?, word(8).ok_or_else(short)? as usize);
        let (crc, computed) = (word(end).ok_or_else(short)?, CRC.checksum(&bytes[..end]));
        if version != VERSION {
            return Err(bad("version", VERSION.to_string(), version.to_string()));
        }
        if crc != computed {
            return Err(bad("CRC", format!("{computed:08x}"), format!("{crc:08x}")));
        }
        let header = bytes.get(12..end).and_then(|b| b.get(..length)).ok_or_else(short)?;
        let header: Header = serde_json::from_slice(header)
            .map_err(|e| bad("header", "a checkpoint's header".into(), e.to_string()))?;
        let values = &bytes[12 + length..end];
        if !values.len().is_multiple_of(4) {
            let found = format!("{} bytes", values.len());
            return Err(bad("values", "whole 32-bit numbers".into(), found));
        }
        let floats: Vec<f32> =
            values.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if floats.len() < header.values {
            return Err(short());
        }
        Ok(UnmatchedCheckpoint { header, floats })
    }
}

/// A checkpoint before it is matched with a configuration and a layout.
pub struct UnmatchedCheckpoint {
    header: Header,
    floats: Vec<f32>,
}

impl UnmatchedCheckpoint {
    /// Step, from 1.
    pub fn step(&self) -> usize {
        self.header.step
    }

    /// Makes sure that the checkpoint belongs to a configuration: that its step is `step`, from 1,
    /// that its epochs are no more than the step has, and that what decides its weights has not
    /// been changed since.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming file, field, expected and found.
    pub fn checked(self, config: &RunConfig, step: usize, path: &Path) -> Result<Self> {
        let bad = |field: &str, expected: String, found: String| {
            Err(Error::invalid(path.display(), field, expected, found))
        };
        let Header { step: own, epoch, configuration, .. } = self.header;
        if own != step {
            return bad("step", step.to_string(), own.to_string());
        }
        let Some(of) = step.checked_sub(1).and_then(|i| config.steps.get(i)) else {
            return bad("step", format!("1 to {}", config.steps.len()), own.to_string());
        };
        if epoch > of.epochs {
            return bad("epoch", format!("at most {}", of.epochs), epoch.to_string());
        }
        let current = fingerprint::of(config, step)?;
        if configuration.is_some_and(|c| c != current) {
            let expected = format!(
                "the config.toml that step {step} was trained with (seed, space, data, \
                 enhancement, augmentation, optimiser and steps up to it)"
            );
            return bad("configuration", expected, "another: restore it, or train anew".into());
        }
        Ok(self)
    }

    /// Splits the numbers by a layout.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the file has another layout.
    pub fn split(self, layout: &Layout, path: &Path) -> Result<Checkpoint> {
        let Header { step, epoch, update, values, momentum: flags, statistics, .. } = self.header;
        let bad = |field, expected: usize, found: usize| {
            Err(Error::invalid(path.display(), field, expected, found))
        };
        if values != layout.len() {
            return bad("values (of the configuration's space and scheme)", layout.len(), values);
        }
        if !flags.is_empty() && flags.len() != layout.entries.len() {
            return bad("tensors with momentum", layout.entries.len(), flags.len());
        }
        let mut rest = &self.floats[values..];
        let mut momentum = Vec::with_capacity(flags.len());
        for (entry, flag) in layout.entries.iter().zip(flags) {
            momentum.push(match rest.split_at_checked(entry.len()) {
                Some((tensor, after)) if flag => {
                    rest = after;
                    Some(tensor.to_vec())
                }
                None if flag => return bad("momentum values", entry.len(), rest.len()),
                _ => None,
            });
        }
        let expected = if statistics { layout.statistics() } else { 0 };
        if rest.len() != expected {
            return bad("batch-norm statistics", expected, rest.len());
        }
        let statistics = statistics.then(|| RunningStats { values: rest.to_vec() });
        let mut floats = self.floats;
        floats.truncate(values);
        Ok(Checkpoint { step, epoch, update, values: floats, momentum, statistics })
    }

    /// Splits off the weights by a layout, and the statistics if there are any.
    ///
    /// # Errors
    /// The errors of [`UnmatchedCheckpoint::split`].
    pub fn weights(self, layout: Layout, path: &Path) -> Result<(Weights, Option<RunningStats>)> {
        let Checkpoint { values, statistics, .. } = self.split(&layout, path)?;
        Ok((Weights { layout, values }, statistics))
    }
}

#[cfg(test)]
mod tests;

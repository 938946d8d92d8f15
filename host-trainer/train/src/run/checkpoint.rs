//! Weights and optimiser state in one file.
//!
//! Layout: `SNWT`, version 1 as u32, length of the header as u32, header (JSON), all values as f32,
//! then the momentum of those tensors that have one, as f32, then running batch-norm statistics where
//! there are any (mean, then variance of every batch norm), as f32; CRC-32 (ISO-HDLC) of everything before
//! it as u32. Little-endian throughout.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;

use crate::supernet::{Layout, RunningStats, Weights};

const MAGIC: &[u8; 4] = b"SNWT";
const VERSION: u32 = 1;
const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    step: usize,
    epoch: u32,
    values: usize,
    momentum: Vec<bool>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    statistics: bool,
}

/// Where training stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Step, from 1.
    pub step: usize,
    /// Epochs of it that are done.
    pub epoch: u32,
    /// Values of all tensors of the step's layout.
    pub values: Vec<f32>,
    /// Momentum of every tensor; `None` before its first gradient. Empty for a finished
    /// step, unless the next one goes on with it.
    pub momentum: Vec<Option<Vec<f32>>>,
    /// Running statistics of every batch norm, where the weights came with them.
    pub statistics: Option<RunningStats>,
}

/// File of a finished step.
pub fn finished_path(run: &Path, step: usize) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step}.snw"))
}

/// File of the step that is being trained.
pub fn current_path(run: &Path) -> PathBuf {
    run.join("checkpoints").join("current.snw")
}

/// File of the step that is being trained, `age` checkpoints before the current one.
fn earlier_path(run: &Path, age: usize) -> PathBuf {
    run.join("checkpoints").join(format!("earlier-{age}.snw"))
}

/// Before a current checkpoint is written: the one that is there, and those before it, grow older;
/// `keep` stay with the new one.
///
/// # Errors
/// [`Error::Io`].
pub fn age(run: &Path, keep: usize) -> Result<()> {
    for age in (1..keep).rev() {
        let (current, to) = (current_path(run), earlier_path(run, age));
        let from = if age == 1 { current } else { earlier_path(run, age - 1) };
        if from.exists() {
            std::fs::copy(&from, &to).map_err(|e| Error::io(&to, e))?;
        }
    }
    Ok(())
}

/// Removes the checkpoints of a step that is finished.
///
/// # Errors
/// [`Error::Io`].
pub fn clear(run: &Path) -> Result<()> {
    let earlier = (1..).map(|age| earlier_path(run, age)).take_while(|p| p.exists());
    for path in std::iter::once(current_path(run)).chain(earlier).collect::<Vec<_>>() {
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
    /// The start of a step, without momentum and statistics.
    pub fn start(step: usize, values: Vec<f32>) -> Self {
        Self { step, epoch: 0, values, momentum: Vec::new(), statistics: None }
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let header = Header {
            step: self.step,
            epoch: self.epoch,
            values: self.values.len(),
            momentum: self.momentum.iter().map(Option::is_some).collect(),
            statistics: self.statistics.is_some(),
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

    /// Reads a file. [`Stored`] does not know the layout yet: values and momentum are one list.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`], or [`Error::Invalid`] for a file that is not whole.
    pub fn read(path: &Path) -> Result<Stored> {
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
        let header = bytes.get(12..12 + length).ok_or_else(short)?;
        let header: Header = serde_json::from_slice(header)
            .map_err(|e| bad("header", "a checkpoint's header".into(), e.to_string()))?;
        let floats: Vec<f32> = bytes[12 + length..end]
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if floats.len() < header.values {
            return Err(short());
        }
        Ok(Stored { header, floats })
    }
}

/// A checkpoint as it was read, before it is matched with a layout.
pub struct Stored {
    header: Header,
    floats: Vec<f32>,
}

impl Stored {
    /// Step, from 1.
    pub fn step(&self) -> usize {
        self.header.step
    }

    /// The checkpoint under a layout.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the file is of another layout.
    pub fn split(self, layout: &Layout, path: &Path) -> Result<Checkpoint> {
        let Header { step, epoch, values, momentum: flags, statistics } = self.header;
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
        Ok(Checkpoint { step, epoch, values: floats, momentum, statistics })
    }

    /// Its weights alone, under a layout, and statistics where there are any.
    ///
    /// # Errors
    /// As [`Stored::split`].
    pub fn weights(self, layout: Layout, path: &Path) -> Result<(Weights, Option<RunningStats>)> {
        let Checkpoint { values, statistics, .. } = self.split(&layout, path)?;
        Ok((Weights { layout, values }, statistics))
    }
}

//! The scores that accumulate in a run. Each list belongs to one key: weights, images and settings.
//!
//! `scores/KEY.json` holds the list of a key, and `scores.json` the list of the last ranking. A
//! ranking adds to the list of its key and never removes a score of another one.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;

use supernano_base::codes::scores::{Score, Scores, read_scores, write_scores};
use supernano_base::codes::unused_id;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::run_dir::RunDirectory;
use supernano_core::arch::Arch;
use supernano_core::space::Space;

/// The list of scores of one key.
#[derive(Clone, Debug)]
pub struct Store {
    directory: RunDirectory,
    key: String,
}

impl Store {
    /// The list of a run with this key, a part of a file name.
    pub fn new(directory: RunDirectory, key: String) -> Self {
        Self { directory, key }
    }

    /// The file of this key's list.
    fn own(&self) -> PathBuf {
        self.directory.score_list(&self.key)
    }

    /// Refuses a `scores.json` whose scores are in no list, because their key is unknown.
    ///
    /// # Errors
    /// [`Error::Invalid`] for such a file, [`Error::Io`].
    pub fn check(&self) -> Result<()> {
        let file = self.directory.scores();
        if !file.exists() || self.lists_hold(&files::read(&file)?)? {
            return Ok(());
        }
        let expected = "scores that `supernano rank` keeps with their weights, images and settings \
                        (-o FILE writes another file, --fresh keeps a copy and starts a new list)";
        Err(Error::invalid(file.display(), "scores", expected, "scores of unknown settings"))
    }

    /// True if a list has exactly these bytes, or all these scores: a ranking that was killed leaves
    /// a list that is ahead of `scores.json`.
    fn lists_hold(&self, bytes: &[u8]) -> Result<bool> {
        let lists = self.own();
        let Some(folder) = lists.parent().filter(|folder| folder.is_dir()) else {
            return Ok(false);
        };
        for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
            let path = entry.map_err(|e| Error::io(folder, e))?.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            if files::read(&path)? == bytes {
                return Ok(true);
            }
            if path == self.own() {
                let list: HashMap<String, Score> = read_scores(&path)?.into_iter().collect();
                let held = |(id, score): &(String, Score)| list.get(id) == Some(score);
                // A file that cannot be read is in no list.
                if read_scores(&self.directory.scores()).is_ok_and(|s| s.iter().all(held)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The scores of this key so far.
    ///
    /// # Errors
    /// The errors of [`read_scores`].
    pub fn known(&self, space: &Space<'_>) -> Result<HashMap<Arch, Score>> {
        let place = self.own();
        let list = if place.exists() { read_scores(&place)? } else { Vec::new() };
        let parsed = |(_, score): (String, Score)| {
            let arch = Arch::parse(space, &score.arch)
                .map_err(|e| Error::core(format!("{}: {}", place.display(), score.arch), e))?;
            Ok((arch, score))
        };
        list.into_iter().map(parsed).collect()
    }

    /// Adds scores to the list and makes it the run's `scores.json`. `fresh` drops the list so far;
    /// scores of unknown settings are then kept in a copy. Returns the number of scores in the list.
    ///
    /// # Errors
    /// As [`Self::check`] unless `fresh`, [`read_scores`] and [`write_scores`].
    pub fn add(&self, space: &Space<'_>, scores: &Scores, fresh: bool) -> Result<usize> {
        let (own, all) = (self.own(), self.directory.scores());
        let _lock = self.lock()?;
        match fresh {
            false => self.check()?,
            true if all.exists() => {
                let bytes = files::read(&all)?;
                if !self.lists_hold(&bytes)? {
                    let name = format!("unkeyed-{:08x}", crc32(&bytes));
                    files::write(&self.directory.score_list(&name), &bytes)?;
                }
            }
            true => {}
        }
        let mut list = if fresh || !own.exists() { Vec::new() } else { read_scores(&own)? };
        let code = |score: &Score| Arch::parse(space, &score.arch).ok();
        let mut codes: HashSet<Option<Arch>> = list.iter().map(|(_, s)| code(s)).collect();
        let mut ids: HashSet<String> = list.iter().map(|(id, _)| id.clone()).collect();
        for (id, score) in scores {
            if codes.insert(code(score)) {
                let id = unused_id(id, &ids, list.len());
                ids.insert(id.clone());
                list.push((id, score.clone()));
            }
        }
        write_scores(&own, &list)?;
        write_scores(&all, &list)?;
        Ok(list.len())
    }

    /// Waits until no other process adds scores to this run.
    fn lock(&self) -> Result<Option<File>> {
        let own = self.own();
        let folder = own.parent().unwrap_or(self.directory.path());
        std::fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))?;
        // Directories can be opened on Unix only, and not every file system has locks.
        let Ok(file) = File::open(folder) else { return Ok(None) };
        Ok(file.lock().is_ok().then_some(file))
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}

#[cfg(test)]
mod tests;

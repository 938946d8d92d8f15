//! The answers of a check so far, saved in a file while the check runs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::images::Images;
use supernano_core::wire;

use crate::target::Target;

/// The contents of the file of an unfinished check.
#[derive(Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// CRC-32 of the network, and CRC-32 of all pixels.
    checksums: [u32; 2],
    images: usize,
    target: String,
    /// Logits of the images so far, `[image][class]`.
    pub found: Vec<i32>,
}

/// The answers so far, and the file that holds them.
pub(super) struct Answers<'a> {
    pub state: State,
    classes: usize,
    file: Option<&'a Path>,
    saved: Instant,
}

/// Shortest time between two saves.
const SAVE: Duration = Duration::from_secs(1);

impl<'a> Answers<'a> {
    /// Continues an earlier check of the same network, images and target, or begins without answers.
    /// A file of another check is an error, unless `replaces` allows to replace it.
    pub fn begin(
        blob: &Blob,
        images: &Images,
        to: &Target,
        file: Option<&'a Path>,
        replaces: bool,
    ) -> Result<Self> {
        let view = blob.view()?;
        let classes = view.classes().max(1);
        let mut state = State {
            checksums: [view.checksum(), wire::checksum(&images.pixels)],
            images: images.len(),
            target: to.to_string(),
            found: Vec::new(),
        };
        if let Some(path) = file {
            files::probe(path)?;
        }
        if let Some(path) = file.filter(|p| p.is_file()) {
            let mut old: State = files::read_json(path, "the answers of a check")?;
            let found = std::mem::take(&mut old.found);
            if old == state
                && found.len() <= classes * images.len()
                && found.len().is_multiple_of(classes)
            {
                state.found = found;
            } else if !replaces {
                let expected = format!(
                    "the answers of this network and these {} images on {} (--overwrite replaces \
                     the file)",
                    state.images, state.target
                );
                let found =
                    format!("those of another check, of {} images on {}", old.images, old.target);
                return Err(Error::invalid(path.display(), "state", expected, found));
            }
        }
        Ok(Self { state, classes, file, saved: Instant::now() })
    }

    /// Images that have an answer.
    pub fn done(&self) -> usize {
        self.state.found.len() / self.classes
    }

    /// Adds the logits of the next image, and saves all from time to time.
    pub fn push(&mut self, logits: Vec<i32>) -> Result<()> {
        if logits.len() != self.classes {
            let problem = format!("{} logits for {} classes", logits.len(), self.classes);
            return Err(Error::tool(&self.state.target, problem));
        }
        self.state.found.extend(logits);
        if self.saved.elapsed() >= SAVE {
            self.save()?;
        }
        Ok(())
    }

    /// Writes the file, if there is one and any image has an answer.
    pub fn save(&mut self) -> Result<()> {
        if let Some(path) = self.file.filter(|_| !self.state.found.is_empty()) {
            files::write_json(path, &self.state)?;
        }
        self.saved = Instant::now();
        Ok(())
    }

    /// Removes the file of a finished check.
    pub fn end(&self) -> Result<()> {
        match self.file.filter(|p| p.is_file()) {
            Some(path) => std::fs::remove_file(path).map_err(|e| Error::io(path, e)),
            None => Ok(()),
        }
    }
}

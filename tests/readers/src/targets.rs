//! All targets.

use std::path::{Path, PathBuf};

use supernano_base::error::Error;

use crate::{data, lines, models, sounds, texts};

/// Reads an input.
pub type Reader = dyn Fn(&[u8]) -> Result<(), Error>;

/// A reader, and inputs that it accepts.
pub struct Target {
    /// Name of the kind of input.
    pub name: &'static str,
    /// Inputs that are valid.
    pub seeds: Vec<Vec<u8>>,
    /// Reads an input.
    pub read: Box<Reader>,
    /// Corrects the checksums of an input.
    pub repair: fn(&mut [u8]),
}

impl Target {
    /// A reader of bytes without checksums.
    pub fn new(
        name: &'static str,
        seeds: Vec<Vec<u8>>,
        read: impl Fn(&[u8]) -> Result<(), Error> + 'static,
    ) -> Self {
        Self { name, seeds, read: Box::new(read), repair: |_| {} }
    }

    /// A reader of a file with this name in a folder.
    pub fn of_file(
        name: &'static str,
        file: PathBuf,
        seeds: Vec<Vec<u8>>,
        read: impl Fn(&Path) -> Result<(), Error> + 'static,
    ) -> Self {
        Self::new(name, seeds, move |bytes| {
            std::fs::write(&file, bytes).expect("the temporary directory");
            read(&file)
        })
    }
}

/// All targets, with their files in `folder`.
pub fn targets(folder: &Path) -> Vec<Target> {
    [
        data::targets(folder),
        sounds::targets(folder),
        texts::targets(folder),
        models::targets(folder),
        lines::targets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

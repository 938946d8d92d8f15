//! Items that are read, before they are put into splits.

use std::path::{Path, PathBuf};

use supernano_base::error::Result;
use supernano_base::images::{Collector, Pixels};

use super::splits::Key;

/// An item that is read.
#[derive(Debug)]
pub struct Loaded {
    /// The file, and the place in it if there are several items.
    pub place: String,
    /// What decides the split.
    pub key: Key,
    /// Bytes `[height, width, channels]`.
    pub pixels: Vec<u8>,
    /// Numbers or labels that a network shall give; none for classes and reconstructions.
    pub targets: Vec<f32>,
}

/// An item whose bytes are with those of all others.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Number of items whose bytes lie before.
    pub slot: usize,
    /// As [`Loaded::place`].
    pub place: String,
    /// As [`Loaded::key`].
    pub key: Key,
    /// As [`Loaded::targets`].
    pub targets: Vec<f32>,
}

/// The items of a set. More bytes than memory should hold lie in a file.
#[derive(Debug)]
pub struct Items {
    /// The items without their bytes.
    pub list: Vec<Kept>,
    folder: PathBuf,
    pixels: Bytes,
    slots: usize,
}

#[derive(Debug)]
enum Bytes {
    Growing(Collector),
    Whole(Pixels),
}

impl Items {
    /// No items. Their file will lie in `folder`.
    ///
    /// # Errors
    /// As [`Collector::new`].
    pub fn new(folder: &Path) -> Result<Self> {
        let pixels = Bytes::Growing(Collector::new(folder)?);
        Ok(Self { list: Vec::new(), folder: folder.to_path_buf(), pixels, slots: 0 })
    }

    /// Finished items again.
    pub fn of((list, pixels, folder): (Vec<Kept>, Pixels, PathBuf)) -> Self {
        let slots = list.len();
        Self { list, folder, pixels: Bytes::Whole(pixels), slots }
    }

    /// Appends an item. All items have as many bytes.
    ///
    /// # Errors
    /// As [`Collector::push`].
    ///
    /// # Panics
    /// If the items were finished.
    pub fn push(&mut self, item: Loaded) -> Result<()> {
        let Loaded { place, key, pixels, targets } = item;
        match &mut self.pixels {
            Bytes::Growing(all) => all.push(&pixels)?,
            Bytes::Whole(_) => unreachable!("finished items do not grow"),
        }
        self.list.push(Kept { slot: self.slots, place, key, targets });
        self.slots += 1;
        Ok(())
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True without items.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The items, the bytes of all slots, and the folder for files.
    ///
    /// # Errors
    /// As [`Collector::finish`].
    pub fn finish(self) -> Result<(Vec<Kept>, Pixels, PathBuf)> {
        let pixels = match self.pixels {
            Bytes::Growing(all) => all.finish()?,
            Bytes::Whole(pixels) => pixels,
        };
        Ok((self.list, pixels, self.folder))
    }
}

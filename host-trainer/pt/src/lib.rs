//! A strict reader of PyTorch checkpoints (`.pt`, `.pth`).
//!
//! [`PytorchFile::open`] reads a file of `torch.save`: the zip format, or the one before PyTorch
//! 1.6. The pickle inside is read as data, so no code of the file runs. [`PytorchFile::state_dict`]
//! finds the network's tensors, and [`PytorchFile::floats`] reads one of them.
//!
//! Contract: a tensor is returned with the values that PyTorch would show, or the file is refused
//! with the reason.
//!
//! - Every storage that the pickle names is in the file once, with its whole length. The checksum of
//!   every zip entry is compared. The old format has no checksums, but any cut is found.
//! - Offset, sizes and strides of a view are honoured, and checked against its storage.
//! - Objects other than tensors and dictionaries are skipped outside the network and refused inside.
//! - No input makes the reader panic; its memory is bounded by the length of the file, and by 1 GiB
//!   for a deflated storage.

#![forbid(unsafe_code)]

mod archive;
mod cursor;
mod element;
mod fault;
mod format;
mod legacy;
mod objects;
mod pickle;
mod state_dict;
mod storage;
mod tensor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod zip;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub use element::{Element, FLOATS};
pub use fault::list;
use fault::{Fault, Result};
use objects::{Id, Objects};
pub use state_dict::StateDict;
use storage::{Data, Storage, Storages};
use supernano_base::error::Error;
use supernano_base::files;
pub use tensor::StoredTensor;

/// A file whose pickle was read and whose storages are all there.
#[derive(Debug)]
pub struct PytorchFile {
    file: PathBuf,
    bytes: Vec<u8>,
    contents: Contents,
}

/// Most values of one tensor: 1 GiB as f32.
const VALUES: usize = 1 << 28;

/// What a file holds.
#[derive(Debug)]
struct Contents {
    objects: Objects,
    root: Id,
    storages: Storages,
    big_endian: bool,
}

impl PytorchFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for a file that is no checkpoint or
    /// not whole.
    pub fn open(file: &Path) -> Result<Self, Error> {
        Self::read(file, files::read(file)?)
    }

    /// Reads the bytes of a file.
    fn read(file: &Path, bytes: Vec<u8>) -> Result<Self, Error> {
        let contents = if bytes.starts_with(b"PK\x03\x04") {
            archive::read(&bytes)
        } else if bytes.starts_with(b"\x80") || bytes.starts_with(legacy::MAGIC_TEXT) {
            legacy::read(&bytes)
        } else {
            Err(format::unknown(&bytes))
        };
        let contents = contents.map_err(|fault| fault.in_file(file))?;
        Ok(Self { file: file.into(), bytes, contents })
    }

    /// The network that has a tensor `anchor` (which it has whatever the network's size).
    ///
    /// # Errors
    /// [`Error::Invalid`] where no or several dictionaries have it, where an entry beside it is no
    /// tensor or has not the same prefix, and for a tensor that cannot be read.
    pub fn state_dict(&self, anchor: &str) -> Result<StateDict, Error> {
        state_dict::find(&self.contents, anchor).map_err(|fault| fault.in_file(&self.file))
    }

    /// The values of a tensor `name` of this file, row by row. Types other than float32 are converted.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a type that is not of floating point, and for a value that is not finite
    /// as float32.
    pub fn floats(&self, name: &str, tensor: &StoredTensor) -> Result<Vec<f32>, Error> {
        self.values(tensor)
            .map_err(|fault| fault.of(format!("tensor `{name}`")).in_file(&self.file))
    }

    fn values(&self, tensor: &StoredTensor) -> Result<Vec<f32>> {
        let element = tensor.element;
        let read = element
            .reader(self.contents.big_endian)
            .ok_or_else(|| Fault::new("", FLOATS, element.name))?;
        let count = tensor.numbers().filter(|&n| n <= VALUES).ok_or_else(|| {
            let sizes: Vec<u64> = tensor.shape.iter().map(|&n| n as u64).collect();
            Fault::new("", format!("at most {VALUES} values"), Objects::numbers(&sizes))
        })?;
        let stored = match self.contents.storages.get(&tensor.storage) {
            Some(storage) => self.stored(&tensor.storage, storage)?,
            None => return Err(Fault::new("", "a tensor of this file", "another one")),
        };
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; tensor.shape.len()];
        let mut at = tensor.offset;
        for number in 0..count {
            let start = at * element.size();
            let bytes = stored.get(start..start + element.size());
            let value = bytes.map(&read).ok_or_else(|| Fault::new("", "its values", "less"))?;
            if !(value as f32).is_finite() {
                let found = format!("{value:e} ({}) as value {number} of {count}", element.name);
                return Err(Fault::new("", "finite float32 values", found));
            }
            values.push(value as f32);
            // the next index, last dimension first
            for d in (0..index.len()).rev() {
                index[d] += 1;
                at += tensor.strides[d];
                if index[d] < tensor.shape[d] {
                    break;
                }
                at -= index[d] * tensor.strides[d];
                index[d] = 0;
            }
        }
        Ok(values)
    }

    /// The bytes of a storage.
    fn stored(&self, key: &str, storage: &Storage) -> Result<Cow<'_, [u8]>> {
        match &storage.data {
            Data::Plain(range) => Ok(Cow::Borrowed(&self.bytes[range.clone()])),
            Data::Entry(entry) => zip::contents(&self.bytes, key, entry),
        }
    }
}

#[cfg(test)]
mod tests;

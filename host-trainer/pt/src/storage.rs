//! Storages: the flat arrays that tensors are views of.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::ops::Range;

use crate::element::Element;
use crate::fault::{Fault, Result, short};
use crate::objects::{Id, Objects};
use crate::zip::ZipEntry;

/// A storage as a pickle names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StorageReference<'a> {
    pub key: &'a str,
    pub element: Element,
    /// Numbers of the whole storage.
    pub count: u64,
    /// First number and numbers of a part of it (files of old versions).
    pub part: Option<(u64, u64)>,
}

/// Where the bytes of a storage are.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// In the file, as they are.
    Plain(Range<usize>),
    /// In an entry of a zip archive.
    Entry(ZipEntry),
}

/// A storage that is there and whole.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    /// Bytes.
    pub bytes: u64,
    /// Where they are.
    pub data: Data,
}

/// All storages of a checkpoint by their keys.
pub(crate) type Storages = BTreeMap<String, Storage>;

/// How messages name a storage.
pub(crate) fn field(key: &str) -> String {
    format!("storage `{}`", short(key))
}

impl<'a> StorageReference<'a> {
    /// Reads the tuple `("storage", class, key, device, count[, part])` of a persistent object;
    /// `None` for `("module", ...)`.
    pub fn read(objects: &'a Objects, id: Id) -> Result<Option<Self>> {
        let malformed = || Fault::new("storage", "a tuple with its key", objects.describe(id));
        let items = objects.tuple(id).ok_or_else(malformed)?;
        match items.first().and_then(|&kind| objects.text(kind)) {
            Some("storage") => {}
            Some("module") => return Ok(None),
            _ => return Err(malformed()),
        }
        let (class, key, count, part) = match items {
            [_, class, key, _, count] => (*class, *key, *count, None),
            [_, class, key, _, count, part] => (*class, *key, *count, Some(*part)),
            _ => return Err(malformed()),
        };
        let key = objects.text(key).ok_or_else(malformed)?;
        let element = objects.global(class).and_then(Element::of_class).ok_or_else(|| {
            Fault::new(field(key), "a storage class of PyTorch", objects.describe(class))
        })?;
        let number = |id: Id, what: &str| {
            objects.count(id).ok_or_else(|| Fault::new(field(key), what, objects.describe(id)))
        };
        let count = number(count, "a count of at least 0")?;
        let part = match part.map(|id| objects.tuple(id)) {
            Some(Some(&[_, first, length])) => {
                Some((number(first, "a first number")?, number(length, "a length")?))
            }
            _ => None,
        };
        Ok(Some(Self { key, element, count, part }))
    }

    /// Bytes of the storage.
    pub fn bytes(&self) -> Result<u64> {
        self.count
            .checked_mul(self.element.size() as u64)
            .filter(|&bytes| i64::try_from(bytes).is_ok())
            .ok_or_else(|| Fault::new(field(self.key), "a count that fits a file", self.count))
    }
}

/// Every storage that the objects name, each with one type and count.
pub(crate) fn named(objects: &Objects) -> Result<BTreeMap<&str, StorageReference<'_>>> {
    let mut named: BTreeMap<&str, StorageReference<'_>> = BTreeMap::new();
    for id in objects.persistent() {
        let Some(reference) = StorageReference::read(objects, id)? else { continue };
        reference.bytes()?;
        match named.entry(reference.key) {
            Slot::Vacant(slot) => drop(slot.insert(reference)),
            Slot::Occupied(slot) => {
                let (one, other) = (slot.get(), reference);
                if (one.element, one.count) != (other.element, other.count) {
                    let show = |r: &StorageReference<'_>| format!("{} {}", r.count, r.element.name);
                    return Err(Fault::new(
                        field(other.key),
                        format!("{} everywhere", show(one)),
                        show(&other),
                    ));
                }
            }
        }
    }
    Ok(named)
}

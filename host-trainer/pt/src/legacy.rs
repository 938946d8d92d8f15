//! The format of `torch.save` before PyTorch 1.6, and of `_use_new_zipfile_serialization=False`.
//!
//! Pickles of a magic number, a version, the machine, the object and the keys of its storages; then
//! each storage as a count (i64) and its numbers, little-endian, to the end of the file.

use crate::Contents;
use crate::cursor::Cursor;
use crate::fault::{AGAIN, Fault, Result, list};
use crate::objects::{Id, Objects, PickledObject};
use crate::pickle::{self, Pickle};
use crate::storage::{self, Data, Storage, Storages, field};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// The first bytes of a file of protocol 0 or 1.
pub(crate) const MAGIC_TEXT: &[u8] = b"L119547037146038801333356L\n";
const VERSION: i128 = 1001;

/// What the bytes are, for messages.
const WHAT: &str = "file";

/// Reads a whole file; its first bytes are those of a pickle.
pub(crate) fn read(bytes: &[u8]) -> Result<Contents> {
    let magic = pickle::read(bytes, 0, WHAT)?;
    if !matches!(magic.objects.get(magic.root), PickledObject::Int(MAGIC)) {
        let found = magic.objects.describe(magic.root);
        return Err(Fault::new(
            "first pickle",
            "PyTorch's magic number",
            format!("{found}; make the file with torch.save, not with pickle.dump"),
        ));
    }
    let version = pickle::read(bytes, magic.end, WHAT)?;
    if !matches!(version.objects.get(version.root), PickledObject::Int(VERSION)) {
        let found = version.objects.describe(version.root);
        return Err(Fault::new("version", VERSION, found));
    }
    let machine = pickle::read(bytes, version.end, WHAT)?;
    if !little_endian(&machine.objects, machine.root) {
        let found = "another; save the file again on a little-endian machine";
        return Err(Fault::new("machine", "a little-endian one", found));
    }
    let object = pickle::read(bytes, machine.end, WHAT)?;
    let keys = pickle::read(bytes, object.end, WHAT)?;
    let storages = storages(bytes, &object.objects, &keys)?;
    Ok(Contents { objects: object.objects, root: object.root, storages, big_endian: false })
}

/// What the dictionary of the machine says.
fn little_endian(objects: &Objects, id: Id) -> bool {
    let PickledObject::Dict(items) = objects.get(id) else { return false };
    items.iter().any(|(key, value)| {
        objects.text(*key) == Some("little_endian")
            && matches!(objects.get(*value), PickledObject::Bool(true))
    })
}

/// The storages behind the pickle `keys`: those that `objects` name, each once, and nothing else.
fn storages(bytes: &[u8], objects: &Objects, keys: &Pickle) -> Result<Storages> {
    let mut named = storage::named(objects)?;
    let malformed = || {
        let found = keys.objects.describe(keys.root);
        Fault::new("keys of the storages", "a list of texts", found)
    };
    let PickledObject::List(list_of_keys) = keys.objects.get(keys.root) else {
        return Err(malformed());
    };
    let mut storages = Storages::new();
    let mut data = Cursor::new(bytes, keys.end, WHAT);
    for &key in list_of_keys {
        let key = keys.objects.text(key).ok_or_else(malformed)?;
        let Some(reference) = named.remove(key) else {
            let found = if storages.contains_key(key) { "it twice" } else { "no use of it" };
            return Err(Fault::new(field(key), "a storage that is used, once", found));
        };
        let count = data.i64().map_err(|fault| fault.of(field(key)))?;
        if u64::try_from(count) != Ok(reference.count) {
            let expected = format!("{} numbers", reference.count);
            return Err(Fault::new(field(key), expected, format!("a count of {count}; {AGAIN}")));
        }
        let length = reference.bytes()?;
        let start = data.at();
        data.take(length).map_err(|fault| fault.of(field(key)))?;
        let place = Data::Plain(start..data.at());
        storages.insert(key.to_owned(), Storage { bytes: length, data: place });
    }
    if !named.is_empty() {
        let found = format!("none for {}; {AGAIN}", list(named.into_keys()));
        return Err(Fault::new("storages", "every one that is used", found));
    }
    match data.left() {
        0 => Ok(storages),
        left => Err(data.fault("the end of the file", format!("{left} more bytes; {AGAIN}"))),
    }
}

//! The format of `torch.save` since PyTorch 1.6: a zip archive.
//!
//! Below one folder: `data.pkl`, the pickle; `data/KEY`, each storage; `byteorder`, where it is not
//! there little; `version`.

use crate::Contents;
use crate::fault::{self, AGAIN, Fault, Result, list};
use crate::storage::{self, Data, Storage, Storages};
use crate::{pickle, zip};

/// Newest version of the format that this reader knows.
const VERSION: u32 = 10;

/// Reads a whole file.
pub(crate) fn read(bytes: &[u8]) -> Result<Contents> {
    let entries = zip::read(bytes)?;
    let pickles: Vec<&str> = entries
        .keys()
        .filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .map(String::as_str)
        .collect();
    let [pickle] = pickles[..] else {
        let found = match pickles.len() {
            0 => list(entries.keys().map(String::as_str)),
            _ => list(pickles.iter().copied()),
        };
        return Err(Fault::new(
            "zip archive",
            "one entry data.pkl, as torch.save writes it",
            found,
        ));
    };
    let folder = pickle.strip_suffix("data.pkl").unwrap_or_default();
    if entries.contains_key(&format!("{folder}constants.pkl")) {
        let found = "a TorchScript program; save the model's state_dict() with torch.save";
        return Err(Fault::new("zip archive", "a checkpoint made by torch.save", found));
    }
    let text = |name: &str| -> Result<Option<String>> {
        let name = format!("{folder}{name}");
        let Some(entry) = entries.get(&name) else { return Ok(None) };
        let contents = zip::contents(bytes, &name, entry)?;
        Ok(Some(String::from_utf8_lossy(&contents).trim().to_owned()))
    };
    let big_endian = match text("byteorder")?.as_deref() {
        None | Some("little") => false,
        Some("big") => true,
        Some(order) => {
            return Err(Fault::new("zip entry `byteorder`", "little or big", fault::short(order)));
        }
    };
    if let Some(version) = text("version")?
        && !version.parse().is_ok_and(|v: u32| (1..=VERSION).contains(&v))
    {
        let found = fault::short(&version);
        return Err(Fault::new("zip entry `version`", format!("1 to {VERSION}"), found));
    }
    let contents = zip::contents(bytes, pickle, &entries[pickle])?;
    let read = pickle::read(&contents, 0, pickle)?;
    if read.end != contents.len() {
        let found = format!("{} more bytes", contents.len() - read.end);
        return Err(Fault::new(zip::field(pickle), "one pickle", found));
    }
    let mut storages = Storages::new();
    for (key, reference) in storage::named(&read.objects)? {
        let name = format!("{folder}data/{key}");
        let field = || storage::field(key);
        let expected = format!("{} {} in `{name}`", reference.count, reference.element.name);
        let entry = entries.get(&name);
        let entry = entry.ok_or_else(|| Fault::new(field(), &expected, "no such entry"))?;
        let length = reference.bytes()?;
        if entry.size != length {
            let found = format!("{} bytes; {AGAIN}", entry.size);
            return Err(Fault::new(field(), format!("{expected} ({length} bytes)"), found));
        }
        let data = if entry.deflated {
            Data::Entry(entry.clone())
        } else {
            Data::Plain(entry.data.clone())
        };
        storages.insert(key.into(), Storage { bytes: length, data });
    }
    Ok(Contents { objects: read.objects, root: read.root, storages, big_endian })
}

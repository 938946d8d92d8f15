//! Files that give numbers to sub-networks: the challenge's JSON, lists of objects, CSV, each also
//! compressed with gzip.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use supernano_core::arch::Arch;
use supernano_core::space::{BUILTIN, Space};

use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::space::SharedSpace;

/// Names of the column or key that holds the code.
const CODE: [&str; 2] = ["code", "arch"];

/// Name of the column or key that says which network a true accuracy is of.
const FORM: &str = "as";

/// Columns or keys that hold a score, the first that is there.
pub const SCORE: &[&str] = &["score", "acc", "top1"];
/// Columns or keys that hold a true accuracy, the first that is there.
pub const TRUTH: &[&str] = &["standalone_top1", "truth", "top1", "accuracy", "acc"];

/// One sub-network of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// File and line, or file and key.
    pub place: String,
    /// The code as written.
    pub text: String,
    /// The sub-network.
    pub arch: Arch,
    /// Its number, finite.
    pub value: f64,
    /// What the column or key `as` says, where there is one: which network was trained.
    pub form: Option<String>,
}

struct Raw {
    place: String,
    code: String,
    value: String,
    form: Option<String>,
}

/// The number of the first of `columns` that the file has, for every code.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] and [`Error::Core`] naming line (CSV) or
/// key (JSON) and code for missing columns, codes that are not in the space, numbers that are none
/// or not finite, and codes that come twice.
pub fn read(path: &Path, space: &Space<'_>, columns: &[&str]) -> Result<Vec<Entry>> {
    let text = crate::files::read_text(path)?;
    let raw = if text.trim_start().starts_with(['{', '[']) {
        from_json(path, &text, columns)?
    } else {
        from_csv(path, &text, columns)?
    };
    let mut seen: HashMap<u64, String> = HashMap::new();
    raw.into_iter()
        .map(|Raw { place, code, value, form }| {
            let arch = Arch::parse(space, &code)
                .map_err(|e| Error::core(format!("{place}: {code}"), e))?;
            let number = value.trim().parse().ok().filter(|v: &f64| v.is_finite());
            let value = number.ok_or_else(|| {
                Error::invalid(&place, format!("number of {code}"), "a finite number", value)
            })?;
            if let Some(first) = seen.insert(arch.code(space).0, place.clone()) {
                let expected = format!("{code} once (it is at {first})");
                return Err(Error::invalid(place, "code", expected, "it again"));
            }
            Ok(Entry { place, text: code, arch, value, form })
        })
        .collect()
}

fn from_csv(path: &Path, text: &str, columns: &[&str]) -> Result<Vec<Raw>> {
    let place = |line: usize| format!("{}:{}", path.display(), line + 1);
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (first, header) = lines.next().ok_or_else(|| {
        Error::invalid(path.display(), "header", "a line of column names", "nothing")
    })?;
    let header: Vec<&str> = header.split(',').map(str::trim).collect();
    let column = |names: &[&str]| {
        names.iter().find_map(|n| header.iter().position(|h| h == n)).ok_or_else(|| {
            let expected = format!("a column {}", names.join(" or "));
            Error::invalid(place(first), "header", expected, header.join(","))
        })
    };
    let (code, value) = (column(&CODE)?, column(columns)?);
    let form = header.iter().position(|h| *h == FORM);
    lines
        .map(|(i, line)| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            if fields.len() != header.len() {
                return Err(Error::invalid(place(i), "columns", header.len(), fields.len()));
            }
            Ok(Raw {
                place: place(i),
                code: fields[code].into(),
                value: fields[value].into(),
                form: form.map(|at| fields[at].to_owned()),
            })
        })
        .collect()
}

fn from_json(path: &Path, text: &str, columns: &[&str]) -> Result<Vec<Raw>> {
    let value: Value = serde_json::from_str(text).map_err(|e| {
        let place = format!("{}:{}:{}", path.display(), e.line(), e.column());
        Error::invalid(place, "JSON", "an object or a list", e)
    })?;
    // A list, an object with a list of networks in it, or the challenge's object of objects.
    let list = ["networks", "scores"].iter().find_map(|k| value.get(k).and_then(Value::as_array));
    let named: Vec<(String, &Value)> = match (list.or(value.as_array()), value.as_object()) {
        (Some(items), _) => items.iter().enumerate().map(|(i, v)| (format!("[{i}]"), v)).collect(),
        (None, Some(object)) => object.iter().map(|(k, v)| (k.clone(), v)).collect(),
        (None, None) => Vec::new(),
    };
    named
        .into_iter()
        .map(|(key, item)| {
            let place = format!("{}: {key}", path.display());
            let find = |names: &[&str]| {
                names.iter().find_map(|n| item.get(n)).ok_or_else(|| {
                    let expected = format!("a key {}", names.join(" or "));
                    Error::invalid(&place, "entry", expected, item)
                })
            };
            let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), String::from);
            Ok(Raw {
                code: plain(find(&CODE)?),
                value: plain(find(columns)?),
                place: place.clone(),
                form: item.get(FORM).map(plain),
            })
        })
        .collect()
}

/// Scores and truths of the sub-networks that have a truth, in the order of the truths.
///
/// # Errors
/// [`Error::Invalid`] naming line and code of a truth without a score, and where there are fewer
/// than three truths.
pub fn matched(
    space: &Space<'_>,
    scores: &[Entry],
    truths: &[Entry],
) -> Result<(Vec<Arch>, Vec<f64>, Vec<f64>)> {
    let by_code: HashMap<u64, f64> =
        scores.iter().map(|e| (e.arch.code(space).0, e.value)).collect();
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for truth in truths {
        let score = by_code.get(&truth.arch.code(space).0).ok_or_else(|| {
            Error::invalid(&truth.place, "code", "one that was scored", &truth.text)
        })?;
        all.0.push(truth.arch.clone());
        all.1.push(*score);
        all.2.push(truth.value);
    }
    if truths.len() < 3 {
        return Err(Error::invalid("truths", "sub-networks", "3 or more", truths.len()));
    }
    Ok(all)
}

/// The space that is named; else the built-in one in which the codes of a file parse. Where there
/// is none, the first space's error says why not.
///
/// # Errors
/// [`Error::Invalid`] for a name that is neither a built-in space nor a file, and as
/// [`read`].
pub fn space_for(name: Option<&str>, file: &Path, columns: &[&str]) -> Result<SharedSpace> {
    if let Some(name) = name {
        if let Some(space) = BUILTIN.iter().find(|s| s.name == name) {
            return Ok(SharedSpace::of(space));
        }
        let path = Path::new(name);
        if !path.exists() {
            let names: Vec<&str> = BUILTIN.iter().map(|s| s.name).collect();
            let expected = format!("{}, or a configuration", names.join(", "));
            return Err(Error::invalid("--space", "name", expected, name));
        }
        let path = if path.is_dir() { path.join("config.toml") } else { path.into() };
        return Ok(RunConfig::read(&path)?.shared_space());
    }
    let mut first = None;
    for space in BUILTIN {
        match read(file, space, columns) {
            Err(e @ Error::Core { .. }) => first = first.or(Some(e)),
            Err(other) => return Err(other),
            Ok(_) => return Ok(SharedSpace::of(space)),
        }
    }
    Err(first.unwrap_or_else(|| Error::invalid("--space", "name", "a space", "none")))
}

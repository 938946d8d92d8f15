//! Lists of codes: the challenge's JSON, a JSON list, CSV, or one code a line.

pub mod ordered;
pub mod scores;
pub mod select;
pub mod truth;

use std::collections::HashSet;
use std::path::Path;

use rand::Rng as _;
use serde::Deserialize;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::Space;

use self::ordered::Ordered;
use crate::error::{Error, Result};
use crate::files;
use crate::rng::{Key, Purpose};

/// A sub-network with its name in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// Name: the challenge's key, the CSV's id, or `archN` counted from 1.
    pub id: String,
    /// The code as it was written.
    pub written: String,
    /// The sub-network.
    pub arch: Arch,
}

#[derive(Deserialize)]
struct Challenge {
    arch: String,
}

/// Reads codes from a file: `{"arch1": {"arch": "4-8-.."}}`, `["4-8-.."]`, CSV with a column
/// `arch` (or `code`) and perhaps `id`, or a code a line; lines that start with `#` are left out.
/// Each may be compressed with gzip.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`], [`Error::Invalid`]; [`Error::Core`] naming file, line and code
/// for a code of another space.
pub fn read_codes(path: &Path, space: &Space<'_>) -> Result<Vec<Coded>> {
    parse_codes(&files::read_text(path)?, &path.display().to_string(), space)
}

/// As [`read_codes`], from a text; `place` names it in errors.
///
/// # Errors
/// As [`read_codes`].
pub fn parse_codes(text: &str, place: &str, space: &Space<'_>) -> Result<Vec<Coded>> {
    let json = |e: serde_json::Error| {
        let place = format!("{place}:{}:{}", e.line(), e.column());
        Error::invalid(place, "JSON", "an object of sub-networks or a list of codes", e)
    };
    let numbered = |codes: Vec<String>| {
        let one = |(i, code)| Raw { id: format!("arch{}", i + 1), code, line: None };
        codes.into_iter().enumerate().map(one).collect()
    };
    let raw: Vec<Raw> = match text.trim_start().chars().next() {
        Some('{') => {
            let members: Ordered<Challenge> = serde_json::from_str(text).map_err(json)?;
            let one = |(id, c): (String, Challenge)| Raw { id, code: c.arch, line: None };
            members.0.into_iter().map(one).collect()
        }
        Some('[') => numbered(serde_json::from_str(text).map_err(json)?),
        _ => lines(text, place)?,
    };
    if raw.is_empty() {
        return Err(Error::invalid(place, "codes", "at least one", "none"));
    }
    let mut seen = HashSet::new();
    raw.iter()
        .map(|raw @ Raw { id, code, .. }| {
            let arch = Arch::parse(space, code).map_err(|e| {
                Error::core(format!("{place}:{}: {id} `{code}`", raw.line(text)), e)
            })?;
            if !seen.insert(id) {
                let place = format!("{place}:{}", raw.line(text));
                return Err(twice(place, id, code));
            }
            Ok(Coded { id: id.clone(), written: code.clone(), arch })
        })
        .collect()
}

fn twice(place: impl std::fmt::Display, id: &str, code: &str) -> Error {
    Error::invalid(place, format!("id {id} `{code}`"), "an id once", "it again")
}

/// Checks the ids of codes that come from several places.
///
/// # Errors
/// [`Error::Invalid`] naming id and code.
pub fn distinct(codes: &[Coded]) -> Result<()> {
    let mut seen = HashSet::new();
    match codes.iter().find(|c| !seen.insert(&c.id)) {
        Some(c) => Err(twice("codes", &c.id, &c.written)),
        None => Ok(()),
    }
}

/// A sub-network as it is written.
struct Raw {
    id: String,
    code: String,
    /// Where the form of the file gives it.
    line: Option<usize>,
}

impl Raw {
    /// Its line in the text; in JSON, that of the last place that holds its key and its code.
    fn line(&self, text: &str) -> usize {
        let written = format!("\"{}\"", self.code);
        let named = text.rfind(&format!("\"{}\"", self.id)).unwrap_or(0);
        let at = text[named..].find(&written).map_or(named, |i| named + i);
        self.line.unwrap_or_else(|| text[..at].matches('\n').count() + 1)
    }
}

fn lines(text: &str, place: &str) -> Result<Vec<Raw>> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    let (mut code_at, mut id_at) = (0, None);
    if let Some((_, header)) = lines.peek().filter(|(_, l)| l.starts_with(char::is_alphabetic)) {
        let columns: Vec<&str> = header.split(',').map(str::trim).collect();
        let find = |names: &[&str]| columns.iter().position(|c| names.contains(c));
        id_at = find(&["id"]);
        code_at = find(&["arch", "code"])
            .ok_or_else(|| Error::invalid(place, "header", "a column `arch` or `code`", header))?;
        lines.next();
    }
    lines
        .enumerate()
        .map(|(n, (number, line))| {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let cell = |at: usize| {
                cells.get(at).map(ToString::to_string).ok_or_else(|| {
                    let expected = format!("at least {} cells", at + 1);
                    Error::invalid(format!("{place}:{number}"), "row", expected, cells.len())
                })
            };
            let id = id_at.map_or_else(|| Ok(format!("arch{}", n + 1)), cell)?;
            Ok(Raw { id, code: cell(code_at)?, line: Some(number) })
        })
        .collect()
}

/// A sub-network, uniform and independent per layer.
///
/// # Errors
/// [`Error::Core`]; never for a validated space.
pub fn uniform(space: &Space<'_>, rng: &mut impl rand::RngCore) -> Result<Arch> {
    let options: Vec<u8> = space
        .free_layers()
        .map(|i| rng.random_range(0..space.layers[i].widths.len()) as u8)
        .collect();
    Arch::from_options(space, options).map_err(|e| Error::core("uniform sampling", e))
}

/// `n` different sub-networks, uniform over the space; all of them, in the order of their codes,
/// where the space has no more.
pub fn random_codes(space: &Space<'_>, n: usize, seed: u64) -> Vec<Coded> {
    let size = space.size();
    let codes: Vec<u64> = if n as u64 >= size {
        (0..size).collect()
    } else {
        let mut rng = Key::new(seed).rng(Purpose::Sample, 1);
        let mut seen = HashSet::new();
        std::iter::repeat_with(|| rng.random_range(0..size))
            .filter(|&c| seen.insert(c))
            .take(n)
            .collect()
    };
    codes
        .into_iter()
        .filter_map(|code| Arch::from_code(space, ArchCode(code)).ok())
        .enumerate()
        .map(|(i, arch)| {
            let written = arch.display(space).to_string();
            Coded { id: format!("arch{}", i + 1), written, arch }
        })
        .collect()
}

#[cfg(test)]
mod tests;

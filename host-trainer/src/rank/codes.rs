//! Lists of codes: the challenge's JSON, a JSON list, CSV, or one code a line.

use std::collections::HashSet;
use std::path::Path;

use rand::Rng as _;
use serde::Deserialize;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::Space;

use super::ordered::Ordered;
use crate::data::Key;
use crate::data::rng::Purpose;
use crate::error::{Error, Result};
use crate::files;

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
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`], [`Error::Invalid`]; [`Error::Core`] naming file and code.
pub fn read_codes(path: &Path, space: &Space<'_>) -> Result<Vec<Coded>> {
    let text = String::from_utf8(files::read(path)?)
        .map_err(|e| Error::invalid(path.display(), "encoding", "UTF-8", e))?;
    parse_codes(&text, &path.display().to_string(), space)
}

pub(super) fn parse_codes(text: &str, place: &str, space: &Space<'_>) -> Result<Vec<Coded>> {
    let json = |e: serde_json::Error| {
        let place = format!("{place}:{}:{}", e.line(), e.column());
        Error::invalid(place, "JSON", "an object of sub-networks or a list of codes", e)
    };
    let numbered = |codes: Vec<String>| {
        codes.into_iter().enumerate().map(|(i, c)| (format!("arch{}", i + 1), c)).collect()
    };
    let pairs: Vec<(String, String)> = match text.trim_start().chars().next() {
        Some('{') => {
            let members: Ordered<Challenge> = serde_json::from_str(text).map_err(json)?;
            members.0.into_iter().map(|(id, c)| (id, c.arch)).collect()
        }
        Some('[') => numbered(serde_json::from_str(text).map_err(json)?),
        _ => lines(text, place)?,
    };
    if pairs.is_empty() {
        return Err(Error::invalid(place, "codes", "at least one", "none"));
    }
    pairs
        .into_iter()
        .map(|(id, written)| {
            let arch = Arch::parse(space, &written)
                .map_err(|e| Error::core(format!("{place}: {id} `{written}`"), e))?;
            Ok(Coded { id, written, arch })
        })
        .collect()
}

fn lines(text: &str, place: &str) -> Result<Vec<(String, String)>> {
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
            Ok((id, cell(code_at)?))
        })
        .collect()
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

//! Lists of codes: the challenge's JSON, a JSON list, CSV, or one code per line.

pub mod ordered;
pub mod scores;
pub mod select;
pub mod truth;

use std::collections::HashSet;
use std::path::Path;

use rand::Rng as _;
use serde::Deserialize;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::{Choice, Space, Stage};

use self::ordered::Ordered;
use crate::error::{Error, Result};
use crate::files::{self, Csv, Record};
use crate::rng::{Key, Purpose};

/// A sub-network with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// Name: the challenge's key, the id in a CSV file, or `archN` counted from 1.
    pub id: String,
    /// The code as written in the file.
    pub written: String,
    /// The sub-network.
    pub arch: Arch,
}

/// Names of the column that holds a code, the first that is there.
const CODE: [&str; 2] = ["arch", "code"];

/// A member of the challenge's file of codes.
#[derive(Deserialize)]
struct Challenge {
    arch: String,
}

/// Reads codes from a file: `{"arch1": {"arch": "4-8-.."}}`, `["4-8-.."]`, CSV with a column
/// `arch` (or `code`) and optionally `id`, or one code per line. Lines that start with `#` are
/// comments.
/// Each form may be compressed with gzip.
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
/// The errors of [`read_codes`].
pub fn parse_codes(text: &str, place: &str, space: &Space<'_>) -> Result<Vec<Coded>> {
    let text = files::without_mark(text);
    let json = text.trim_start().starts_with(['{', '[']);
    if !json {
        files::CODES.check(place, "length", text.lines().count() as u64)?;
    }
    let listed = if json { from_json(text, place)? } else { from_lines(text, place)? };
    if listed.is_empty() {
        return Err(Error::invalid(place, "codes", "at least one", "none"));
    }
    let archs = listed
        .iter()
        .map(|listed @ Listed { id, code, .. }| {
            Arch::parse(space, code).map_err(|e| {
                Error::core(format!("{place}:{}: {id} `{code}`", listed.line(text)), e)
            })
        })
        .collect::<Result<Vec<Arch>>>()?;
    let mut seen = HashSet::new();
    if let Some(listed) = listed.iter().find(|listed| !seen.insert(&listed.id)) {
        let place = format!("{place}:{}", listed.line(text));
        return Err(twice(place, &listed.id, &listed.code));
    }
    drop(seen);
    let coded = |(Listed { id, code, .. }, arch)| Coded { id, written: code, arch };
    let codes = listed.into_iter().zip(archs).map(coded).collect();
    if json {
        files::distinct_keys(text, place)?;
    }
    Ok(codes)
}

/// The id itself, or the first free one of the form `archN` beyond the length of the list.
pub fn unused_id(id: &str, taken: &HashSet<String>, length: usize) -> String {
    if !taken.contains(id) {
        return id.to_owned();
    }
    let names = (length + 1..).map(|n| format!("arch{n}"));
    { names }.find(|name| !taken.contains(name)).unwrap_or_else(|| id.to_owned())
}

fn twice(place: impl std::fmt::Display, id: &str, code: &str) -> Error {
    Error::invalid(place, format!("id {id} `{code}`"), "an id once", "it again")
}

/// Checks that no id comes twice in codes from several files.
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

/// A sub-network as a file lists it.
struct Listed {
    id: String,
    code: String,
    /// Known in CSV and in plain lists.
    line: Option<usize>,
}

impl Listed {
    /// Its line in the text. In JSON, the line of the last occurrence of its key and its code.
    fn line(&self, text: &str) -> usize {
        let written = format!("\"{}\"", self.code);
        let named = text.rfind(&format!("\"{}\"", self.id)).unwrap_or(0);
        let at = text[named..].find(&written).map_or(named, |i| named + i);
        self.line.unwrap_or_else(|| text[..at].matches('\n').count() + 1)
    }
}

fn from_json(text: &str, place: &str) -> Result<Vec<Listed>> {
    const EXPECTED: &str = "an object of sub-networks or a list of codes";
    if text.trim_start().starts_with('[') {
        let codes: Vec<String> = files::parse_json(text, place, EXPECTED)?;
        let one = |(i, code)| Listed { id: format!("arch{}", i + 1), code, line: None };
        return Ok(codes.into_iter().enumerate().map(one).collect());
    }
    let members: Ordered<Challenge> = files::deserialise(text, place, EXPECTED)?;
    let one = |(id, c): (String, Challenge)| Listed { id, code: c.arch, line: None };
    Ok(members.0.into_iter().map(one).collect())
}

fn from_lines(text: &str, place: &str) -> Result<Vec<Listed>> {
    let mut csv = Csv::parse(text, place, true)?;
    let (mut code_at, mut id_at) = (0, None);
    let is_header = |first: &Record| {
        first.cells[0].starts_with(char::is_alphabetic)
            || first.cells.iter().any(|c| CODE.contains(&c.as_str()))
    };
    if csv.records.first().is_some_and(is_header) {
        let header = csv.take_header()?;
        code_at = csv.only_column(&header, &CODE)?;
        id_at = csv.find(&header, &["id"])?;
    }
    let one = |(n, mut record): (usize, Record)| Listed {
        id: id_at.map_or_else(|| format!("arch{}", n + 1), |at| record.cells[at].clone()),
        code: std::mem::take(&mut record.cells[code_at]),
        line: Some(record.line),
    };
    Ok(csv.records.into_iter().enumerate().map(one).collect())
}

/// Draws a sub-network: uniformly and independently for each choice.
///
/// # Errors
/// [`Error::Core`]; never for a validated space.
pub fn uniform(space: &Space<'_>, rng: &mut impl rand::RngCore) -> Result<Arch> {
    let options: Vec<u8> =
        space.choices().map(|choice| rng.random_range(0..space.options(choice)) as u8).collect();
    Arch::from_options(space, options).map_err(|e| Error::core("uniform sampling", e))
}

/// Draws one of the different sub-networks of a space, uniformly: a depth is as probable as there are
/// sub-networks with it.
///
/// # Errors
/// [`Error::Core`]; never for a validated space.
pub fn uniform_network(space: &Space<'_>, rng: &mut impl rand::RngCore) -> Result<Arch> {
    let inside = |choice, blocks: &std::ops::Range<usize>| {
        space.block_of(choice).is_some_and(|placed| blocks.contains(&placed.index))
    };
    let mut depth = |stage: usize| {
        let Stage { first, depths } = space.stages[stage];
        let first = usize::from(first);
        let networks = depths.iter().map(|&depth| -> u128 {
            let blocks = first..first + usize::from(depth);
            let choices = space.choices().filter(|&choice| inside(choice, &blocks));
            choices.map(|choice| space.options(choice) as u128).product()
        });
        let networks: Vec<u128> = networks.collect();
        let mut drawn = rng.random_range(0..networks.iter().sum::<u128>());
        let mut option = 0;
        while drawn >= networks[option] {
            drawn -= networks[option];
            option += 1;
        }
        option as u8
    };
    let depths: Vec<u8> = (0..space.stages.len()).map(&mut depth).collect();
    let option = |choice| match choice {
        Choice::Depth(stage) => depths[stage],
        _ => rng.random_range(0..space.options(choice)) as u8,
    };
    let options: Vec<u8> = space.choices().map(option).collect();
    Arch::from_options(space, options).map_err(|e| Error::core("uniform sampling", e))
}

/// Draws a number below the size of a space, uniformly.
pub fn number(space: &Space<'_>, rng: &mut impl rand::RngCore) -> ArchCode {
    let size = space.size();
    // Numbers of 64 bits are drawn as such, so that a seed gives the same ones in each version.
    ArchCode(match u64::try_from(size) {
        Ok(size) => rng.random_range(0..size).into(),
        Err(_) => rng.random_range(0..size),
    })
}

/// All sub-networks of a space in the order of their codes. Their number is at most that of the codes.
pub fn all(space: &Space<'_>) -> impl Iterator<Item = Arch> {
    // A number that is not the code of its network gives a network that comes elsewhere.
    (0..space.size()).filter_map(|number| {
        let arch = Arch::from_code(space, ArchCode(number)).ok()?;
        (arch.code(space).0 == number).then_some(arch)
    })
}

/// Draws `n` different sub-networks, uniformly over the codes. A space of at most `n` is listed in
/// the order of its codes.
pub fn random_codes(space: &Space<'_>, n: usize, seed: u64) -> Vec<Coded> {
    let archs: Vec<Arch> = if n as u128 >= space.networks() {
        all(space).collect()
    } else {
        let mut rng = Key::new(seed).rng(Purpose::Sample, 1);
        let mut seen = HashSet::new();
        std::iter::repeat_with(|| number(space, &mut rng))
            .map(|code| Arch::from_code(space, code).expect("codes end at the size"))
            .filter(|arch| seen.insert(arch.code(space)))
            .take(n)
            .collect()
    };
    archs
        .into_iter()
        .enumerate()
        .map(|(i, arch)| {
            let written = arch.display(space).to_string();
            Coded { id: format!("arch{}", i + 1), written, arch }
        })
        .collect()
}

#[cfg(test)]
mod tests;

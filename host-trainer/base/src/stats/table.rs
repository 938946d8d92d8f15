//! Files that assign numbers to sub-networks: the challenge's JSON, lists of objects, or CSV. Each
//! may be compressed with gzip.

mod json;

use std::collections::HashMap;
use std::path::Path;

use supernano_core::arch::Arch;
use supernano_core::space::{BUILTIN, Space};

use crate::codes::truth::Form;
use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::files::{self, Csv, Record};
use crate::space::SharedSpace;

/// Names of the column or key that holds the code, in order of preference.
const CODE: [&str; 2] = ["code", "arch"];

/// Name of the column or key that holds the name of a sub-network.
const ID: &str = "id";

/// Name of the column or key that tells which network was trained ([`crate::codes::truth::Form`]).
const FORM: &str = "as";

/// Names of the column or key that holds a score, in order of preference.
pub const SCORE: &[&str] = &["score", "acc", "top1"];
/// Names of the column or key that holds a true accuracy, in order of preference.
pub const TRUTH: &[&str] = &["standalone_top1", "truth", "top1", "accuracy", "acc"];

/// A sub-network's code with its number in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeValue {
    /// File and line, or file and key.
    pub place: String,
    /// The code as written.
    pub text: String,
    /// The sub-network.
    pub arch: Arch,
    /// Its number, finite; a true accuracy is a fraction, 0 to 1.
    pub value: f64,
    /// Content of the column or key `as`, if the file has it: which network was trained.
    pub form: Option<String>,
}

/// A [`CodeValue`] before its texts are parsed.
struct Unparsed {
    place: String,
    id: Option<String>,
    code: String,
    value: String,
    form: Option<String>,
}

/// Reads the number of every code, from the first of `columns` that the file has. Numbers of the
/// columns [`TRUTH`] are fractions.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] and [`Error::Core`] naming line (CSV) or
/// key (JSON) and code for missing columns, codes of another space, numbers that are not finite,
/// truths outside 0 to 1, and codes or ids that come twice.
pub fn read(path: &Path, space: &Space<'_>, columns: &[&str]) -> Result<Vec<CodeValue>> {
    let text = files::read_text(path)?;
    let file = path.display().to_string();
    let unparsed = if text.trim_start().starts_with(['{', '[']) {
        from_json(&file, &text, columns)?
    } else {
        from_csv(&file, &text, columns)?
    };
    let mut codes: HashMap<u128, String> = HashMap::new();
    let mut ids: HashMap<String, String> = HashMap::new();
    unparsed
        .into_iter()
        .map(|Unparsed { place, id, code, value, form }| {
            let arch = Arch::parse(space, &code)
                .map_err(|e| Error::core(format!("{place}: {code}"), e))?;
            let value = parse_value(&place, &code, &value, columns == TRUTH)?;
            let again = |field: &str, text: &str, first: &str| {
                let expected = format!("{text} once (it is at {first})");
                Err(Error::invalid(&place, field, expected, "it again"))
            };
            if let Some(first) = codes.insert(arch.code(space).0, place.clone()) {
                return again("code", &code, &first);
            }
            if let Some(id) = id
                && let Some(first) = ids.insert(id.clone(), place.clone())
            {
                return again("id", &id, &first);
            }
            Ok(CodeValue { place, text: code, arch, value, form })
        })
        .collect()
}

/// The form of the networks behind these truths, which the column `as` states. It must agree with
/// `form`, and it decides if `form` is `None`. Without both the form is nominal.
///
/// # Errors
/// [`Error::Invalid`], which names place and code, for a form that is unknown or another one.
pub fn common_form(entries: &[CodeValue], form: Option<Form>) -> Result<Form> {
    let mut common = form;
    for entry in entries {
        let field = format!("`as` of {}", entry.text);
        let stated = match entry.form.as_deref() {
            None => form.unwrap_or(Form::Nominal),
            Some("nominal") => Form::Nominal,
            Some("effective") => Form::Effective,
            Some(other) => {
                let expected = "nominal or effective";
                return Err(Error::invalid(&entry.place, field, expected, other));
            }
        };
        if stated != *common.get_or_insert(stated) {
            let expected = "one form of network (nominal or effective) throughout";
            return Err(Error::invalid(&entry.place, field, expected, "the other"));
        }
    }
    Ok(common.unwrap_or(Form::Nominal))
}

fn parse_value(place: &str, code: &str, text: &str, fraction: bool) -> Result<f64> {
    let invalid = |expected| Error::invalid(place, format!("number of {code}"), expected, text);
    let value: Option<f64> = text.trim().parse().ok();
    let value = value.filter(|v| v.is_finite()).ok_or_else(|| invalid("a finite number"))?;
    if fraction && !(0.0..=1.0).contains(&value) {
        return Err(invalid(
            "a fraction, 0 to 1 (accuracies in percent have to be divided by 100)",
        ));
    }
    Ok(value)
}

fn from_csv(file: &str, text: &str, columns: &[&str]) -> Result<Vec<Unparsed>> {
    let mut csv = Csv::parse(text, file, false)?;
    let header = csv.take_header()?;
    let (code, value) = (csv.only_column(&header, &CODE)?, csv.column(&header, columns)?);
    let (form, id) = (csv.find(&header, &[FORM])?, csv.find(&header, &[ID])?);
    let unparsed = |record: &Record| Unparsed {
        place: csv.at(record),
        id: id.map(|at| record.cells[at].clone()),
        code: record.cells[code].clone(),
        value: record.cells[value].clone(),
        form: form.map(|at| record.cells[at].clone()),
    };
    Ok(csv.records.iter().map(unparsed).collect())
}

fn from_json(file: &str, text: &str, columns: &[&str]) -> Result<Vec<Unparsed>> {
    let wanted = [&CODE[..], columns, &[ID, FORM]].concat();
    json::networks(text, file, &wanted)?
        .into_iter()
        .map(|(key, mut item)| {
            let place = format!("{file}: {key}");
            let mut codes = CODE.iter().filter_map(|n| item.take(n));
            let code = codes.next();
            if codes.next().is_some() {
                let expected = format!("one key of `{}`", CODE.join("` and `"));
                return Err(Error::invalid(&place, "entry", expected, "both"));
            }
            drop(codes);
            let value = columns.iter().find_map(|n| item.take(n));
            let needed = |found: Option<String>, names: &[&str]| {
                found.ok_or_else(|| {
                    let expected = format!("a key {}", names.join(" or "));
                    Error::invalid(&place, "entry", expected, "others")
                })
            };
            Ok(Unparsed {
                code: needed(code, &CODE)?,
                value: needed(value, columns)?,
                id: item.take(ID),
                form: item.take(FORM),
                place,
            })
        })
        .collect()
}

/// Scores and truths of the sub-networks that have a truth, in the order of the truths.
///
/// # Errors
/// [`Error::Invalid`] for fewer than three truths, and for a truth without a score, naming its line
/// and code.
pub fn matched(
    space: &Space<'_>,
    scores: &[CodeValue],
    truths: &[CodeValue],
) -> Result<(Vec<Arch>, Vec<f64>, Vec<f64>)> {
    let by_code: HashMap<u128, f64> =
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

/// The named space, or else the built-in one to which the codes of a file belong. If they belong to
/// none, the error is that of the first space.
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

//! JSON files. An object that has a key twice is refused: readers differ in which value they take.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess};
use serde::ser::Serialize;

use super::{ITEMS, read_text, without_mark, write};
use crate::error::{Error, Result};

/// Reads a JSON file, plain or compressed.
///
/// # Errors
/// As [`read_text`] and [`parse_json`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = read_text(path)?;
    parse_json(&text, &path.display().to_string(), std::any::type_name::<T>())
}

/// The value of a JSON text; `place` names the text in errors, `expected` the value.
///
/// # Errors
/// [`Error::Invalid`] with line and column for a text that is not such a value, and for an object
/// at any depth that has a key twice.
pub fn parse_json<T: DeserializeOwned>(text: &str, place: &str, expected: &str) -> Result<T> {
    distinct_keys(text, place)?;
    deserialise(text, place, expected)
}

/// As [`parse_json`], without a look for repeated keys: the caller names them better.
pub(crate) fn deserialise<T: DeserializeOwned>(
    text: &str,
    place: &str,
    expected: &str,
) -> Result<T> {
    check_items(text, place)?;
    serde_json::from_str(without_mark(text)).map_err(|e| located(place, expected, &e))
}

fn check_items(text: &str, place: &str) -> Result<()> {
    let separators = text.bytes().filter(|b| matches!(b, b',' | b'[' | b'{')).count();
    ITEMS.check(place, "values", separators as u64)
}

/// Checks that a text is JSON in which no object, at any depth, has a key twice, and that it holds
/// at most [`ITEMS`] values.
///
/// # Errors
/// [`Error::Invalid`] with line, column and key.
pub fn distinct_keys(text: &str, place: &str) -> Result<()> {
    check_items(text, place)?;
    serde_json::from_str::<DistinctKeys>(without_mark(text))
        .map(|DistinctKeys| ())
        .map_err(|e| located(place, "JSON with every key once in its object", &e))
}

fn located(place: &str, expected: &str, e: &serde_json::Error) -> Error {
    Error::invalid(format!("{place}:{}:{}", e.line(), e.column()), "JSON", expected, e)
}

/// Any JSON value without a repeated key.
struct DistinctKeys;

impl<'de> Deserialize<'de> for DistinctKeys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = DistinctKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_unit<E>(self) -> Result<DistinctKeys, E> {
        Ok(DistinctKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<DistinctKeys, A::Error> {
        while let Some(DistinctKeys) = items.next_element()? {}
        Ok(DistinctKeys)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DistinctKeys, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("key `{key}` again")));
            }
            seen.insert(key);
            let DistinctKeys = members.next_value()?;
        }
        Ok(DistinctKeys)
    }
}

/// Writes a JSON file, indented, as [`write()`] does.
///
/// # Errors
/// As [`write()`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::invalid(path.display(), "JSON", "finite values", e))?;
    bytes.push(b'\n');
    write(path, &bytes)
}

//! JSON files. An object that has a key twice is refused: readers differ in which value they take.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess,
};
use serde::ser::Serialize;

use super::{DOCUMENT, ITEMS, Limit, read_text, without_mark, write};
use crate::error::{Error, Result, parser_words};

/// Reads a JSON file, plain or compressed; `expected` names its contents in errors.
///
/// # Errors
/// As [`read_text`] and [`parse_json`].
pub fn read_json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    parse_json(&read_text(path)?, &path.display().to_string(), expected)
}

/// As [`read_json`], for a value that keeps everything in the file ([`serde_json::Value`]). It holds at
/// most [`DOCUMENT`] values.
///
/// # Errors
/// The errors of [`read_json`].
pub fn read_document<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    parse_document(&read_text(path)?, &path.display().to_string(), expected)
}

/// As [`parse_json`], for a value that keeps everything in the text. It holds at most [`DOCUMENT`]
/// values.
///
/// # Errors
/// The errors of [`parse_json`].
pub fn parse_document<T: DeserializeOwned>(text: &str, place: &str, expected: &str) -> Result<T> {
    check_items(text, place, &DOCUMENT)?;
    parse_json(text, place, expected)
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
    deserialise_with(std::marker::PhantomData, text, place, expected)
}

/// As [`deserialise`], by a seed.
pub(crate) fn deserialise_with<'t, S: DeserializeSeed<'t>>(
    seed: S,
    text: &'t str,
    place: &str,
    expected: &str,
) -> Result<S::Value> {
    check_items(text, place, &ITEMS)?;
    let mut text = serde_json::Deserializer::from_str(without_mark(text));
    let value = seed.deserialize(&mut text).and_then(|value| text.end().map(|()| value));
    value.map_err(|e| located(place, expected, &e))
}

fn check_items(text: &str, place: &str, limit: &Limit) -> Result<()> {
    let separators = text.bytes().filter(|b| matches!(b, b',' | b'[' | b'{')).count();
    limit.check(place, "values", separators as u64)
}

/// Checks that a text is JSON in which no object, at any depth, has a key twice, and that it holds
/// at most [`ITEMS`] values.
///
/// # Errors
/// [`Error::Invalid`] with line, column and key.
pub fn distinct_keys(text: &str, place: &str) -> Result<()> {
    check_items(text, place, &ITEMS)?;
    serde_json::from_str::<DistinctKeys>(without_mark(text))
        .map(|DistinctKeys| ())
        .map_err(|e| located(place, "JSON with every key once in its object", &e))
}

fn located(place: &str, expected: &str, e: &serde_json::Error) -> Error {
    Error::invalid(
        format!("{place}:{}:{}", e.line(), e.column()),
        "JSON",
        expected,
        parser_words(e),
    )
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

/// The text of a string, a number, a Boolean or null; other values are errors.
pub(crate) struct Plain(pub String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> serde::de::Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain("null".to_owned()))
    }

    /// With its feature `arbitrary_precision`, which other crates of a build may switch on,
    /// `serde_json` presents a number as a map that only its own type can read.
    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Plain, A::Error> {
        let number = serde_json::Number::deserialize(MapAccessDeserializer::new(members));
        number
            .map(|number| Plain(number.to_string()))
            .map_err(|_| A::Error::custom("an object, expected a text or a number"))
    }
}

/// Writes a JSON file, indented, as [`write()`] does.
///
/// # Errors
/// The errors of [`write()`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::invalid(path.display(), "JSON", "finite values", e))?;
    bytes.push(b'\n');
    write(path, &bytes)
}

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
    Json::parse(text, place, "JSON without repeated keys").map(drop)
}

fn located(place: &str, expected: &str, e: &serde_json::Error) -> Error {
    Error::invalid(format!("{place}:{}:{}", e.line(), e.column()), "JSON", expected, e)
}

/// A JSON value of unknown shape. Every key is once in its object, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// A string, or the text of a number, a Boolean or null.
    Plain(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Parses a text; `place` names it in errors, `expected` its value.
    ///
    /// # Errors
    /// As [`parse_json`].
    pub fn parse(text: &str, place: &str, expected: &str) -> Result<Self> {
        deserialise(text, place, expected)
    }

    /// The member of an object with this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    /// A short description for errors: the text, or the keys of an object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Object(members) => {
                let keys: Vec<&str> = members.iter().take(10).map(|(k, _)| k.as_str()).collect();
                write!(f, "an object with the keys {}", keys.join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Plain(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Plain(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Plain("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let (mut object, mut seen) = (Vec::new(), HashSet::new());
        while let Some(key) = members.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("key `{key}` again")));
            }
            object.push((key, members.next_value()?));
        }
        Ok(Json::Object(object))
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

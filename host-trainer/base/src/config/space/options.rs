//! Values of a space's table that have a short and a long form.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use supernano_core::space::GLOBAL;

/// Rows and columns of a kernel or a stride: `3`, or `"10x4"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sides(pub [u8; 2]);

/// A list, which is written as its element if it has only one.
#[derive(Clone, Debug, PartialEq)]
pub struct Several<T>(pub Vec<T>);

/// The kernel of a pool: `"global"`, or sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolSides(pub [u8; 2]);

impl Sides {
    fn parse(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(side) => Some(Self([u8::try_from(*side).ok()?; 2])),
            toml::Value::String(text) => {
                let (rows, columns) = text.split_once('x')?;
                Some(Self([rows.parse().ok()?, columns.parse().ok()?]))
            }
            _ => None,
        }
    }
}

fn refused<E: serde::de::Error>(expected: &str, found: &toml::Value) -> E {
    E::custom(format!("expected {expected}, found `{found}`"))
}

impl<'de> Deserialize<'de> for Sides {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a number such as 3, or rows and columns such as \"10x4\"";
        let value = toml::Value::deserialize(from)?;
        Self::parse(&value).ok_or_else(|| refused(EXPECTED, &value))
    }
}

impl Serialize for Sides {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [rows, columns] if rows == columns => to.serialize_u8(rows),
            [rows, columns] => to.serialize_str(&format!("{rows}x{columns}")),
        }
    }
}

impl<'de> Deserialize<'de> for PoolSides {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "\"global\", a number, or rows and columns such as \"2x1\"";
        let value = toml::Value::deserialize(from)?;
        if value.as_str() == Some("global") {
            return Ok(Self(GLOBAL));
        }
        let sides = Sides::parse(&value).filter(|sides| sides.0 != GLOBAL);
        sides.map(|sides| Self(sides.0)).ok_or_else(|| refused(EXPECTED, &value))
    }
}

impl Serialize for PoolSides {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            GLOBAL => to.serialize_str("global"),
            sides => Sides(sides).serialize(to),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(from)?;
        let values = match value {
            toml::Value::Array(values) => values,
            single => vec![single],
        };
        let one = |value: toml::Value| {
            value.try_into().map_err(|e: toml::de::Error| D::Error::custom(e.message()))
        };
        values.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: Serialize> Serialize for Several<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [single] => single.serialize(to),
            all => all.serialize(to),
        }
    }
}

//! Search spaces as configurations name or define them.

use serde::{Deserialize, Serialize};
use supernano_core::space::{BUILTIN, Block, Layer, Shape, Shortcut, Space};

use crate::space::SharedSpace;

/// A space by name, or one of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceSpec {
    space: SharedSpace,
    builtin: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpaceTable {
    name: String,
    input: Shape,
    classes: u16,
    layers: Vec<LayerTable>,
    blocks: Vec<BlockName>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerTable {
    widths: Vec<u16>,
    #[serde(default = "three")]
    kernel: u8,
    #[serde(default = "one")]
    stride: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    same_as: Option<u8>,
}

fn three() -> u8 {
    3
}

fn one() -> u8 {
    1
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BlockName {
    Conv,
    Identity,
    Projection,
}

impl SpaceSpec {
    /// A space that comes with the crate.
    pub fn builtin(name: &str) -> Option<Self> {
        let space = BUILTIN.iter().find(|s| s.name == name)?;
        Some(Self { space: SharedSpace::of(space), builtin: true })
    }

    /// The space, with another number of classes if one is given.
    pub fn space(&self, classes: Option<u16>) -> Space<'_> {
        let space = self.space.get();
        Space { classes: classes.unwrap_or(space.classes), ..space }
    }
}

impl Serialize for SpaceSpec {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let space = self.space.get();
        if self.builtin {
            return to.serialize_str(space.name);
        }
        SpaceTable {
            name: space.name.to_owned(),
            input: space.input,
            classes: space.classes,
            layers: space
                .layers
                .iter()
                .map(|l| LayerTable {
                    widths: l.widths.to_vec(),
                    kernel: l.kernel,
                    stride: l.stride,
                    same_as: l.same_as,
                })
                .collect(),
            blocks: space
                .blocks
                .iter()
                .map(|b| match b {
                    Block::Conv => BlockName::Conv,
                    Block::Residual(Shortcut::Identity) => BlockName::Identity,
                    Block::Residual(Shortcut::Projection) => BlockName::Projection,
                })
                .collect(),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for SpaceSpec {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = toml::Value::deserialize(from)?;
        if let Some(name) = value.as_str() {
            let names: Vec<_> = BUILTIN.iter().map(|s| s.name).collect();
            return Self::builtin(name).ok_or_else(|| {
                D::Error::custom(format!(
                    "space: expected one of {} or a table, found `{name}`",
                    names.join(", ")
                ))
            });
        }
        let table: SpaceTable =
            value.try_into().map_err(|e| D::Error::custom(format!("space: {e}")))?;
        Ok(Self { space: table.shared(), builtin: false })
    }
}

impl SpaceTable {
    fn shared(&self) -> SharedSpace {
        let layers: Vec<Layer<'_>> = self
            .layers
            .iter()
            .map(|l| Layer {
                widths: &l.widths,
                kernel: l.kernel,
                stride: l.stride,
                same_as: l.same_as,
            })
            .collect();
        let blocks: Vec<Block> = self
            .blocks
            .iter()
            .map(|b| match b {
                BlockName::Conv => Block::Conv,
                BlockName::Identity => Block::Residual(Shortcut::Identity),
                BlockName::Projection => Block::Residual(Shortcut::Projection),
            })
            .collect();
        SharedSpace::of(&Space {
            name: &self.name,
            input: self.input,
            classes: self.classes,
            layers: &layers,
            blocks: &blocks,
            ignored_digits: 0,
        })
    }
}

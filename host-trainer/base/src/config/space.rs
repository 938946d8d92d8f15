//! Search spaces as configurations name or define them (`docs/own-space.md`).

mod blocks;
mod options;

use serde::{Deserialize, Serialize};
use supernano_core::space::{BUILTIN, Block, Layer, Shape, Shortcut, Space};

use self::blocks::BlockSpace;
use crate::space::SharedSpace;

/// A space by name, or one of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceSpec {
    space: SharedSpace,
    source: Source,
}

/// Where a space comes from, and how it is written again.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// Its name.
    Builtin,
    /// Lists of layers and blocks, of residual networks alone.
    Layers,
    /// A table for each block.
    Blocks(Box<BlockSpace>),
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
        Some(Self { space: SharedSpace::of(space), source: Source::Builtin })
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
        match &self.source {
            Source::Builtin => return to.serialize_str(space.name),
            Source::Blocks(table) => return table.serialize(to),
            Source::Layers => {}
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
                    kernel: l.kernel()[0],
                    stride: l.stride[0],
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
                    _ => unreachable!("lists of layers have no other blocks"),
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
        let invalid = |e: String| D::Error::custom(format!("space: {}", e.trim()));
        if value.get("block").is_some() {
            let table: BlockSpace =
                value.try_into().map_err(|e: toml::de::Error| invalid(e.to_string()))?;
            let space = table.shared().map_err(invalid)?;
            return Ok(Self { space, source: Source::Blocks(Box::new(table)) });
        }
        let table: SpaceTable =
            value.try_into().map_err(|e| D::Error::custom(format!("space: {e}")))?;
        Ok(Self { space: table.shared(), source: Source::Layers })
    }
}

impl SpaceTable {
    fn shared(&self) -> SharedSpace {
        let kernels: Vec<_> = self.layers.iter().map(|l| [[l.kernel; 2]]).collect();
        let layers: Vec<Layer<'_>> = self
            .layers
            .iter()
            .zip(&kernels)
            .map(|(l, kernels)| Layer {
                kernels,
                same_as: l.same_as,
                ..Layer::conv(&l.widths, l.kernel, l.stride)
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
            ..Space::EMPTY
        })
    }
}

#[cfg(test)]
mod tests;

//! Search spaces as configurations name or define them.

use serde::{Deserialize, Serialize};
use supernano_core::space::{BUILTIN, Block, Layer, Shape, Shortcut, Space};

/// A space by name, or one of the user's own. Lives as long as the process, as do the few
/// configurations that it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpaceSpec {
    space: &'static Space<'static>,
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
        BUILTIN.iter().find(|s| s.name == name).map(|space| Self { space, builtin: true })
    }

    /// The space, with another number of classes where one is given.
    pub fn space(&self, classes: Option<u16>) -> &'static Space<'static> {
        match classes {
            Some(classes) if classes != self.space.classes => {
                Box::leak(Box::new(Space { classes, ..*self.space }))
            }
            _ => self.space,
        }
    }
}

impl Serialize for SpaceSpec {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.builtin {
            return to.serialize_str(self.space.name);
        }
        SpaceTable {
            name: self.space.name.to_owned(),
            input: self.space.input,
            classes: self.space.classes,
            layers: self
                .space
                .layers
                .iter()
                .map(|l| LayerTable {
                    widths: l.widths.to_vec(),
                    kernel: l.kernel,
                    stride: l.stride,
                    same_as: l.same_as,
                })
                .collect(),
            blocks: self
                .space
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
        Ok(Self { space: Box::leak(Box::new(table.leak())), builtin: false })
    }
}

impl SpaceTable {
    fn leak(self) -> Space<'static> {
        let layers: Vec<Layer<'static>> = self
            .layers
            .into_iter()
            .map(|l| Layer {
                widths: l.widths.leak(),
                kernel: l.kernel,
                stride: l.stride,
                same_as: l.same_as,
            })
            .collect();
        let blocks: Vec<Block> = self
            .blocks
            .into_iter()
            .map(|b| match b {
                BlockName::Conv => Block::Conv,
                BlockName::Identity => Block::Residual(Shortcut::Identity),
                BlockName::Projection => Block::Residual(Shortcut::Projection),
            })
            .collect();
        Space {
            name: self.name.leak(),
            input: self.input,
            classes: self.classes,
            layers: layers.leak(),
            blocks: blocks.leak(),
            ignored_digits: 0,
        }
    }
}

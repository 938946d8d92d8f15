//! A space as a table for each block.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use supernano_core::graph::Form;
use supernano_core::space::{
    Activation, Block, GLOBAL, Head, Layer, MAX_LAYERS, PAPER, Padding, Shape, Shortcut, Skip,
    Space, Stage,
};

use super::options::{PoolSides, Several, Sides};
use crate::space::SharedSpace;

/// The table of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockSpace {
    name: String,
    classes: u16,
    input: Input,
    /// Nominal and effective width; the paper's rule if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enhance: Option<BTreeMap<String, u16>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<HeadTable>,
    block: Vec<BlockTable>,
}

/// The image: fixed sides, or resolutions to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
    channels: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Several<u16>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadTable {
    kind: Head,
}

/// A block, or with a depth several blocks, the first of which has the stride.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockTable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<Several<u8>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conv: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    residual: Option<Residual>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    separable: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inverted: Option<Inverted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<Pool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dense: Option<Dense>,
}

fn three() -> Several<Sides> {
    Several(vec![Sides([3; 2])])
}

fn one() -> Sides {
    Sides([1; 2])
}

fn relu() -> Activation {
    Activation::Relu
}

// The blocks repeat the fields of a window: serde refuses no unknown field in a flattened struct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    widths: Several<u16>,
    #[serde(default = "three")]
    kernel: Several<Sides>,
    #[serde(default = "one")]
    stride: Sides,
    #[serde(default)]
    padding: Padding,
    #[serde(default = "relu")]
    activation: Activation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Residual {
    widths: Several<u16>,
    #[serde(default = "three")]
    kernel: Several<Sides>,
    #[serde(default = "one")]
    stride: Sides,
    #[serde(default)]
    padding: Padding,
    #[serde(default = "relu")]
    activation: Activation,
    #[serde(default = "projection")]
    shortcut: Shortcut,
}

fn projection() -> Shortcut {
    Shortcut::Projection
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inverted {
    widths: Several<u16>,
    expansion: Several<u16>,
    #[serde(default = "three")]
    kernel: Several<Sides>,
    #[serde(default = "one")]
    stride: Sides,
    #[serde(default)]
    padding: Padding,
    #[serde(default = "relu")]
    activation: Activation,
    #[serde(default = "fits")]
    shortcut: Skip,
}

fn fits() -> Skip {
    Skip::WhereItFits
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PoolKind {
    Average,
    Maximum,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    kind: PoolKind,
    kernel: PoolSides,
    /// The kernel if it is missing; 1 for a global pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stride: Option<Sides>,
    #[serde(default = "valid")]
    padding: Padding,
}

fn valid() -> Padding {
    Padding::Valid
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dense {
    widths: Several<u16>,
    #[serde(default = "relu")]
    activation: Activation,
}

/// A layer with lists of its own.
#[derive(Clone)]
struct Owned {
    form: Form,
    widths: Vec<u16>,
    expands: bool,
    same_as: Option<u8>,
    kernels: Vec<[u8; 2]>,
    stride: [u8; 2],
    padding: Padding,
    activation: Activation,
}

impl Owned {
    /// A pointwise layer.
    fn point(widths: &[u16], activation: Activation) -> Self {
        Self {
            form: Form::Full,
            widths: widths.to_vec(),
            expands: false,
            same_as: None,
            kernels: vec![[1, 1]],
            stride: [1, 1],
            padding: Padding::Half,
            activation,
        }
    }

    fn borrowed(&self) -> Layer<'_> {
        Layer {
            form: self.form,
            widths: &self.widths,
            expands: self.expands,
            same_as: self.same_as,
            kernels: &self.kernels,
            stride: self.stride,
            padding: self.padding,
            activation: self.activation,
        }
    }
}

impl Several<Sides> {
    fn sides(&self) -> Vec<[u8; 2]> {
        self.0.iter().map(|sides| sides.0).collect()
    }
}

/// The layers and blocks so far.
#[derive(Default)]
struct Network {
    layers: Vec<Owned>,
    blocks: Vec<Block>,
}

impl Network {
    /// The layer whose option the output of the last block has, if there is one.
    fn width_source(&self) -> Option<u8> {
        let last = self.layers.len().checked_sub(1)?;
        (!self.layers[last].widths.is_empty())
            .then(|| self.layers[last].same_as.unwrap_or(last as u8))
    }

    /// Ties a layer to the width that its block reads.
    fn tied(&self, layer: Owned) -> Owned {
        let tie = self.width_source();
        let widths = tie.map(|tie| self.layers[usize::from(tie)].widths.clone());
        Owned { same_as: tie, widths: widths.unwrap_or_default(), ..layer }
    }

    /// Adds a block. Only the first of a stage has its stride.
    fn push(&mut self, table: &BlockTable, first: bool) {
        let strided = |stride: &Sides| if first { stride.0 } else { [1, 1] };
        if let Some(w) = &table.conv {
            self.layers.push(w.layer(Form::Full, &w.widths.0, strided(&w.stride)));
            self.blocks.push(Block::Conv);
        }
        if let Some(r) = &table.residual {
            let Residual { widths, kernel, padding, activation, .. } = r.clone();
            let window = Window { widths, kernel, stride: one(), padding, activation };
            let second = window.layer(Form::Full, &window.widths.0, [1, 1]);
            let second = match r.shortcut {
                Shortcut::Identity => self.tied(second),
                Shortcut::Projection => second,
            };
            let one = window.layer(Form::Full, &window.widths.0, strided(&r.stride));
            self.layers.extend([one, second]);
            self.blocks.push(Block::Residual(r.shortcut));
        }
        if let Some(w) = &table.separable {
            let depthwise = w.layer(Form::Depthwise, &[], strided(&w.stride));
            self.layers.extend([depthwise, Owned::point(&w.widths.0, w.activation)]);
            self.blocks.push(Block::Separable);
        }
        if let Some(i) = &table.inverted {
            let expand = Owned { expands: true, ..Owned::point(&i.expansion.0, i.activation) };
            let depthwise = Owned {
                form: Form::Depthwise,
                widths: Vec::new(),
                kernels: i.kernel.sides(),
                stride: strided(&i.stride),
                padding: i.padding,
                ..expand.clone()
            };
            let depthwise = Owned { expands: false, ..depthwise };
            let project = Owned::point(&i.widths.0, Activation::None);
            let project = match i.shortcut {
                Skip::Identity => self.tied(project),
                Skip::None | Skip::WhereItFits => project,
            };
            self.layers.extend([expand, depthwise, project]);
            self.blocks.push(Block::Inverted(i.shortcut));
        }
        if let Some(p) = &table.pool {
            let default = if p.kernel.0 == GLOBAL { [1, 1] } else { p.kernel.0 };
            self.layers.push(Owned {
                form: match p.kind {
                    PoolKind::Average => Form::Average,
                    PoolKind::Maximum => Form::Maximum,
                },
                kernels: vec![p.kernel.0],
                stride: p.stride.map_or(default, |stride| stride.0),
                padding: p.padding,
                ..Owned::point(&[], Activation::None)
            });
            self.blocks.push(Block::Pool);
        }
        if let Some(d) = &table.dense {
            self.layers
                .push(Owned { form: Form::Dense, ..Owned::point(&d.widths.0, d.activation) });
            self.blocks.push(Block::Dense);
        }
    }
}

impl Window {
    fn layer(&self, form: Form, widths: &[u16], stride: [u8; 2]) -> Owned {
        Owned {
            form,
            kernels: self.kernel.sides(),
            stride,
            padding: self.padding,
            ..Owned::point(widths, self.activation)
        }
    }
}

impl BlockTable {
    /// Number of kinds that the table names; a block has one.
    fn kinds(&self) -> usize {
        let Self { depth: _, conv, residual, separable, inverted, pool, dense } = self;
        [
            conv.is_some(),
            residual.is_some(),
            separable.is_some(),
            inverted.is_some(),
            pool.is_some(),
            dense.is_some(),
        ]
        .into_iter()
        .filter(|some| *some)
        .count()
    }
}

impl Input {
    /// The largest image and the resolutions to choose from.
    fn shape(&self) -> Result<(Shape, Vec<u16>), String> {
        const EXPECTED: &str = "input: expected `height` and `width`, or `resolution`";
        let channels = self.channels;
        match (self.height, self.width, &self.resolution) {
            (Some(height), Some(width), None) => {
                Ok((Shape { height, width, channels }, Vec::new()))
            }
            (None, None, Some(Several(sides))) => {
                let side = *sides.last().ok_or("input.resolution: expected at least one side")?;
                let sides = if sides.len() > 1 { sides.clone() } else { Vec::new() };
                Ok((Shape { height: side, width: side, channels }, sides))
            }
            (None, None, None) => Err(format!("{EXPECTED}, found neither")),
            (Some(_), None, _) => Err(format!("{EXPECTED}, found `height` alone")),
            (None, Some(_), _) => Err(format!("{EXPECTED}, found `width` alone")),
            (_, _, Some(_)) => Err(format!("{EXPECTED}, found both")),
        }
    }
}

impl BlockSpace {
    /// The space, not validated.
    ///
    /// # Errors
    /// A text that names field, expected and found.
    pub fn shared(&self) -> Result<SharedSpace, String> {
        let (input, resolutions) = self.input.shape()?;
        let mut enhanced = PAPER.to_vec();
        if let Some(rule) = &self.enhance {
            enhanced = Vec::with_capacity(rule.len());
            for (from, &to) in rule {
                let from = from.parse().map_err(|_| {
                    format!("enhance: expected a width in front of `=`, found `{from}`")
                })?;
                enhanced.push([from, to]);
            }
            enhanced.sort_unstable();
        }
        let mut network = Network::default();
        let mut stages: Vec<(u8, &[u8])> = Vec::new();
        for (i, table) in self.block.iter().enumerate() {
            if table.kinds() != 1 {
                let expected =
                    "one of `conv`, `residual`, `separable`, `inverted`, `pool` and `dense`";
                let found = table.kinds();
                return Err(format!("block {}: expected {expected}, found {found}", i + 1));
            }
            let depths = table.depth.as_ref().map(|depths| &depths.0[..]);
            if let Some(depths) = depths.filter(|depths| depths.len() > 1) {
                // Validation refuses a space with more layers than an index of 8 bits has.
                stages.push((network.blocks.len().min(255) as u8, depths));
            }
            let last = depths.map_or(Some(&1), <[u8]>::last);
            let blocks = *last.ok_or_else(|| {
                format!("block {}: depth: expected at least one number, found none", i + 1)
            })?;
            for position in 0..blocks {
                network.push(table, position == 0);
                // A file could name far more.
                if network.layers.len() > MAX_LAYERS {
                    let expected = format!("at most {MAX_LAYERS} layers up to here");
                    return Err(format!("block {}: expected {expected}, found more", i + 1));
                }
            }
        }
        let layers: Vec<Layer<'_>> = network.layers.iter().map(Owned::borrowed).collect();
        let stages: Vec<Stage<'_>> =
            stages.into_iter().map(|(first, depths)| Stage { first, depths }).collect();
        Ok(SharedSpace::of(&Space {
            name: &self.name,
            input,
            resolutions: &resolutions,
            classes: self.classes,
            head: self.head.as_ref().map_or(Head::Classes, |head| head.kind),
            layers: &layers,
            blocks: &network.blocks,
            stages: &stages,
            enhanced: &enhanced,
            ignored_digits: 0,
        }))
    }
}

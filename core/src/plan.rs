//! Plans: the widths, weights and activations that a sub-network computes with.
//!
//! [`resolve`] applies the enhancement R(s) of the paper (section 2.2) and the branch scheme
//! (section 2.3) to a code. It is the only code that knows both rules. Trainer, ranking, search and
//! exporter read the resulting [`Plan`]: [`Plan::nodes`] yields its operations, and [`Extents`] has
//! the weights of the supernet of which they use a part.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::arch::{Arch, Effective, Nominal};
use crate::graph::Geometry;
use crate::shape::Shape;
use crate::space::{Block, MAX_LAYERS, Part, Site, Space};

mod extent;
mod node;

pub use crate::space::Activation;
pub use extent::{Extent, Extents, branches, max_width};
pub use node::Node;

/// The rule from nominal to effective widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WidthRule {
    /// Effective widths equal nominal widths.
    None,
    /// Options enhancement: the rule of the space ([`Space::enhanced`]). The paper's, which is the
    /// default, computes 4 as 5 and 8 as 9.
    Oe,
}

/// The layers in which PReLU replaces ReLU and ReLU6. Layers without an activation keep none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationScope {
    /// No layer.
    None,
    /// The second layer of every residual block, after the addition (the reference code).
    AfterAdd,
    /// Every layer.
    All,
    /// Layers whose nominal width is 4 or 8 (the paper's argument).
    NarrowOnly,
}

/// Candidate enhancement R(s), section 2.2 of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enhancement {
    /// Rule for the widths.
    pub widths: WidthRule,
    /// Layers with PReLU.
    pub activation: ActivationScope,
}

impl Enhancement {
    /// No enhancement: the form of the challenge's ground-truth networks.
    pub const NONE: Self = Self { widths: WidthRule::None, activation: ActivationScope::None };
    /// Options enhancement only.
    pub const OE: Self = Self { widths: WidthRule::Oe, activation: ActivationScope::None };
    /// Options enhancement and PReLU, as in the reference code.
    pub const PRELU_OE: Self =
        Self { widths: WidthRule::Oe, activation: ActivationScope::AfterAdd };

    /// The width that is computed in place of a nominal one.
    pub fn effective(self, space: &Space<'_>, nominal: Nominal) -> Effective {
        Effective(match self.widths {
            WidthRule::Oe => space.enhanced(nominal.0),
            WidthRule::None => nominal.0,
        })
    }

    fn activation(self, stated: Activation, nominal: Nominal, after_add: bool) -> Activation {
        let prelu = match self.activation {
            ActivationScope::None => false,
            ActivationScope::AfterAdd => after_add,
            ActivationScope::All => true,
            ActivationScope::NarrowOnly => matches!(nominal.0, 4 | 8),
        };
        if prelu && stated != Activation::None { Activation::Prelu } else { stated }
    }
}

/// The grouping of a layer's options into branches, each with its own copy of the weights (section
/// 2.3 of the paper).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BranchScheme {
    /// One branch for all options.
    Shared,
    /// Two branches: the lower and the upper half of the options (the paper's text, second stage).
    Halves,
    /// One branch per option (the paper's text, last stage).
    Exclusive,
    /// (c - 1) div (max / 4), with the effective width c and the largest width max (the reference's
    /// step 3).
    #[serde(rename = "reference-4")]
    Reference4,
    /// (c - 1) div 4: 4, 8 and 16 branches for a largest width of 16, 32 and 64 (the reference's
    /// step 4).
    ReferenceFine,
}

impl BranchScheme {
    /// Branch of an option of a layer that offers `widths`.
    fn branch(self, widths: &[u16], option: u8, effective: Effective) -> u8 {
        let bin = |size: u16| ((effective.0 - 1) / size.max(1)) as u8;
        match self {
            Self::Shared => 0,
            Self::Halves => u8::from(usize::from(option) >= widths.len().div_ceil(2)),
            Self::Exclusive => option,
            Self::Reference4 => bin(widths[widths.len() - 1] / 4),
            Self::ReferenceFine => bin(4),
        }
    }
}

/// A resolved layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLayer {
    /// False for a layer that the sub-network leaves out. Its other fields mean nothing then, and are
    /// the same in all such layers but for the width, which passes through.
    pub kept: bool,
    /// Width in the code; 0 for a layer whose width follows from what it reads.
    pub nominal: Nominal,
    /// Channels read.
    pub input: Effective,
    /// Channels written.
    pub output: Effective,
    /// Branch of the weights. The shortcut of a block uses the branch of the block's last layer;
    /// the classifier uses that of the last layer. A separable block's depthwise layer and a pool
    /// have the branch of what they read; expansions and the depthwise layers behind them have one
    /// branch.
    pub branch: u8,
    /// Activation after the layer; for the second layer of a residual block, after the addition.
    pub activation: Activation,
    /// Kernel, stride and padding.
    pub geometry: Geometry,
    /// Rows and columns of the map that is read.
    pub read: [u16; 2],
}

impl PlanLayer {
    /// A layer that is left out behind a layer of this width and branch.
    const fn left_out(width: Effective, branch: u8) -> Self {
        Self {
            kept: false,
            nominal: Nominal(0),
            input: width,
            output: width,
            branch,
            activation: Activation::None,
            geometry: Geometry::POINT,
            read: [0; 2],
        }
    }
}

/// A resolved sub-network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Layers in the order of [`Space::layers`], left-out ones included.
    pub layers: Vec<PlanLayer, MAX_LAYERS>,
    /// Shape of the images.
    pub image: Shape,
}

/// The cost of a sub-network, independent of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates per inference: convolutions, dense layers, shortcuts and classifier.
    pub macs: u64,
    /// Weights, biases, and two batch-norm parameters per channel. PReLU slopes are not counted.
    pub params: u64,
}

/// Resolves a sub-network of a validated space.
pub fn resolve(
    space: &Space<'_>,
    arch: &Arch,
    enhancement: Enhancement,
    scheme: BranchScheme,
) -> Plan {
    let image = arch.image(space);
    let mut plan = Plan { layers: Vec::new(), image };
    let mut at = State { map: image, width: Effective(image.channels), branch: 0 };
    for placed in space.placed_blocks() {
        let (entry, kept) = (at.width, arch.keeps(space, placed.index));
        for i in placed.first..=placed.last() {
            let layer = &space.layers[i];
            if !kept || arch.expansion(space, i) == Some(1) {
                // An expansion has one branch.
                let branch = if kept { 0 } else { at.branch };
                plan.layers.extend([PlanLayer::left_out(at.width, branch)]);
                continue;
            }
            let nominal = arch.nominal(space, i);
            let output = match (arch.expansion(space, i), layer.widths) {
                (Some(factor), _) => Effective(factor * entry.0),
                (None, []) => at.width,
                (None, _) => enhancement.effective(space, nominal),
            };
            let branch = match (layer.widths, placed.block) {
                _ if matches!(placed.block, Block::Inverted(_)) && i != placed.last() => 0,
                ([], _) => at.branch,
                (widths, _) => scheme.branch(widths, arch.options()[i], output),
            };
            let after_add = matches!(placed.block, Block::Residual(_)) && i == placed.last();
            let geometry = layer.geometry(arch.kernel(space, i), at.map);
            plan.layers.extend([PlanLayer {
                kept: true,
                nominal,
                input: at.width,
                output,
                branch,
                activation: enhancement.activation(layer.activation, nominal, after_add),
                geometry,
                read: [at.map.height, at.map.width],
            }]);
            let map = layer.form.output(&geometry, at.map, output.0).unwrap_or(at.map);
            at = State { map, width: output, branch };
        }
    }
    plan
}

/// What the next layer reads.
struct State {
    map: Shape,
    width: Effective,
    branch: u8,
}

impl Plan {
    /// Channels read by the block whose first layer is `first`, and by its shortcut.
    pub fn block_input(&self, first: usize) -> Effective {
        self.layers[first].input
    }

    /// Channels that an operation reads and writes.
    pub fn widths(&self, site: Site) -> (Effective, Effective) {
        match site {
            Site::Layer(i) => (self.layers[i].input, self.layers[i].output),
            // A residual block has two layers.
            Site::Shortcut(last) => (self.block_input(last - 1), self.layers[last].output),
        }
    }

    /// Channels that the classifier reads.
    pub fn features(&self) -> Effective {
        self.last().output
    }

    /// Branch of the classifier.
    pub fn classifier_branch(&self) -> u8 {
        self.last().branch
    }

    /// The last layer, through which the last kept layer's width and branch pass. A validated space
    /// has at least one.
    fn last(&self) -> &PlanLayer {
        &self.layers[self.layers.len() - 1]
    }

    /// The kept blocks, and how they are wired.
    pub fn parts<'p, 's>(&'p self, space: &Space<'s>) -> impl Iterator<Item = Part> + use<'p, 's> {
        let space = *space;
        space.placed_blocks().filter_map(move |placed| {
            let [first, last] = [placed.first, placed.last()].map(|i| &self.layers[i]);
            last.kept.then(|| Part {
                placed,
                expands: first.kept,
                adds: match placed.block {
                    Block::Inverted(_) => first.input == last.output && space.may_add(placed),
                    _ => true,
                },
            })
        })
    }
}

/// Multiply-accumulates and parameters of a resolved sub-network.
pub fn cost(space: &Space<'_>, plan: &Plan) -> Cost {
    let mut cost = Cost { macs: 0, params: 0 };
    for node in plan.nodes(space) {
        cost.macs += node.macs();
        if node.form.weighted() {
            cost.params += node.weights() + 2 * u64::from(node.written.channels);
        }
    }
    let classifier = u64::from(plan.features().0) * u64::from(space.classes);
    Cost {
        macs: cost.macs + classifier,
        params: cost.params + classifier + u64::from(space.classes),
    }
}

#[cfg(test)]
mod tests;

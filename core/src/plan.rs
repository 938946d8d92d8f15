//! Plans: the widths, weights and activations that a sub-network computes with.
//!
//! [`resolve`] applies the enhancement R(s) of the paper (section 2.2) and the branch scheme
//! (section 2.3) to a code. It is the only code that knows both rules. Trainer, ranking, search and
//! exporter read the resulting [`Plan`].

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::arch::{Arch, Effective, Nominal};
use crate::space::{MAX_LAYERS, Site, Space};

/// The rule from nominal to effective widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WidthRule {
    /// Effective widths equal nominal widths.
    None,
    /// Options enhancement: 4 becomes 5, and 8 becomes 9.
    Oe,
}

/// The layers in which PReLU replaces ReLU.
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

    fn effective(self, nominal: Nominal) -> Effective {
        match (self.widths, nominal.0) {
            (WidthRule::Oe, 4) => Effective(5),
            (WidthRule::Oe, 8) => Effective(9),
            (_, w) => Effective(w),
        }
    }

    fn activation(self, nominal: Nominal, after_add: bool) -> Activation {
        let prelu = match self.activation {
            ActivationScope::None => false,
            ActivationScope::AfterAdd => after_add,
            ActivationScope::All => true,
            ActivationScope::NarrowOnly => matches!(nominal.0, 4 | 8),
        };
        if prelu { Activation::Prelu } else { Activation::Relu }
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

/// Activation of a layer. A PReLU has one slope per layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope times x below.
    Prelu,
}

/// A resolved layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLayer {
    /// Width in the code.
    pub nominal: Nominal,
    /// Channels read.
    pub input: Effective,
    /// Channels written.
    pub output: Effective,
    /// Branch of the weights. The shortcut of a block uses the branch of the block's last layer;
    /// the classifier uses that of the last layer.
    pub branch: u8,
    /// Activation after the layer; for the second layer of a residual block, after the addition.
    pub activation: Activation,
}

/// A resolved sub-network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Layers in the order of [`Space::layers`].
    pub layers: Vec<PlanLayer, MAX_LAYERS>,
}

/// The cost of a sub-network, independent of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates per inference: convolutions, shortcuts and classifier.
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
    let mut input = Effective(space.input.channels);
    let layers = space.convs().filter_map(|conv| {
        let Site::Layer(i) = conv.site else { return None };
        let nominal = arch.nominal(space, i);
        let output = enhancement.effective(nominal);
        let after_add = conv.residual.is_some();
        Some(PlanLayer {
            nominal,
            input: core::mem::replace(&mut input, output),
            output,
            branch: scheme.branch(space.layers[i].widths, arch.options()[i], output),
            activation: enhancement.activation(nominal, after_add),
        })
    });
    Plan { layers: layers.collect() }
}

impl Plan {
    /// Channels read by the block whose first layer is `first`, and by its shortcut.
    pub fn block_input(&self, first: usize) -> Effective {
        self.layers[first].input
    }

    /// Channels that a convolution reads and writes.
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

    /// The last layer. A validated space has at least one.
    fn last(&self) -> &PlanLayer {
        &self.layers[self.layers.len() - 1]
    }
}

/// Output channels that a copy of layer `i`'s weights must hold: its largest effective width.
pub fn max_width(space: &Space<'_>, i: usize, enhancement: Enhancement) -> Effective {
    space.layers[i]
        .widths
        .iter()
        .map(|&w| enhancement.effective(Nominal(w)))
        .max()
        .unwrap_or(Effective(0))
}

/// Number of branches of layer `i`.
pub fn branches(space: &Space<'_>, i: usize, enhancement: Enhancement, scheme: BranchScheme) -> u8 {
    let widths = space.layers[i].widths;
    let branch =
        |(o, &w): (usize, &u16)| scheme.branch(widths, o as u8, enhancement.effective(Nominal(w)));
    widths.iter().enumerate().map(branch).max().unwrap_or(0) + 1
}

/// Multiply-accumulates and parameters of a resolved sub-network.
pub fn cost(space: &Space<'_>, plan: &Plan) -> Cost {
    let mut cost = Cost { macs: 0, params: 0 };
    for conv in space.convs() {
        let (kernel, _) = space.geometry(conv.site);
        let (input, output) = plan.widths(conv.site);
        let weights = u64::from(kernel).pow(2) * u64::from(input.0) * u64::from(output.0);
        cost.macs += weights * space.output_of(conv.site.layer()).pixels() as u64;
        cost.params += weights + 2 * u64::from(output.0);
    }
    let classifier = u64::from(plan.features().0) * u64::from(space.classes);
    Cost {
        macs: cost.macs + classifier,
        params: cost.params + classifier + u64::from(space.classes),
    }
}

#[cfg(test)]
mod tests;

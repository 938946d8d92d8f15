//! From a sub-network to what is computed: enhancement, then the branch, then resolved widths.
//!
//! [`resolve`] is the only place that knows the proxy rule R(s) of the paper (section 2.2).

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::arch::{Arch, Effective, Nominal};
use crate::space::{MAX_LAYERS, Site, Space};

/// How nominal widths become effective ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WidthRule {
    /// As the code says.
    None,
    /// Options enhancement: 4 is computed as 5, 8 as 9.
    Oe,
}

/// Where ReLU becomes PReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationScope {
    /// Nowhere.
    None,
    /// After the residual addition of every block (the reference code).
    AfterAdd,
    /// Everywhere.
    All,
    /// In layers whose option is 4 or 8 (the paper's argument).
    NarrowOnly,
}

/// Candidate enhancement R(s), section 2.2 of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enhancement {
    /// Channels.
    pub widths: WidthRule,
    /// Activation.
    pub activation: ActivationScope,
}

impl Enhancement {
    /// Sub-networks as their codes say, with ReLU: the form of the challenge's truths.
    pub const NONE: Self = Self { widths: WidthRule::None, activation: ActivationScope::None };
    /// Options enhancement alone.
    pub const OE: Self = Self { widths: WidthRule::Oe, activation: ActivationScope::None };
    /// Both, as the reference code has them.
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

/// Which options of a layer share a copy of its weights (section 2.3 of the paper).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BranchScheme {
    /// One copy for all options.
    Shared,
    /// Two sets: the lower and the upper half of the options (the paper's text, second stage).
    Halves,
    /// A copy for every option (the paper's text, last stage).
    Exclusive,
    /// (c - 1) div (max / 4), c the effective and max the largest width (the reference's step 3).
    #[serde(rename = "reference-4")]
    Reference4,
    /// (c - 1) div 4: 4, 8, 16 branches for max 16, 32, 64 (the reference's step 4).
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

/// Activation of a layer. PReLU has one slope per layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope x below.
    Prelu,
}

/// One layer, final from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLayer {
    /// Width that the code says.
    pub nominal: Nominal,
    /// Channels read.
    pub input: Effective,
    /// Channels written.
    pub output: Effective,
    /// Copy of the weights that is used; the shortcut of a block uses that of the block's last
    /// layer, the classifier that of the last layer of all.
    pub branch: u8,
    /// Activation after the layer (for the last layer of a residual block: after the addition).
    pub activation: Activation,
}

/// A resolved sub-network: the input of the trainer's forward pass and of the exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In the order of [`Space::layers`].
    pub layers: Vec<PlanLayer, MAX_LAYERS>,
}

/// What a sub-network costs, whatever computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates of one inference (convolutions, shortcuts, classifier).
    pub macs: u64,
    /// Weights, biases, and two batch-norm parameters a channel; PReLU slopes are not counted.
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
    /// Channels that block input `first` reads: those of the shortcut.
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

/// Output channels that a copy of layer `i`'s weights must hold.
pub fn max_width(space: &Space<'_>, i: usize, enhancement: Enhancement) -> Effective {
    space.layers[i]
        .widths
        .iter()
        .map(|&w| enhancement.effective(Nominal(w)))
        .max()
        .unwrap_or(Effective(0))
}

/// Copies of layer `i`'s weights: one more than the largest branch of its options.
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

//! A search problem and its candidates.

use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::score::{ScoreModel, combine};
use super::tables::{Genes, Sums};
use crate::cost::{CostModel, Costs, Limits};

/// A sub-network with its predicted score and its exact costs.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredNetwork {
    /// The sub-network.
    pub arch: Arch,
    /// Predicted score, higher is better.
    pub score: f64,
    /// Exact costs on the device.
    pub costs: Costs,
    /// Kernel kinds of each block ([`crate::cost::BlockCost::kinds`]). Empty in spaces of other than
    /// residual networks, where every kernel is the default.
    pub kinds: Vec<u8>,
}

/// A search problem: a space, a score to maximise and limits on costs.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The validated search space.
    pub space: &'a Space<'a>,
    /// Score model.
    pub score: &'a dyn ScoreModel,
    /// Cost model.
    pub costs: &'a dyn CostModel,
    /// Limits on the exact costs.
    pub limits: Limits,
}

impl Problem<'_> {
    /// Linear score of the sums of a whole sub-network.
    #[inline]
    pub(super) fn linear(&self, sums: &Sums) -> f64 {
        combine(self.score, sums.score, sums.macs, sums.params)
    }

    /// The sub-network of these genes.
    pub(super) fn arch(&self, genes: &Genes) -> Arch {
        let free = self.space.free_layers().map(|i| genes[i]);
        Arch::from_options(self.space, free).expect("genes are options of the space")
    }

    /// Evaluates a sub-network with these kernel kinds: its score and its exact costs.
    pub(super) fn candidate(&self, arch: Arch, kinds: Vec<u8>) -> ScoredNetwork {
        let costs = self.costs.costs(&arch, &kinds);
        let score = self.score.link(self.score.whole(self.space, &arch));
        ScoredNetwork { arch, score, costs, kinds }
    }
}

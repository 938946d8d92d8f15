//! The weight-sharing network: its weights, its sub-networks, and their forward passes.
//!
//! [`Weights::subnet`] cuts a [`SubNet`] out of the [`Weights`], [`recalibrate`] computes its
//! [`BnStats`], and [`SubNet::fold`] makes the [`FoldedNet`] that is evaluated and exported. A
//! forward pass is a [`Visitor`] of the [`Step`]s of a network; [`Layers`] holds them.

pub mod duplicate;
mod evaluate;
mod evaluation;
mod folded;
mod forward;
mod layers;
pub(crate) mod maps;
mod net;
mod statistics;
mod subnet;
pub(crate) mod tree;
pub(crate) mod walk;
mod weights;

pub(crate) use evaluate::evaluate_tree;
pub use evaluate::{EvalSet, evaluate};
pub use evaluation::Evaluation;
pub use folded::FoldedNet;
pub use forward::recalibrate;
pub use forward::{TensorNet, forward_train};
pub use layers::{BlockPart, Layers, Step, Visitor, planned, steps, visit};
pub use net::{ActivationFn, BnConv, BnStats, FoldedConv, Linear, Net};
pub use statistics::RunningStats;
pub use subnet::SubNet;
pub(crate) use subnet::name;
pub use subnet::{TensorSource, part};
pub(crate) use weights::identity;
pub use weights::{Entry, Layout, Role, Weights};

/// Added to a variance before the square root is taken.
pub const BN_EPSILON: f32 = 1e-5;

#[cfg(test)]
mod tests;

//! Training: Algorithm 1 of arXiv 2108.05866, step after step, in a run directory that can be
//! resumed.
//!
//! [`train`] is the way in. It hands each step to an [`Engine`], which computes the updates on one
//! processor, and drives it with [`fit`], the one loop that every training here goes through
//! ([`standalone`] and fine-tuning for export as well).

mod cpu;
mod engine;
mod fit;
mod golden;
pub mod job;
pub mod loss;
mod panel;
pub mod params;
mod peers;
pub mod sampling;
mod sharing;
pub mod standalone;
pub mod state;
mod steps;
mod timed;
mod truths;

pub use cpu::{SlicedAccelerator, SlicedStep};
pub use engine::{Accelerator, Engine, Setup};
pub use fit::{Cut, EpochTotals, Learner, Losses, Position, Schedule, UpdateInput, fit};
pub use golden::{Golden, GoldenDifference, TensorSample};
pub use panel::{PANEL_IMAGES, Panel, PanelScore};
pub use peers::{FollowReport, FollowRequest, Meeting, follow, lead};
pub use sharing::{GradientSums, Gradients, Sharing};
pub use state::metrics;
pub use steps::{Begin, Epoch, Stop, train, train_stopping, train_until};
pub use timed::{TrainReport, TrainRequest, train_for};
pub use truths::{
    Existing, PlacedTruth, TruthIdentity, TruthRequest, TruthShard, make_truths, merge_truths,
};

#[cfg(test)]
mod tests;

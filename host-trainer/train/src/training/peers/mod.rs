//! Training on several processors: every peer holds all weights, trains its own paths of each update on
//! the same batch, and the peers exchange the sum of the gradients once per update, over TCP.
//!
//! The first peer ([`lead`]) runs the training: it alone has a run directory, and tells the others
//! ([`follow`]) the weights at the start of a step and the images and the rate of every update. The sum
//! goes from peer to peer in the order of the paths. On CPUs each adds the gradients of its paths one after
//! the other, so that the weights are, bit for bit, those of one processor. A GPU adds up its own paths
//! first.

mod follower;
mod leader;
mod line;
mod share;
mod sums;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_data::Dataset;

pub use self::follower::{FollowReport, FollowRequest, follow};
pub use self::leader::lead;
use self::line::Limits;
use self::wire::Hello;
use crate::run::fingerprint;
use crate::shard::ShardNumber;
use crate::supernet::Layout;
use crate::training::state::layout_of;

/// The contents of a mutex. Lines remain usable after a panic of another thread.
fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How peers find each other.
#[derive(Clone, Copy, Debug)]
pub struct Meeting<'a> {
    /// This peer and the number of peers. The first one leads.
    pub peer: ShardNumber,
    /// Where the first peer listens and the others connect, `HOST:PORT`.
    pub address: &'a str,
    /// Longest wait for another peer and for its messages.
    pub patience: Duration,
    /// Longest silence of a peer that has come. All peers give signs of life while they compute.
    pub silence: Duration,
}

impl Meeting<'_> {
    /// Limits of a connection in a training.
    fn limits(&self, config: &RunConfig) -> Limits {
        let outputs = usize::from(config.space().classes);
        let logits = config.steps.iter().map(|step| 4 * step.batch * outputs);
        let longest = layouts(config).iter().map(follower::begin_length).chain(logits).max();
        Limits { patience: self.patience, silence: self.silence, longest: longest.unwrap_or(0) }
    }

    /// What this peer says of itself.
    fn hello(&self, config: &RunConfig, dataset: &Dataset) -> Result<Hello> {
        let configuration = format!("{:016x}", fingerprint::of(config, config.steps.len())?);
        let data = fingerprint::of_images(dataset);
        Ok(Hello { peer: self.peer, configuration, data })
    }
}

/// The layout of each step.
fn layouts(config: &RunConfig) -> Vec<Layout> {
    let steps = 1..=config.steps.len();
    steps.map(|step| layout_of(config.shared_space(), config, step)).collect()
}

#[cfg(test)]
mod tests;

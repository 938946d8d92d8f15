//! Training on several processors: every peer holds all weights, trains its own paths of each update on
//! the same batch, and the peers exchange the sum of the gradients once per update, over TCP.
//!
//! The first peer ([`lead`]) runs the training: it alone has a run directory, and tells the others
//! ([`follow`]) the weights at the start of a step and the images and the rate of every update. The sum
//! goes from peer to peer in the order of the paths, and each adds the gradients of its paths one after
//! the other. So the weights are, bit for bit, those of one processor.

mod follower;
mod leader;
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
use self::wire::Hello;
use crate::run::fingerprint;
use crate::shard::ShardNumber;

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
    /// Longest wait for another peer.
    pub patience: Duration,
}

impl Meeting<'_> {
    /// What this peer says of itself.
    fn hello(&self, config: &RunConfig, dataset: &Dataset) -> Result<Hello> {
        let configuration = format!("{:016x}", fingerprint::of(config, config.steps.len())?);
        let data = fingerprint::of_images(dataset);
        Ok(Hello { peer: self.peer, configuration, data })
    }
}

#[cfg(test)]
mod tests;

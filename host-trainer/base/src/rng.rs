//! Counter-based random numbers: every draw is a function of what it is for, so that results
//! depend neither on threads nor on where a run was interrupted.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
pub use rand_chacha::ChaCha8Rng;

/// What random numbers are for; streams of different purposes never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Order of the training images of an epoch.
    Shuffle = 1,
    /// Augmentation; index = image.
    Augment = 2,
    /// Choice of sub-networks; index = update.
    Sample = 3,
    /// Initial weights; index = tensor.
    Init = 4,
    /// Generated images; index = image.
    Generate = 5,
    /// Split of a data set.
    Split = 6,
    /// Bootstrap resamples; index = resample.
    Bootstrap = 7,
    /// Evolutionary search; index = generation.
    Search = 8,
    /// Images for recalibration.
    Recalibrate = 9,
}

/// Where in a run a random number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u32,
    /// Training step (stage), 0 outside training.
    pub step: u64,
}

impl Key {
    /// Outside training.
    pub fn new(seed: u64) -> Self {
        Self { seed, epoch: 0, step: 0 }
    }

    /// The stream of (seed, epoch, step, purpose, index): ChaCha8 whose 256-bit key is these five
    /// numbers, so that different ones never share a stream.
    pub fn rng(self, purpose: Purpose, index: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.step.to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        key[24..28].copy_from_slice(&self.epoch.to_le_bytes());
        key[28..].copy_from_slice(&(purpose as u32).to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }

    /// A permutation of 0..n.
    pub fn permutation(self, purpose: Purpose, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut self.rng(purpose, 0));
        order
    }
}

//! Counter-based random numbers. Every draw is a function of its key, so results depend neither on
//! the number of threads nor on the point at which a run was interrupted.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
pub use rand_chacha::ChaCha8Rng;

/// The purpose of random numbers. Streams of different purposes are independent.
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
    /// Generation of images; index = image.
    Generate = 5,
    /// Split of a data set.
    Split = 6,
    /// Bootstrap resamples; index = resample.
    Bootstrap = 7,
    /// Evolutionary search; index = generation.
    Search = 8,
    /// Choice of the images for recalibration.
    Recalibrate = 9,
    /// Shares of mixup; index = image.
    Mix = 10,
}

/// The position in a run at which a random number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u32,
    /// Training step, 0 outside training.
    pub step: u64,
}

impl Key {
    /// The key outside training: epoch 0, step 0.
    pub fn new(seed: u64) -> Self {
        Self { seed, epoch: 0, step: 0 }
    }

    /// The stream of (seed, epoch, step, purpose, index): ChaCha8 whose 256-bit key is these five
    /// numbers, so different numbers never share a stream.
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

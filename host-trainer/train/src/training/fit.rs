//! The training loop.

use std::ops::{ControlFlow, Range};
use std::time::Instant;

use supernano_base::error::Result;
use supernano_base::progress::Task;
use supernano_base::rng::{Key, Purpose};

/// Losses, nats: of one update, or sums over several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// Of the largest network; 0 if it is not trained.
    pub largest: f64,
    /// Mean over the sub-networks (Eq. 2 in its cross-entropy form); 0 without any.
    pub students: f64,
}

impl Losses {
    /// Adds `other`.
    pub fn add(&mut self, other: Self) {
        self.largest += other.largest;
        self.students += other.students;
    }
}

/// The place of an update in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The update, counted from 0 over all epochs.
    pub update: u64,
    /// Updates of an epoch.
    pub per_epoch: u64,
}

impl Position {
    /// Epochs that have passed.
    pub fn epochs(self) -> f64 {
        self.update as f64 / self.per_epoch as f64
    }
}

/// One update.
#[derive(Clone, Debug)]
pub struct UpdateInput<'a> {
    /// The epoch's order of the training images.
    pub order: &'a [u32],
    /// The update's images, as places in `order`.
    pub range: Range<usize>,
    /// Key of the epoch.
    pub key: Key,
    /// The update, counted from 0 over all epochs.
    pub update: u64,
    /// Learning rate.
    pub rate: f32,
}

impl<'a> UpdateInput<'a> {
    /// The update's training images.
    pub fn indices(&self) -> &'a [u32] {
        &self.order[self.range.clone()]
    }
}

/// What a training computes. How it steps, reports and stops is [`fit`]'s.
pub trait Learner {
    /// Trains on the images of `input`. A learner that reads its losses seldom returns 0, and later
    /// the sum over several updates.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::NotFinite`].
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses>;

    /// Sum of the losses that no update has returned yet.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::NotFinite`].
    fn settle(&mut self) -> Result<Losses> {
        Ok(Losses::default())
    }
}

/// When a training does what.
pub struct Schedule<'a> {
    /// Seed of the order, of augmentation and of sampling.
    pub seed: u64,
    /// Training step, from 1; 0 outside a run.
    pub step: u64,
    /// Epochs that are trained: from the first that is not done to the last.
    pub epochs: Range<u32>,
    /// Training images to draw from.
    pub images: usize,
    /// Images of an epoch: the first of its order.
    pub used: usize,
    /// Images of an update.
    pub batch: usize,
    /// Fewest images of an update; a smaller last batch is left out.
    pub least: usize,
    /// Most updates of an epoch.
    pub updates: usize,
    /// Learning rate.
    pub rate: &'a dyn Fn(Position) -> f32,
    /// Updates of the first epoch that are done already.
    pub skip: u64,
    /// Asked before every update; true ends the training there.
    pub late: &'a dyn Fn() -> bool,
}

/// The place at which a training was ended within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Finished epochs.
    pub epoch: u32,
    /// Finished updates of the next epoch.
    pub updates: u64,
}

impl Schedule<'_> {
    /// Ranges of the updates of an epoch.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let (n, batch, least) = (self.used, self.batch, self.least);
        let ranges = (0..n).step_by(batch).map(move |from| from..(from + batch).min(n));
        ranges.filter(move |r| r.len() >= least).take(self.updates)
    }

    /// Updates of an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.ranges().count() as u64
    }
}

/// What an epoch of training came to.
#[derive(Clone, Copy, Debug)]
pub struct EpochTotals {
    /// Epochs done, this one included.
    pub epoch: u32,
    /// Its updates, without those that were done before.
    pub updates: u64,
    /// Its images.
    pub images: usize,
    /// Its time, seconds.
    pub seconds: f64,
    /// Mean losses over its updates, nats.
    pub losses: Losses,
}

/// Trains the epochs of a schedule. `after` is called after each one and may end the training. Returns
/// the place at which the schedule ended it within an epoch, if it did.
///
/// # Errors
/// Those of the learner and of `after`.
pub fn fit<L: Learner + ?Sized>(
    learner: &mut L,
    schedule: &Schedule<'_>,
    task: &dyn Task,
    mut after: impl FnMut(&mut L, EpochTotals) -> Result<ControlFlow<()>>,
) -> Result<Option<Cut>> {
    let per_epoch = schedule.per_epoch();
    for epoch in schedule.epochs.clone() {
        let key = Key { seed: schedule.seed, epoch, step: schedule.step };
        let order = key.permutation(Purpose::Shuffle, schedule.images);
        let first = u64::from(epoch) * per_epoch;
        let started = Instant::now();
        let (mut updates, mut images, mut sum) = (0u64, 0, Losses::default());
        let skipped = if epoch == schedule.epochs.start { schedule.skip } else { 0 };
        for (place, range) in (0..).zip(schedule.ranges()).skip(skipped as usize) {
            if (schedule.late)() {
                learner.settle()?;
                return Ok(Some(Cut { epoch, updates: place }));
            }
            let update = first + place;
            let rate = (schedule.rate)(Position { update, per_epoch });
            images += range.len();
            sum.add(learner.update(&UpdateInput { order: &order, range, key, update, rate })?);
            updates += 1;
            task.advance(1);
            let speed = images as f64 / started.elapsed().as_secs_f64();
            let shown = if sum.largest > 0.0 { sum.largest } else { sum.students };
            task.message(format!("{speed:.0} images/s, loss {:.3}", shown / updates as f64));
        }
        sum.add(learner.settle()?);
        let seconds = started.elapsed().as_secs_f64();
        let mean = |sum: f64| sum / updates.max(1) as f64;
        let losses = Losses { largest: mean(sum.largest), students: mean(sum.students) };
        let totals = EpochTotals { epoch: epoch + 1, updates, images, seconds, losses };
        if after(learner, totals)?.is_break() {
            break;
        }
    }
    Ok(None)
}

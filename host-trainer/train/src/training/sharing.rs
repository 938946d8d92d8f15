//! The division of an update's paths between processors.

use supernano_base::error::Result;

use super::{Losses, UpdateInput};

/// Gradients of the tensors of a layout; `None` without one.
pub type Gradients = Vec<Option<Vec<f32>>>;

/// The summed gradients of one processor.
pub trait GradientSums {
    /// Number of values of every tensor.
    fn lengths(&self) -> Vec<usize>;

    /// Reads the sums and clears them.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Tool`] if the processor fails.
    fn take(&mut self) -> Result<Gradients>;

    /// Replaces the sums.
    ///
    /// # Errors
    /// As [`Self::take`].
    fn put(&mut self, sums: Gradients) -> Result<()>;
}

/// Who trains which path of an update. Path 0 is the largest network, which teaches; the sub-networks
/// follow. What is shared is the sum of the gradients in the order of the paths. On the CPU, the update
/// is therefore, bit for bit, that of one processor.
pub trait Sharing {
    /// An update begins.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Tool`] naming the processor that does not answer.
    fn begin(&mut self, input: &UpdateInput<'_>) -> Result<()>;

    /// Divides the paths of an update. `cost` is the cost of a path.
    fn divide(&mut self, paths: usize, cost: &dyn Fn(usize) -> u64);

    /// True if this processor trains a path. Path 0 belongs to the first processor.
    fn trains(&self, path: usize) -> bool;

    /// Gives the teacher's logits, `[n, classes]`, to the other processors. `logits` reads them.
    ///
    /// # Errors
    /// As [`Self::begin`], and those of `logits`.
    fn teach(&mut self, logits: &mut dyn FnMut() -> Result<Vec<f32>>) -> Result<()>;

    /// Receives a number of logits from the processor of path 0.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn learn(&mut self, logits: usize) -> Result<Vec<f32>>;

    /// The gradients of one or more sub-networks are in the sums, and this is their part of the students'
    /// loss.
    ///
    /// # Errors
    /// Those of the sums.
    fn done(&mut self, sums: &mut dyn GradientSums, loss: f64) -> Result<()>;

    /// Replaces the sums of gradients and losses by those of all processors.
    ///
    /// # Errors
    /// As [`Self::begin`], and those of the sums.
    fn sum(&mut self, sums: &mut dyn GradientSums, losses: &mut Losses) -> Result<()>;

    /// True if a checkpoint is worth writing when another processor is lost.
    fn keeps(&self) -> bool;
}

/// One processor, which trains every path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Sharing for Alone {
    fn begin(&mut self, _: &UpdateInput<'_>) -> Result<()> {
        Ok(())
    }

    fn divide(&mut self, _: usize, _: &dyn Fn(usize) -> u64) {}

    fn trains(&self, _: usize) -> bool {
        true
    }

    fn teach(&mut self, _: &mut dyn FnMut() -> Result<Vec<f32>>) -> Result<()> {
        Ok(())
    }

    fn learn(&mut self, _: usize) -> Result<Vec<f32>> {
        // It trains path 0 itself.
        Ok(Vec::new())
    }

    fn done(&mut self, _: &mut dyn GradientSums, _: f64) -> Result<()> {
        Ok(())
    }

    fn sum(&mut self, _: &mut dyn GradientSums, _: &mut Losses) -> Result<()> {
        Ok(())
    }

    fn keeps(&self) -> bool {
        false
    }
}

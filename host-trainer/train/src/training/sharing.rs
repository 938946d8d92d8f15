//! The division of an update's paths between processors.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use supernano_base::error::Result;

use super::params::Params;
use super::{Losses, UpdateInput};

/// Logits of a network, `[n, classes]`, without a graph.
pub type Logits<B> = Tensor<<B as AutodiffBackend>::InnerBackend, 2>;

/// Who trains which path of an update. Path 0 is the largest network, which teaches; the sub-networks
/// follow. What is shared is the sum of the gradients in the order of the paths, so that the update is,
/// bit for bit, that of one processor.
pub trait Sharing<B: AutodiffBackend> {
    /// An update begins.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Tool`] naming the processor that does not answer.
    fn begin(&mut self, input: &UpdateInput<'_>) -> Result<()>;

    /// Divides the paths of an update. `cost` is the cost of a path.
    fn divide(&mut self, paths: usize, cost: &dyn Fn(usize) -> u64);

    /// True if this processor trains a path. Path 0 belongs to the first processor.
    fn trains(&self, path: usize) -> bool;

    /// Gives the teacher's logits of this shape to the others, or receives them.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn teacher(&mut self, own: Option<Logits<B>>, shape: [usize; 2]) -> Result<Option<Logits<B>>>;

    /// The gradients of a sub-network are in the sums, and this is its part of the students' loss.
    fn done(&mut self, params: &mut Params<B>, loss: f64);

    /// Replaces the sums of gradients and losses by those of all processors.
    ///
    /// # Errors
    /// As [`Self::begin`].
    fn sum(&mut self, params: &mut Params<B>, losses: &mut Losses) -> Result<()>;

    /// True if a checkpoint is worth writing when another processor is lost.
    fn keeps(&self) -> bool;
}

/// One processor, which trains every path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl<B: AutodiffBackend> Sharing<B> for Alone {
    fn begin(&mut self, _: &UpdateInput<'_>) -> Result<()> {
        Ok(())
    }

    fn divide(&mut self, _: usize, _: &dyn Fn(usize) -> u64) {}

    fn trains(&self, _: usize) -> bool {
        true
    }

    fn teacher(&mut self, own: Option<Logits<B>>, _: [usize; 2]) -> Result<Option<Logits<B>>> {
        Ok(own)
    }

    fn done(&mut self, _: &mut Params<B>, _: f64) {}

    fn sum(&mut self, _: &mut Params<B>, _: &mut Losses) -> Result<()> {
        Ok(())
    }

    fn keeps(&self) -> bool {
        false
    }
}

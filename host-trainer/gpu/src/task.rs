//! The interface of a task that runs on any device.

use burn::tensor::backend::AutodiffBackend;
use supernano_base::error::Result;

/// A task that runs on any device.
pub(crate) trait OnDevice {
    /// Result of the task.
    type Output;

    /// Runs the task on backend `B`.
    ///
    /// # Errors
    /// Those of the task.
    fn on<B: AutodiffBackend>(self) -> Result<Self::Output>;
}

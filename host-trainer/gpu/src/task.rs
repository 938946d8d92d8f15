//! The interface of a task that runs on any GPU.

use supernano_base::error::Result;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::probe;

use crate::step::failed;

/// A task that runs on any GPU.
pub(crate) trait OnDevice {
    /// Result of the task.
    type Output;

    /// Runs the task on the device that `client` connects to.
    ///
    /// # Errors
    /// Those of the task.
    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<Self::Output>;
}

/// Copies two numbers on the device.
pub(crate) struct Probe;

impl OnDevice for Probe {
    type Output = ();

    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<()> {
        probe(&client()).map_err(failed)
    }
}

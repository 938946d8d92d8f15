//! The processor that trains.

use supernano_base::error::Result;
use supernano_gpu::device::Device;
use supernano_train::training::Accelerator;

use crate::processor;

/// Selects the processor that trains.
#[derive(clap::Args, Debug)]
pub struct ProcessorArgs {
    /// Processor that trains [default: cpu; for `dev gpu`, cuda].
    #[arg(long, value_enum)]
    device: Option<Device>,
}

impl ProcessorArgs {
    /// The processor, or `default` if none is named.
    pub fn device(&self, default: Device) -> Device {
        self.device.unwrap_or(default)
    }

    /// The processor, or `default` if none is named. It has answered.
    ///
    /// # Errors
    /// The errors of [`processor::check`].
    pub fn accelerator(&self, default: Device) -> Result<&'static dyn Accelerator> {
        let device = self.device(default);
        processor::check(device)?;
        device.accelerator()
    }
}

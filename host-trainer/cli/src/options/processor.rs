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
    /// Tiling of a GPU's convolutions, by its number in `dev gpu`'s timing [default: 0].
    #[arg(long, value_name = "N")]
    tiling: Option<usize>,
}

impl ProcessorArgs {
    /// The processor, or `default` if none is named.
    pub fn device(&self, default: Device) -> Device {
        self.device.unwrap_or(default)
    }

    /// The tiling, if one is named.
    pub const fn tiling(&self) -> Option<usize> {
        self.tiling
    }

    /// The processor, or the CPU if none is named. It has answered.
    ///
    /// # Errors
    /// The errors of [`processor::check`] and of [`Device::accelerator`].
    pub fn accelerator(&self) -> Result<Box<dyn Accelerator>> {
        let device = self.device(Device::Cpu);
        processor::check(device)?;
        device.accelerator(self.tiling.unwrap_or_default())
    }
}

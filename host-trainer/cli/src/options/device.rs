//! The device that runs a network, and the line to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use supernano_base::error::Result;
use supernano_device::Target;

/// Selects the device and the firmware that runs on it.
#[derive(clap::Args, Debug)]
pub struct DeviceArgs {
    /// Device: host, qemu-m0, qemu-m3, qemu-m4, qemu-m7, qemu-m33, qemu-m55, probe[:VID:PID][@CHIP],
    /// serial:PATH or tcp:HOST:PORT.
    #[arg(long, default_value = "qemu-m4", help_heading = "Device")]
    target: String,
    /// Agent of an emulated device, an ELF file [default: the one that comes with this program].
    #[arg(long, value_name = "FILE", help_heading = "Device")]
    firmware: Option<PathBuf>,
}

impl DeviceArgs {
    /// The target.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] for an unknown target.
    pub fn target(&self) -> Result<Target> {
        self.target.parse()
    }

    /// The agent, if one is named.
    pub fn firmware(&self) -> Option<&Path> {
        self.firmware.as_deref()
    }
}

/// Limits the wait for a board whose line is lost.
#[derive(clap::Args, Debug)]
pub struct LineArgs {
    /// Longest wait for a board whose line is lost (unplugged, closed), in seconds; 0 disables the
    /// wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Device",
        value_parser = clap::value_parser!(u32).range(..=86_400))]
    reconnect: u32,
}

impl LineArgs {
    /// The longest wait.
    pub fn reconnect(&self) -> Duration {
        Duration::from_secs(self.reconnect.into())
    }
}

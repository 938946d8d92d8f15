//! Arguments of the commands that run something on a device.

use std::path::{Path, PathBuf};
use std::time::Duration;

use supernano_base::error::Result;
use supernano_device::Target;

/// Which device, and what runs on it.
#[derive(clap::Args, Debug)]
pub struct DeviceArgs {
    /// host, qemu-m0, qemu-m3, qemu-m4, qemu-m7, qemu-m33, probe[:VID:PID][@CHIP], serial:PATH or
    /// tcp:HOST:PORT; a count needs a device.
    #[arg(long, default_value = "qemu-m4")]
    target: String,
    /// An emulated device's agent, an ELF file.
    #[arg(long)]
    firmware: Option<PathBuf>,
}

impl DeviceArgs {
    /// The target.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] for one that there is not.
    pub fn target(&self) -> Result<Target> {
        self.target.parse()
    }

    /// The agent, where one is named.
    pub fn firmware(&self) -> Option<&Path> {
        self.firmware.as_deref()
    }
}

/// What happens where the line to a board is lost.
#[derive(clap::Args, Debug)]
pub struct LineArgs {
    /// Seconds that a board whose line is lost (unplugged, closed) is waited for, to go on where
    /// it was; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(..=86_400))]
    reconnect: u32,
}

impl LineArgs {
    /// The longest wait.
    pub fn reconnect(&self) -> Duration {
        Duration::from_secs(self.reconnect.into())
    }
}

/// The run directory that a network lies in.
pub fn run_of(network: &Path) -> Option<PathBuf> {
    let run = network.parent()?.parent()?;
    run.join("config.toml").is_file().then(|| run.to_path_buf())
}

//! The kernels of one network.

use std::path::{Path, PathBuf};

use supernano_base::error::Result;
use supernano_base::run_dir::RunDirectory;
use supernano_facts::FirmwareBuild;
use supernano_search::cost::kernels::SizeLimits;
use supernano_search::cost::limits::KernelLimits;
use supernano_search::search::budget::firmware_named;
use supernano_search::size;
use supernano_train::export::Prefer;

/// Chooses kernels by preference.
#[derive(clap::Args, Debug)]
pub struct PreferArgs {
    /// Resource that the kernels save [default: ram].
    #[arg(long, value_enum, help_heading = "Kernels")]
    prefer: Option<Prefer>,
}

impl PreferArgs {
    /// The resource that the kernels save, if one is named.
    pub fn prefer(&self) -> Option<Prefer> {
        self.prefer
    }
}

/// Keeps the kernels that a search promised.
#[derive(clap::Args, Debug)]
pub struct FrontArgs {
    /// Front of a search, whose kernels the network gets if it is listed [default: front.json in the
    /// run directory].
    #[arg(long, value_name = "FILE", help_heading = "Kernels")]
    front: Option<PathBuf>,
    /// Ignore the kernels that a search promised.
    #[arg(long, conflicts_with = "front", help_heading = "Kernels")]
    ignore_front: bool,
}

impl FrontArgs {
    /// The file of the front; `None` if promises are ignored.
    pub fn file(&self, run: &Path) -> Option<PathBuf> {
        let own = || RunDirectory::new(run).front();
        (!self.ignore_front).then(|| self.front.clone().unwrap_or_else(own))
    }
}

/// Selects the firmware whose memory is added to that of the network.
#[derive(clap::Args, Debug)]
pub struct FirmwareArgs {
    /// Firmware of the printed flash and RAM: `small` (Rust, built for size), `fast` (Rust, built for
    /// speed) or `c` (C, Cortex-M4 and M7) [default: that of the front, or small].
    #[arg(long, value_name = "FIRMWARE", help_heading = "Kernels")]
    firmware: Option<String>,
}

impl FirmwareArgs {
    /// The firmware, if one is named.
    ///
    /// # Errors
    /// The errors of [`firmware_named`].
    pub fn build(&self) -> Result<Option<FirmwareBuild>> {
        self.firmware.as_deref().map(firmware_named).transpose()
    }
}

/// Chooses kernels by modelled instructions under limits. Without limits, the preference decides.
#[derive(clap::Args, Debug)]
pub struct KernelLimitArgs {
    /// Largest network file; selects the kernels with the fewest instructions that fit.
    #[arg(long, value_name = "SIZE", help_heading = "Kernels")]
    max_blob: Option<String>,
    /// Largest arena; selects the kernels with the fewest instructions that fit.
    #[arg(long, value_name = "SIZE", help_heading = "Kernels")]
    max_arena: Option<String>,
    /// Core whose instructions are modelled: m0, m3, m4, m7, m33 or m55 [default: that of the front, or
    /// m4].
    #[arg(long, help_heading = "Kernels")]
    core: Option<String>,
}

impl KernelLimitArgs {
    /// The limits and the core.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] for a size that is none.
    pub fn limits(&self) -> Result<KernelLimits> {
        let limit = |option: &str, text: &Option<String>| -> Result<Option<usize>> {
            let parsed = text.as_deref().map(|t| size::parse(option, t)).transpose()?;
            Ok(parsed.map(|n| usize::try_from(n).unwrap_or(usize::MAX)))
        };
        let sizes = SizeLimits {
            flash: limit("option --max-blob", &self.max_blob)?,
            ram: limit("option --max-arena", &self.max_arena)?,
        };
        let core = self.core.as_ref().map(|core| format!("cortex-{core}"));
        Ok(KernelLimits { sizes, core })
    }
}

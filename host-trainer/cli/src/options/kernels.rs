//! The kernels of one network.

use supernano_base::error::Result;
use supernano_search::cost::kernels::SizeLimits;
use supernano_search::cost::limits::KernelLimits;
use supernano_search::size;
use supernano_train::export::Prefer;

/// Chooses kernels by preference.
#[derive(clap::Args, Debug)]
pub struct PreferArgs {
    /// Resource that the kernels save.
    #[arg(long, value_enum, default_value_t, help_heading = "Kernels")]
    prefer: Prefer,
}

impl PreferArgs {
    /// The resource that the kernels save.
    pub fn prefer(&self) -> Prefer {
        self.prefer
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
    /// Core whose instructions are modelled: m0, m3, m4, m7 or m33.
    #[arg(long, default_value = "m4", help_heading = "Kernels")]
    core: String,
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
        Ok(KernelLimits { sizes, core: format!("cortex-{}", self.core) })
    }
}

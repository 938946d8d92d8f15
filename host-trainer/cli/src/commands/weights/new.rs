//! `supernano new`: a configuration for the user's data.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::config::BudgetSpec;
use supernano_base::error::{Error, Result};

use crate::commands::data;
use crate::output::Output;
use crate::project::proposal::{self, ProjectRequest, Proposal};

/// Look at data and write a configuration for it.
///
/// The command proposes a resolution, a search space and a training, and writes NAME.toml with
/// comments. `supernano run NAME.toml` then goes all the way.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano new my-run --data ./photos --chip nRF52840_xxAA\n  \
    supernano new gestures --data ./recordings --samples 119 --flash 64KiB --ram 24KiB")]
pub struct Args {
    /// Name of the project, or the file to write.
    name: PathBuf,
    #[command(flatten)]
    data: data::KindArgs,
    /// Side of the network's square input, pixels [default: from the sizes of the pictures].
    #[arg(long, value_name = "N")]
    resolution: Option<u16>,
    /// Use grey pictures.
    #[arg(long)]
    grey: bool,
    /// Chip, in the spelling of probe-rs; sets core, flash and RAM.
    #[arg(long, help_heading = "Budget")]
    chip: Option<String>,
    /// Limit of flash: network file and code.
    #[arg(long, value_name = "SIZE", help_heading = "Budget")]
    flash: Option<String>,
    /// Limit of RAM: arena, stack and statics.
    #[arg(long, value_name = "SIZE", help_heading = "Budget")]
    ram: Option<String>,
    /// Limit of instructions of one inference.
    #[arg(long, value_name = "COUNT", help_heading = "Budget")]
    instructions: Option<String>,
}

#[derive(Serialize)]
struct Written {
    config: PathBuf,
    #[serde(flatten)]
    proposal: Proposal,
}

/// Surveys the data, writes the configuration and prints both.
///
/// # Errors
/// As [`proposal::propose`] and [`proposal::write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let path = args.name.with_extension("toml");
    let stem = path.file_stem().and_then(|s| s.to_str()).ok_or_else(|| {
        Error::invalid("command line", "NAME", "a name in UTF-8", args.name.display())
    })?;
    supernano_base::files::refuse_existing(&path, "choose another name or remove it")?;
    let request = ProjectRequest {
        resolution: args.resolution,
        grey: args.grey,
        budget: BudgetSpec {
            chip: args.chip.clone(),
            core: None,
            flash: args.flash.clone(),
            ram: args.ram.clone(),
            instructions: args.instructions.clone(),
        },
        ..args.data.request()?
    };
    let proposal = proposal::propose(stem, &request, out)?;
    proposal::write(&path, &proposal)?;
    out.emit(&Written { config: path, proposal }, text)
}

fn text(written: &Written) -> String {
    let Written { config, proposal } = written;
    let [height, width, channels] = proposal.input;
    let path: &Path = config;
    format!(
        "{}\n\nInput {height}x{width}x{channels}. Written: {}\nNext: supernano run {}",
        data::text(&proposal.survey),
        path.display(),
        path.display()
    )
}

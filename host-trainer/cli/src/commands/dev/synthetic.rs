//! `supernano dev synthetic`: networks with random weights, to measure costs before training.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_core::plan::{ActivationScope, Enhancement, WidthRule};
use supernano_train::synthetic::{SyntheticNetwork, SyntheticRequest, write_networks};

use crate::options::{CodesArgs, KernelLimitArgs, PreferArgs};
use crate::output::{Output, table};

/// Write networks with random weights, to measure costs before training.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano dev synthetic resnet8 --random 3 --prelu -o runs/synthetic\n\n\
    Each network is written to CODE.snb in the directory. The same seed gives the same weights.")]
pub struct Args {
    /// Built-in search space, or a network of MLPerf Tiny: mobilenet-v1-025, ds-cnn.
    space: String,
    /// Use PReLU instead of ReLU after the additions.
    #[arg(long)]
    prelu: bool,
    /// Compute 4 channels as 5, and 8 as 9.
    #[arg(long)]
    oe: bool,
    /// Directory for the networks.
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,
    #[command(flatten)]
    codes: CodesArgs,
    #[command(flatten)]
    prefer: PreferArgs,
    #[command(flatten)]
    kernel_limits: KernelLimitArgs,
}

/// Writes the networks and prints their costs.
///
/// # Errors
/// The errors of [`write_networks`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let request = SyntheticRequest {
        space: &args.space,
        codes: &args.codes.selection(),
        enhancement: Enhancement {
            widths: if args.oe { WidthRule::Oe } else { WidthRule::None },
            activation: match args.prelu {
                true => ActivationScope::AfterAdd,
                false => ActivationScope::None,
            },
        },
        prefer: args.prefer.prefer().unwrap_or_default(),
        limits: &args.kernel_limits.limits()?,
        output: &args.output,
    };
    out.emit(&write_networks(&request, out)?, |written| text(written))?;
    Ok(())
}

fn text(written: &[SyntheticNetwork]) -> String {
    let row = |w: &SyntheticNetwork| {
        let numbers = [w.blob_bytes as u64, w.arena_bytes as u64, w.macs];
        std::iter::once(w.code.clone()).chain(numbers.map(|n| n.to_string())).collect()
    };
    let rows: Vec<Vec<String>> = written.iter().map(row).collect();
    table(&["network", "flash, bytes", "arena, bytes", "MACs"], &rows)
}

//! `supernano merge`: the shards of a ranking as one score file.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::rank::merge_files;

use crate::options::OverwriteArgs;
use crate::output::Output;

/// Merge the shards of a ranking.
///
/// The command refuses shards of different rankings, and a ranking with a missing shard.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano merge runs/a/shards/*.json -o runs/a/scores.json\n\n\
    The same shards give the same bytes, in any order. A shard may be named twice.")]
pub struct Args {
    /// All files of `rank --shard`.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Score file: JSON, or CSV for `.csv`; compressed for `.gz`.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Merges the shards and prints how many scores there are.
///
/// # Errors
/// The errors of [`merge_files`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let merged = merge_files(&args.shards, args.overwrite.claim(&args.output)?)?;
    out.emit(&merged, |m| {
        format!("{} scores of {} shards in {}", m.scores, m.shards, m.output.display())
    })?;
    Ok(())
}

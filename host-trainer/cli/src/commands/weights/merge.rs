//! `supernano merge`: the shards of a ranking as one score file, those of truths as one truth file.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::{MergeReport, merge_files};

use crate::options::OverwriteArgs;
use crate::output::Output;

/// Merge the shards of a ranking or of truths.
///
/// The command refuses shards of different settings, a missing shard, and a shard without all its codes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano merge runs/a/shards/*.json -o runs/a/scores.json\n  \
    supernano merge truths/*-of-40.json -o truths.csv\n\n\
    The same shards give the same bytes, in any order. A shard may be named twice.")]
pub struct Args {
    /// All files of `rank --shard`, or of `standalone --shard`.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Score file: JSON, or CSV for `.csv`; truth file: CSV. Compressed for `.gz`.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Merges the shards and prints how many scores or truths there are.
///
/// # Errors
/// The errors of [`merge_files`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let merged = merge_files(&args.shards, args.overwrite.claim(&args.output)?)?;
    out.emit(&merged, |merged| {
        let (count, what, shards, output) = match merged {
            MergeReport::Scores { shards, scores, output, .. } => {
                (scores, "scores", shards, output)
            }
            MergeReport::Truths { shards, truths, output, .. } => {
                (truths, "truths", shards, output)
            }
        };
        format!("{count} {what} of {shards} shards in {}", output.display())
    })?;
    Ok(())
}

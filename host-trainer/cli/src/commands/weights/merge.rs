//! `supernano merge`: the parts of a ranking put together.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::codes::scores::write_scores;
use supernano_base::error::Result;
use supernano_train::rank::shard::{Identity, Shard, merge};

use crate::output::Output;

/// Put the shards of one ranking together; refuses a hole and a mixture.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano merge runs/a/shards/*.json -o runs/a/scores.json\n\n\
    Idempotent: the same shards give the same bytes, and a shard may be named twice.")]
pub struct Args {
    /// Files of `rank --shard`, all of them.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Score file: JSON or CSV (`.csv`), compressed where it ends in `.gz`.
    #[arg(short, long)]
    output: PathBuf,
}

#[derive(Serialize)]
struct Report {
    shards: usize,
    scores: usize,
    ranking: Identity,
    output: PathBuf,
}

/// Runs it.
///
/// # Errors
/// As [`merge`]; of the files.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), Shard::read(path)?));
    let shards: Vec<_> = args.shards.iter().map(read).collect::<Result<_>>()?;
    let (scores, ranking) = merge(shards)?;
    write_scores(&args.output, &scores)?;
    let report = Report {
        shards: args.shards.len(),
        scores: scores.len(),
        ranking,
        output: args.output.clone(),
    };
    out.emit(&report, |r| {
        format!("{} scores of {} shards in {}", r.scores, r.shards, r.output.display())
    });
    Ok(())
}

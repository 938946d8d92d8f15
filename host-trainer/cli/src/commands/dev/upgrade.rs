//! `supernano dev upgrade`: a network file of an old format as one of the current format.

use std::path::PathBuf;

use serde_json::json;
use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_base::files;

use crate::options::OverwriteArgs;
use crate::output::Output;

/// Rewrite a network file of format version 2 as one of the current version.
///
/// The network computes the same logits. Its arena is planned anew.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano dev upgrade old.snb -o new.snb")]
pub struct Args {
    /// Network file of format version 2.
    #[arg(value_name = "FILE")]
    blob: PathBuf,
    /// File to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Rewrites the file and prints its length.
///
/// # Errors
/// As [`Blob::upgrade`] and [`files::write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let output = args.overwrite.claim(&args.output)?;
    let blob = Blob::upgrade(&args.blob)?;
    files::write(output, blob.bytes())?;
    let report = json!({ "file": output, "blob_bytes": blob.bytes().len() });
    out.emit(&report, |_| format!("{}: {} bytes", output.display(), blob.bytes().len()))
}

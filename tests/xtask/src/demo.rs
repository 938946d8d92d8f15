//! stub
use crate::process::Result;
/// a
#[derive(clap::Args, Debug)]
pub struct Args {
    /// One JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
}
/// r
pub fn run(args: &Args) -> Result<()> {
    let _ = args.json;
    let _ = crate::process::json;
    Ok(())
}

//! `supernano int8-rank`: does the order of sub-networks survive quantisation?

use std::path::PathBuf;

use supernano_base::codes::{random_codes, read_codes};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_train::export::preserve::{Preservation, preserve};
use supernano_train::run::Run;

use super::export::QuantiseArgs;
use crate::output::{Output, table};

/// Compare sub-networks' accuracies in int8 with those in float.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano int8-rank runs/demo --random 100 --images 2000")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// File of codes (challenge JSON, JSON list, CSV, lines).
    codes: Option<PathBuf>,
    /// This many random sub-networks instead.
    #[arg(long, value_name = "N", conflicts_with = "codes")]
    random: Option<usize>,
    /// Only the first N of the file.
    #[arg(long, value_name = "N", requires = "codes")]
    first: Option<usize>,
    /// Seed of --random; default the run's.
    #[arg(long)]
    seed: Option<u64>,
    /// Test images, from the first on.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Directory or archive of the data set, where it is not where the run's config says.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Also write the result as JSON.
    #[arg(short, long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    quantise: QuantiseArgs,
}

/// Runs it.
///
/// # Errors
/// Of the run, the codes, the data or the output.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let run = Run::open(&args.run)?;
    let options = args.quantise.without_training()?;
    let mut codes = match (&args.codes, args.random) {
        (Some(path), _) => read_codes(path, run.space())?,
        (None, Some(n)) => random_codes(run.space(), n, args.seed.unwrap_or(run.config.seed)),
        (None, None) => {
            let expected = "a file of codes, or --random N";
            return Err(Error::invalid("command line", "CODES", expected, "nothing"));
        }
    };
    codes.truncate(args.first.unwrap_or(usize::MAX));
    if codes.len() < 2 {
        return Err(Error::invalid("command line", "CODES", "at least 2", codes.len()));
    }
    let dataset = run.dataset(args.data.as_deref())?;
    let bar = out.task(codes.len() as u64, "int8-rank");
    let material = args.quantise.material(&run, &dataset, args.images as usize)?;
    let found = preserve(&run, &codes, &material, &options, &|| bar.advance(1))?;
    bar.finish();
    if let Some(path) = &args.output {
        files::write_json(path, &found)?;
    }
    out.emit(&found, text);
    Ok(())
}

fn text(p: &Preservation) -> String {
    let ci = |[low, high]: [f64; 2]| format!("{low:.4} to {high:.4}");
    let percent = |v: f64| format!("{:.2}", 100.0 * v);
    table(
        &["networks", "images", "Pearson", "95 %", "tau-b", "95 %", "mean loss %", "worst loss %"],
        &[vec![
            p.networks.len().to_string(),
            p.images.to_string(),
            format!("{:.4}", p.pearson),
            ci(p.pearson_ci),
            format!("{:.4}", p.kendall_tau_b),
            ci(p.kendall_ci),
            percent(p.mean_loss),
            percent(p.worst_loss),
        ]],
    )
}

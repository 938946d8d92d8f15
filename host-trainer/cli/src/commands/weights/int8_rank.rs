//! `supernano int8-rank`: whether the order of sub-networks survives quantisation.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::delivery::{Int8Request, compare_int8};
use supernano_train::export::preserve::Preservation;
use supernano_train::rank::Split;

use crate::options::{CodesArgs, DataArgs, OutputArgs, QuantiseArgs};
use crate::output::{Output, table};

/// Compare the order of sub-networks in int8 with that in float.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano int8-rank runs/demo --random 100 --images 2000")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// Images on which the accuracies are compared.
    #[arg(long, value_enum, default_value_t = Split::Test, help_heading = "Data")]
    split: Split,
    /// Number of images of the split, from the first.
    #[arg(long, value_name = "N", default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    codes: CodesArgs,
    /// Number of codes to compare, from the first [default: all].
    #[arg(long, value_name = "N", requires = "codes", help_heading = "Sub-networks")]
    first: Option<usize>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    quantise: QuantiseArgs,
}

/// Compares the accuracies and prints the correlations.
///
/// # Errors
/// The errors of [`compare_int8`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    args.output.claim()?;
    let request = Int8Request {
        run: &args.run,
        codes: &args.codes.selection(),
        first: args.first,
        split: args.split,
        images: args.images as usize,
        data: args.data.path(),
        options: args.quantise.without_training()?,
    };
    let found = compare_int8(&request, out)?;
    args.output.write(&found)?;
    out.emit(&found, text)?;
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

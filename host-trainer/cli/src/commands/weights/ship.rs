//! `supernano ship`: a network in the formats of other tools.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_core::arch::Arch;
use supernano_train::export::formats::Format;
use supernano_train::export::{Exported, formats, measure};
use supernano_train::run::Run;

use super::export::{QuantiseArgs, text};
use crate::output::Output;

/// Write a sub-network as files for other programs: Rust, C, ONNX, safetensors.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: supernano ship runs/demo 16-4-8-8-8-8 --format snb,rust,onnx -o out"
)]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// Sub-network: the widths of its searchable layers, joined by '-'.
    code: String,
    /// Formats, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1.., required = true)]
    format: Vec<Format>,
    /// Directory for the files.
    #[arg(short, long)]
    output: PathBuf,
    /// Directory or archive of the data set, where it is not where the run's config says.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Also write this many test images with the network's answers in float and in int8, to check
    /// an import with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    samples: u32,
    #[command(flatten)]
    quantise: QuantiseArgs,
}

#[derive(Serialize)]
struct Shipped {
    #[serde(flatten)]
    exported: Exported,
    files: Vec<PathBuf>,
}

/// Writes the files and a JSON file with what is known of the network.
///
/// # Errors
/// An unreadable run, a code that is not in its space, a full disk.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let run = Run::open(&args.run)?;
    let arch = Arch::parse(run.space(), &args.code).map_err(|e| Error::core("argument CODE", e))?;
    let dataset = run.dataset(args.data.as_deref())?;
    let material = args.quantise.material(&run, &dataset, usize::MAX)?;
    let shipment = args.quantise.shipment(&run, &arch, &material, &dataset, out)?;
    let exported = measure(&shipment, &material.test)?;
    let mut files = formats::write(&shipment, &args.format, &args.output)?;
    if args.samples > 0 {
        let n = args.samples as usize;
        files.push(formats::write_samples(&shipment, &material.test, n, &args.output)?);
    }
    let shipped = Shipped { exported, files };
    files::write_json(&args.output.join(format!("{}.json", shipment.code)), &shipped.exported)?;
    out.emit(&shipped, |s| {
        let files: Vec<String> = s.files.iter().map(|f| f.display().to_string()).collect();
        format!("{}\nwritten: {}", text(&s.exported), files.join(", "))
    });
    Ok(())
}

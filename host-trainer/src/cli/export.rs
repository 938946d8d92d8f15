//! `supernano export`: one sub-network as an int8 file.

use std::path::PathBuf;

use supernano_core::arch::Arch;

use super::output::{Output, table};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::export::{Exported, Options, Shipment, measure, ship};
use crate::files;
use crate::train::Run;

/// Export a sub-network as int8: one file for the device.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano export runs/demo 16-12-24-32-48-64 -o net.snb")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// The sub-network: the widths of its searchable layers, joined by '-'.
    code: String,
    /// File to write; default RUN/networks/CODE.snb.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Directory or archive of the data set, where it is not where the run's config says.
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    quantise: QuantiseArgs,
    /// Also print each operation with its multiply-accumulates.
    #[arg(long)]
    explain: bool,
}

/// How the network is quantised.
#[derive(clap::Args, Debug)]
pub struct QuantiseArgs {
    /// Training images that the activations' ranges come from.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    calibration: u32,
}

impl QuantiseArgs {
    /// Quantises a sub-network as the arguments say.
    ///
    /// # Errors
    /// As [`ship`].
    pub fn shipment(
        &self,
        run: &Run,
        arch: &Arch,
        dataset: &Dataset,
        _out: &Output,
    ) -> Result<Shipment> {
        ship(run, arch, dataset, &Options { calibration: self.calibration as usize })
    }
}

/// Writes the blob and, beside it, a JSON file with what is known of it.
///
/// # Errors
/// An unreadable run, a code that is not in its space, a full disk.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let run = Run::open(&args.run)?;
    let arch = Arch::parse(run.space(), &args.code).map_err(|e| Error::core("argument CODE", e))?;
    let dataset = run.dataset(args.data.as_deref())?;
    let shipment = args.quantise.shipment(&run, &arch, &dataset, out)?;
    let summary = measure(&shipment, &dataset)?;
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| args.run.join("networks").join(&summary.code).with_extension("snb"));
    files::write(&path, shipment.blob.bytes())?;
    files::write_json(&path.with_extension("json"), &summary)?;
    out.emit(&summary, |s| {
        let explained = if args.explain { format!("{}\n", operations(s)) } else { String::new() };
        format!("{explained}{}\nwritten to {}", text(s), path.display())
    });
    Ok(())
}

/// Costs and accuracies as a table.
pub fn text(s: &Exported) -> String {
    let percent = |v: f64| format!("{:.2} %", 100.0 * v);
    table(
        &["network", "flash, bytes", "arena, bytes", "top-1 float", "top-1 int8", "test images"],
        &[vec![
            s.code.clone(),
            s.flash_bytes.to_string(),
            s.arena_bytes.to_string(),
            percent(s.top1_float),
            percent(s.top1_int8),
            s.test_images.to_string(),
        ]],
    )
}

fn operations(s: &Exported) -> String {
    let rows: Vec<Vec<String>> = (1..)
        .zip(&s.ops)
        .map(|(i, op)| vec![i.to_string(), op.kind.clone(), op.macs.to_string()])
        .collect();
    table(&["#", "operation", "MACs"], &rows)
}

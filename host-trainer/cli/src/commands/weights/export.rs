//! `supernano export`: one sub-network as an int8 file.

mod text;

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::delivery::{ExportRequest, NetworkRequest, export_network};

pub(super) use self::text::summary;
use crate::options::{DataArgs, QuantiseArgs, RoomArgs};
use crate::output::Output;

/// Export a sub-network as an int8 file for a device.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano export runs/demo 16-12-24-32-48-64 -o net.snb")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// Code of the sub-network: the widths of its searchable layers, joined by `-`.
    code: String,
    /// Network file [default: networks/CODE.snb in the run directory].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Explain the choice of kernels and the loss of accuracy by layer and by class; also written to
    /// CODE.explain.json.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    quantise: QuantiseArgs,
    #[command(flatten)]
    room: RoomArgs,
}

/// Writes the network file, and prints its costs and accuracies.
///
/// # Errors
/// As [`export_network`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
<<<<<<< HEAD
    let run = Run::open(&args.run)?;
    let arch =
        Arch::parse(&run.space(), &args.code).map_err(|e| Error::core("argument CODE", e))?;
    let dataset = run.dataset(args.data.as_deref())?;
    let mut shipment = args.quantise.shipment(&run, &arch, &dataset, out)?;
    shipment.blob = args.room.apply(shipment.blob)?;
    let summary = measure(&shipment, &dataset)?;
    let why = args
        .explain
        .then(|| explain::explain(&shipment, &dataset, &args.room.core()))
        .transpose()?;
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| args.run.join("networks").join(&summary.code).with_extension("snb"));
    files::write(&path, shipment.blob.bytes())?;
    files::write_json(&path.with_extension("json"), &summary)?;
    if let Some(why) = &why {
        files::write_json(&path.with_extension("explain.json"), why)?;
    }
    out.emit(&summary, |s| {
        let why = why.as_ref().map_or_else(String::new, |w| format!("{}\n", explained(s, w)));
        format!("{why}{}\nwritten to {}", text(s), path.display())
    });
=======
    let request = ExportRequest {
        network: NetworkRequest {
            run: &args.run,
            code: &args.code,
            data: args.data.path(),
            quantisation: args.quantise.quantisation(),
        },
        limits: &args.room.limits()?,
        explain: args.explain,
        output: args.output.as_deref(),
    };
    let exported = export_network(&request, out)?;
    out.emit(&exported.summary, |_| text::text(&exported));
>>>>>>> h-cli
    Ok(())
}

//! `supernano latency`: what one inference costs, operation by operation.

use std::path::PathBuf;

use super::device::DeviceArgs;
use super::output::{Output, table};
use crate::blob::Blob;
use crate::device::{self, LatencyReport};
use crate::error::Result;
use crate::files;

/// Count one inference on a device, operation by operation.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano latency runs/demo/networks/16-4-8-8-8-8.snb \
    --target qemu-m4\n\nAn emulator counts retired instructions, never cycles.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    #[command(flatten)]
    device: DeviceArgs,
    /// Also write the report as JSON.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Counts and reports.
///
/// # Errors
/// What is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let blob = Blob::read(&args.network)?;
    let target = args.device.target()?;
    let report = device::latency(&blob, target, args.device.firmware())?;
    if let Some(path) = &args.output {
        files::write_json(path, &report)?;
    }
    out.emit(&report, text);
    Ok(())
}

fn text(r: &LatencyReport) -> String {
    let rows: Vec<Vec<String>> = r
        .layers
        .iter()
        .enumerate()
        .map(|(i, l)| {
            let each = f64::from(l.instructions) / l.macs as f64;
            let each = if l.macs == 0 { "-".into() } else { format!("{each:.2}") };
            vec![
                i.to_string(),
                l.name.clone(),
                l.instructions.to_string(),
                l.macs.to_string(),
                each,
            ]
        })
        .collect();
    let header = ["#", "operation", r.unit, "MACs", "a MAC"];
    format!("{}\n{} {} in all", table(&header, &rows), r.instructions, r.unit)
}

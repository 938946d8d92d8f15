//! `supernano calibrate`: an instruction table from counted networks.

use std::path::PathBuf;

use serde::Serialize;

use super::device::DeviceArgs;
use super::output::{Output, table};
use crate::blob::Blob;
use crate::device::{self};
use crate::error::{Error, Result};
use crate::files;
use crate::search::instructions::{InstructionTable, Work, work};

/// Count networks on a device and fit the search's instruction table to them.
///
/// Every second network is kept out of the fit and judges it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano calibrate runs/demo/networks/*.snb \
    --target qemu-m4 -o cortex-m4.toml")]
pub struct Args {
    /// Exported networks, at least 4.
    #[arg(required = true)]
    networks: Vec<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Table to write.
    #[arg(short, long)]
    output: PathBuf,
}

#[derive(Serialize)]
struct Judged {
    code: String,
    fitted: bool,
    counted: u32,
    modelled: u64,
    error: f64,
}

#[derive(Serialize)]
struct Report {
    operations: usize,
    largest_error: f64,
    mean_error: f64,
    networks: Vec<Judged>,
}

/// Counts, fits, judges and writes.
///
/// # Errors
/// Fewer than 4 networks; what is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let found = args.networks.len();
    if found < 4 {
        return Err(Error::invalid("argument NETWORKS", "networks", "at least 4", found));
    }
    let target = args.device.target()?;
    let bar = out.progress(found as u64, "calibrate");
    let (mut counts, mut totals) = (Vec::<(Work, u64)>::new(), Vec::new());
    for (i, path) in args.networks.iter().enumerate() {
        let blob = Blob::read(path)?;
        let report = device::latency(&blob, target, args.device.firmware())?;
        if i % 2 == 0 {
            let layers = report.layers.iter().skip(1).map(|l| u64::from(l.instructions));
            counts.extend(work(&blob.view()?.header()).zip(layers));
        }
        totals.push((blob, report));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let provenance = format!(
        "fitted to {} operations of {} networks counted on {target}",
        counts.len(),
        found.div_ceil(2)
    );
    let fitted = InstructionTable::cortex_m4()?.fitted(&counts, &provenance);
    let mut networks = Vec::new();
    for (i, (blob, report)) in totals.iter().enumerate() {
        let modelled = fitted.network(&blob.view()?.header());
        networks.push(Judged {
            code: report.code.clone(),
            fitted: i % 2 == 0,
            counted: report.instructions,
            modelled,
            error: modelled as f64 / f64::from(report.instructions) - 1.0,
        });
    }
    let judged: Vec<f64> = networks.iter().filter(|n| !n.fitted).map(|n| n.error.abs()).collect();
    let text = toml::to_string(&fitted)
        .map_err(|e| Error::invalid("instruction table", "TOML", "finite coefficients", e))?;
    files::write(&args.output, text.as_bytes())?;
    let report = Report {
        operations: counts.len(),
        largest_error: judged.iter().fold(0.0, |m, &e| f64::max(m, e)),
        mean_error: judged.iter().sum::<f64>() / judged.len() as f64,
        networks,
    };
    out.emit(&report, human);
    Ok(())
}

fn human(r: &Report) -> String {
    let rows: Vec<Vec<String>> = r
        .networks
        .iter()
        .map(|n| {
            vec![
                n.code.clone(),
                if n.fitted { "yes" } else { "no" }.into(),
                n.counted.to_string(),
                n.modelled.to_string(),
                format!("{:+.2} %", 100.0 * n.error),
            ]
        })
        .collect();
    format!(
        "{}\non networks not used to fit: mean {:.2} %, largest {:.2} %",
        table(&["network", "fitted", "counted", "modelled", "error"], &rows),
        100.0 * r.mean_error,
        100.0 * r.largest_error
    )
}

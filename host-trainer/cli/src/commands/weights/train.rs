//! `supernano train`: all steps of a configuration.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_data::of_config as load_data;
use supernano_gpu::device::Device;
use supernano_train::run::checkpoint;
use supernano_train::training::{Begin, Epoch, train_until};

use super::processor;
use crate::output::{Output, table};

/// Train a supernet: every step of a configuration, resumable.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano train host-trainer/configs/demo.toml -o runs/demo")]
pub struct Args {
    /// Configuration (TOML); with --resume the run's own may be left out.
    config: Option<PathBuf>,
    /// Run directory; default `runs/` and the configuration's name.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Data set's directory or archive, instead of the configuration's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Go on from the run's last checkpoint.
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Start again in a directory that holds a run.
    #[arg(long)]
    overwrite: bool,
    /// What trains.
    #[arg(long, value_enum, default_value_t)]
    device: Device,
    /// End after the epoch in which this many minutes have passed; --resume goes on.
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// Check the configuration and stop.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Report {
    run: PathBuf,
    seconds: f64,
    /// All steps are trained.
    finished: bool,
    epochs: Vec<Epoch>,
}

/// Runs it.
///
/// # Errors
/// As [`train_until`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let started = Instant::now();
    let (mut config, run) = match (&args.config, &args.output) {
        (Some(config), output) => {
            let name = config.file_stem().unwrap_or_default();
            let run = output.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
            (RunConfig::read(config)?, run)
        }
        (None, Some(run)) if args.resume => {
            (RunConfig::read(&run.join("config.toml"))?, run.clone())
        }
        (None, _) => {
            let expected = "a configuration, or --resume with --output";
            return Err(Error::invalid("command line", "CONFIG", expected, "nothing"));
        }
    };
    if let Some(data) = &args.data {
        let path = std::path::absolute(data).map_err(|e| Error::io(data, e))?;
        config.data.path = Some(path);
    }
    if args.dry_run {
        let text = config.to_toml()?;
        out.emit(&config, |_| text);
        return Ok(());
    }
    let accelerator = processor::of(args.device)?;
    let dataset = load_data(&config, None)?;
    let begin = match (args.resume, args.overwrite) {
        (true, _) => Begin::Resume,
        (false, true) => Begin::Overwrite,
        (false, false) => Begin::New,
    };
    let late = |_, _| args.minutes.is_some_and(|m| started.elapsed().as_secs_f64() > 60.0 * m);
    let epochs = train_until(&config, &dataset, &run, begin, accelerator, out, &late)?;
    let finished = checkpoint::latest_finished(&run, &config) == Some(config.steps.len());
    let report = Report { run, seconds: started.elapsed().as_secs_f64(), finished, epochs };
    out.emit(&report, describe);
    Ok(())
}

fn describe(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .epochs
        .iter()
        .map(|e| {
            let top1 = |f: fn(f64, f64) -> f64| {
                let of = e.panel.iter().map(|p| p.top1).reduce(f);
                of.map_or("-".to_owned(), |t| format!("{:.1}", 100.0 * t))
            };
            vec![
                e.step.to_string(),
                e.epoch.to_string(),
                format!("{:.4}", e.lr),
                format!("{:.3}", e.loss_largest),
                format!("{:.3}", e.loss_students),
                format!("{:.0}", e.images_per_s),
                top1(f64::min),
                top1(f64::max),
            ]
        })
        .collect();
    let header = ["step", "epoch", "lr", "loss", "students", "images/s", "worst %", "best %"];
    let text = table(&header, &rows);
    let state = if report.finished { "trained" } else { "not finished (go on with --resume)," };
    format!("{text}\n{} {state} in {:.0} s", report.run.display(), report.seconds)
}

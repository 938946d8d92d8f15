//! `supernano train`: all steps of a configuration.

use std::path::PathBuf;

use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress as _;
use supernano_base::run_dir::RunDirectory;
use supernano_train::training::{Begin, Epoch, TrainReport, TrainRequest, train_for};

use crate::options::{DataArgs, ProcessorArgs};
use crate::output::{Output, table};

/// Train a supernet: all steps of a configuration.
///
/// Ctrl-C stops the training, and --resume continues it from the last checkpoint.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano train host-trainer/configs/demo.toml -o runs/demo")]
pub struct Args {
    /// Configuration (TOML); optional with --resume, which reads that of the run.
    config: Option<PathBuf>,
    /// Run directory [default: runs/ and the name of the configuration].
    #[arg(short, long, value_name = "RUN")]
    output: Option<PathBuf>,
    /// Continue from the last checkpoint of the run.
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Remove the run in the directory and start again.
    #[arg(long)]
    overwrite: bool,
    /// Minutes after which training ends, at the end of an epoch [default: no limit].
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// Seconds after which training ends with a checkpoint, within an epoch [default: no limit].
    #[arg(long, value_name = "SECONDS", conflicts_with = "minutes")]
    deadline: Option<f64>,
    /// Check the configuration, read the data and stop.
    #[arg(long)]
    dry_run: bool,
    /// Leave out files of the data that cannot be read, and list them.
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    processor: ProcessorArgs,
    #[command(flatten)]
    data: DataArgs,
}

impl Args {
    /// The run directory; `None` for one that is only read.
    pub(super) fn run(&self) -> Option<RunDirectory> {
        let (_, run) = self.inputs().ok()?;
        (!self.dry_run).then(|| RunDirectory::new(run))
    }

    /// The configuration and the run directory.
    fn inputs(&self) -> Result<(RunConfig, PathBuf)> {
        let (mut config, run) = match (&self.config, &self.output) {
            (Some(config), output) => {
                let name = config.file_stem().unwrap_or_default();
                let run = output.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
                (RunConfig::read(config)?, run)
            }
            (None, Some(run)) if self.resume => (RunDirectory::new(run).config()?, run.clone()),
            (None, _) => {
                let expected = "a configuration, or --resume with --output";
                return Err(Error::invalid("command line", "CONFIG", expected, "nothing"));
            }
        };
        if let Some(data) = self.data.path() {
            config.data.path = Some(std::path::absolute(data).map_err(|e| Error::io(data, e))?);
        }
        config.data.skip_bad |= self.skip_bad;
        Ok((config, run))
    }
}

/// Trains and prints the epochs.
///
/// # Errors
/// [`Error::Tool`] if the processor does not answer; as [`train_for`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (config, run) = args.inputs()?;
    if args.dry_run {
        let text = config.to_toml()?;
        let dataset = supernano_data::of_config_shown(&config, None, out)?;
        dataset.notes.iter().for_each(|note| out.note(&format!("data: {note}")));
        out.emit(&config, |_| text)?;
        return Ok(());
    }
    let accelerator = args.processor.accelerator()?;
    let request = TrainRequest {
        config: &config,
        run: &run,
        begin: match (args.resume, args.overwrite) {
            (true, _) => Begin::Resume,
            (false, true) => Begin::Overwrite,
            (false, false) => Begin::New,
        },
        accelerator: &*accelerator,
        minutes: args.minutes,
        deadline: args.deadline,
    };
    out.emit(&train_for(&request, out)?, text)?;
    Ok(())
}

fn row(e: &Epoch) -> Vec<String> {
    let top1 = |pick: fn(f64, f64) -> f64| {
        let found = e.panel.iter().map(|p| p.top1).reduce(pick);
        found.map_or("-".to_owned(), |t| format!("{:.1}", 100.0 * t))
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
}

fn text(report: &TrainReport) -> String {
    let rows: Vec<Vec<String>> = report.epochs.iter().map(row).collect();
    let header = ["step", "epoch", "lr", "loss", "students", "images/s", "worst %", "best %"];
    let state = if report.finished { "trained" } else { "not finished (--resume continues it)," };
    let run = report.run.display();
    format!("{}\n{run} {state} in {:.0} s", table(&header, &rows), report.seconds)
}

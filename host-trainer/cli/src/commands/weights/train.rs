//! `supernano train`: all steps of a configuration.

use std::path::PathBuf;

use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::numbers::{duration, grouped};
use supernano_base::progress::Progress as _;
use supernano_base::run_dir::RunDirectory;
use supernano_train::training::{
    Begin, Epoch, FollowReport, FollowRequest, TrainReport, TrainRequest, follow, lead, train_for,
};

use crate::options::{DataArgs, PeerArgs, ProcessorArgs};
use crate::output::{Output, table};

/// Train a supernet: all steps of a configuration.
///
/// Ctrl-C stops the training, and --resume continues it from the last checkpoint.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano train host-trainer/configs/demo.toml -o runs/demo\n  \
    supernano train demo.toml -o runs/demo --peer 1/2 --address 10.0.0.1:4870\n  \
    supernano train demo.toml --peer 2/2 --address 10.0.0.1:4870\n\n\
    The last two commands divide the paths of each update between two machines; the weights are those of \
    one. Only the first peer has a run directory.")]
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
    peers: PeerArgs,
    #[command(flatten)]
    processor: ProcessorArgs,
    #[command(flatten)]
    data: DataArgs,
}

impl Args {
    /// The run directory; `None` for one that is only read, and for that of another peer.
    pub(super) fn run(&self) -> Option<RunDirectory> {
        let (_, run) = self.inputs().ok()?;
        let own = !self.dry_run && self.peers.meeting().is_none_or(|m| m.peer.index == 1);
        own.then(|| RunDirectory::new(run))
    }

    /// Refuses the options of a run directory for a peer that has none.
    fn refuse_run(&self) -> Result<()> {
        let options = [
            ("--output", self.output.is_some()),
            ("--resume", self.resume),
            ("--overwrite", self.overwrite),
            ("--minutes", self.minutes.is_some()),
            ("--deadline", self.deadline.is_some()),
        ];
        match options.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                let expected = "no such option: the first peer has the run directory";
                Err(Error::invalid("command line", option, expected, "a value with --peer"))
            }
            None => Ok(()),
        }
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
/// [`Error::Tool`] if the processor does not answer; as [`train_for`], [`lead`] and [`follow`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (config, run) = args.inputs()?;
    if args.dry_run {
        let text = config.to_toml()?;
        let dataset = supernano_data::of_config_shown(&config, None, out)?;
        dataset.notes.iter().for_each(|note| out.note(&format!("data: {note}")));
        out.emit(&config, |_| text)?;
        return Ok(());
    }
    let meeting = args.peers.meeting();
    if let Some(meeting) = meeting.filter(|meeting| meeting.peer.index > 1) {
        args.refuse_run()?;
        let accelerator = &*args.processor.accelerator()?;
        let followed = follow(&FollowRequest { config: &config, meeting, accelerator }, out)?;
        out.emit(&followed, followed_text)?;
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
    let report = match &meeting {
        Some(meeting) => lead(&request, meeting, out)?,
        None => train_for(&request, out)?,
    };
    out.emit(&report, text)?;
    Ok(())
}

fn followed_text(report: &FollowReport) -> String {
    let FollowReport { peer, updates, seconds, sent, received } = report;
    format!(
        "peer {peer}: {} updates in {}, {} bytes sent, {} bytes received",
        grouped(*updates),
        duration(*seconds),
        grouped(*sent),
        grouped(*received)
    )
}

fn row(e: &Epoch) -> Vec<String> {
    let top1 = |pick: fn(f64, f64) -> f64| {
        let found = e.panel.iter().map(|p| p.top1).reduce(pick);
        found.map_or("-".to_owned(), |t| match e.metric {
            None => format!("{:.1}", 100.0 * t),
            Some(_) => format!("{t:.3}"),
        })
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
    let metric = report.epochs.first().and_then(|e| e.metric);
    let (worst, best) = match metric {
        None => ("worst %".into(), "best %".into()),
        Some(metric) => (format!("worst {}", metric.title()), format!("best {}", metric.title())),
    };
    let header = ["step", "epoch", "lr", "loss", "students", "images/s", &worst, &best];
    let state = if report.finished { "trained" } else { "not finished (--resume continues it)," };
    let run = report.run.display();
    format!("{}\n{run} {state} in {}", table(&header, &rows), duration(report.seconds))
}

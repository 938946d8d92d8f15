//! `supernano run`: the whole way, one command after the other.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use supernano_base::codes::scores::read_scores;
use supernano_base::config::{BudgetSpec, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_base::run_dir::RunDirectory;
use supernano_core::space::Head;
use supernano_device::ready;
use supernano_search::search::file::Front;
use supernano_train::run::checkpoint;

use crate::commands::run_line;
use crate::output::Output;
use crate::project::state::state;

/// Go all the way: train, rank, search, check, latency and report.
///
/// Each stage is a command of its own, which is shown before it starts. A stage whose result is there
/// is not repeated, so the same command goes on after an interruption.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano run my-run.toml")]
pub struct Args {
    /// Configuration (TOML), such as one from `supernano new`.
    config: PathBuf,
    /// Run directory [default: runs/ and the name of the configuration].
    #[arg(short, long, value_name = "RUN")]
    output: Option<PathBuf>,
    /// Number of random sub-networks that are ranked. The search learns from their scores.
    #[arg(long, value_name = "N", default_value_t = 128)]
    ranked: usize,
    /// Number of networks of the front that are evaluated as integers.
    #[arg(long, value_name = "N", default_value_t = 8)]
    top: usize,
    /// Number of test images that the network classifies on the device.
    #[arg(long, value_name = "N", default_value_t = 200)]
    images: usize,
    /// Device of `check` and `latency` [default: the emulated core of the budget].
    #[arg(id = "way_target", long = "target")]
    target: Option<String>,
    /// Folder, file or archive of the data [default: the path in the configuration].
    #[arg(id = "way_data", long = "data", value_name = "PATH")]
    data: Option<PathBuf>,
}

/// Runs every stage whose result is missing or older than that of the stage before.
///
/// # Errors
/// As the commands of the stages.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let config = RunConfig::read(&args.config)?;
    let name = args.config.file_stem().unwrap_or_default();
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
    // The result of the whole is one JSON object; those of the stages are text.
    let stages = if out.is_json() { out.silenced() } else { *out };
    let way = Way { args, out: &stages, run: RunDirectory::new(&path) };
    let budget = config.budget.clone().unwrap_or_default();
    // What the last stages need is looked for before the first one, which takes longest.
    ready(&way.target(&budget)?.parse()?, None)?;
    way.train(&config)?;
    way.rank(&config)?;
    way.search(&budget)?;
    way.device(&budget)?;
    way.stage(&["report", &text(&path)?])?;
    if out.is_json() { out.emit(&state(&path)?, |_| String::new()) } else { Ok(()) }
}

/// The stages of one run.
struct Way<'a> {
    args: &'a Args,
    out: &'a Output,
    run: RunDirectory,
}

impl Way<'_> {
    /// Shows a command and runs it.
    fn stage(&self, line: &[&str]) -> Result<()> {
        self.out.note(&format!("$ supernano {}", line.join(" ")));
        run_line(line, self.out)
    }

    fn train(&self, config: &RunConfig) -> Result<()> {
        let (file, run) = (text(&self.args.config)?, text(self.run.path())?);
        let data = self.args.data.as_deref().map(text).transpose()?;
        let mut line = vec!["train", &file, "-o", &run];
        if let Some(data) = &data {
            line.extend(["--data", data]);
        }
        if self.run.config_file().is_file() {
            if checkpoint::latest_finished(self.run.path(), config) == Some(config.steps.len()) {
                return Ok(());
            }
            line.push("--resume");
        }
        self.stage(&line)
    }

    fn rank(&self, config: &RunConfig) -> Result<()> {
        let weights = checkpoint::finished_path(self.run.path(), config.steps.len());
        if is_newer(&self.run.scores(), &weights) {
            return Ok(());
        }
        let n = self.args.ranked.to_string();
        self.stage(&["rank", &text(self.run.path())?, "--random", &n])
    }

    fn search(&self, budget: &BudgetSpec) -> Result<()> {
        if is_newer(&self.run.front(), &self.run.scores()) {
            return Ok(());
        }
        let (run, top) = (text(self.run.path())?, self.args.top.to_string());
        let mut line = vec!["search", &run, "--top", &top, "--candidates", "auto"];
        // Only answers of classes are right or wrong.
        if self.run.config()?.space().head == Head::Classes {
            line.push("--verify");
        }
        // Equal accuracies rank nothing; the cross-entropy still does.
        let scores = read_scores(&self.run.scores())?;
        if scores.windows(2).all(|pair| pair[0].1.acc == pair[1].1.acc) {
            line.extend(["--metric", "ce"]);
        }
        let limits: Vec<(String, &str)> =
            budget.set().map(|(name, value)| (format!("--{name}"), value)).collect();
        for (option, value) in &limits {
            line.extend([option.as_str(), value]);
        }
        self.stage(&line)
    }

    /// The target of `check` and `latency`.
    fn target(&self, budget: &BudgetSpec) -> Result<String> {
        self.args.target.clone().map_or_else(|| emulated(budget), Ok)
    }

    /// Checks the winner on the device and counts its instructions.
    fn device(&self, budget: &BudgetSpec) -> Result<()> {
        let front: Front = files::read_json(&self.run.front(), "the front of `supernano search`")?;
        let network = self.run.network(&front.winner);
        let target = self.target(budget)?;
        let (network_file, images) = (text(&network)?, self.args.images.to_string());
        // The search has verified classes only, and written the winner.
        let is_verified = self.run.config()?.space().head == Head::Classes;
        if !is_verified && !is_newer(&network, &self.run.front()) {
            self.stage(&["export", &text(self.run.path())?, &front.winner])?;
        }
        if is_newer(&self.run.latency_table(), &network) {
            return Ok(());
        }
        self.stage(&["check", &network_file, "--target", &target, "--images", &images])?;
        self.stage(&["latency", &network_file, "--target", &target])
    }
}

/// The emulated device with the core of a budget.
fn emulated(budget: &BudgetSpec) -> Result<String> {
    let core = match (&budget.chip, &budget.core) {
        (Some(chip), _) => supernano_search::chip::find(chip)?.core,
        (None, Some(core)) => format!("cortex-{core}"),
        (None, None) => "cortex-m4".to_owned(),
    };
    let core = core.trim_start_matches("cortex-").trim_end_matches('+');
    Ok(format!("qemu-{core}"))
}

/// True if a file exists and is not older than another one.
fn is_newer(file: &Path, than: &Path) -> bool {
    let modified = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    match (modified(file), modified(than)) {
        (Some(file), Some(than)) => file >= than,
        (file, _) => file.is_some(),
    }
}

/// A path as an argument of a command.
fn text(path: &Path) -> Result<String> {
    path.to_str()
        .map(String::from)
        .ok_or_else(|| Error::invalid("command line", "path", "a path in UTF-8", path.display()))
}

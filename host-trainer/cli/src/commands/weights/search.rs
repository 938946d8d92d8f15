//! `supernano search`: the networks with the best predicted score that fit a budget.

mod text;

use std::path::PathBuf;

use clap::ValueEnum;
use supernano_base::error::Result;
use supernano_search::search::among::Candidates;
use supernano_search::search::budget::{Budget, BudgetOptions};
use supernano_search::search::find::{Listing, Metric};
use supernano_train::search::{RunSearch, Verification, search_run};

use crate::options::{DataArgs, ForceArgs, OverwriteArgs, RARE};
use crate::output::Output;

/// The quantity that the search maximises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MetricArg {
    /// Top-1 accuracy.
    Top1,
    /// The negative cross-entropy, which ranks better while training is short.
    Ce,
}

impl From<MetricArg> for Metric {
    fn from(metric: MetricArg) -> Self {
        match metric {
            MetricArg::Top1 => Self::Top1,
            MetricArg::Ce => Self::CrossEntropy,
        }
    }
}

/// The sub-networks that a search chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CandidatesArg {
    /// All of the space, by predicted scores.
    All,
    /// Those with a score, by their scores. Nothing is predicted.
    Evaluated,
    /// All, or those with a score if the predictions are no better than trivial ones.
    Auto,
}

impl From<CandidatesArg> for Candidates {
    fn from(candidates: CandidatesArg) -> Self {
        match candidates {
            CandidatesArg::All => Self::All,
            CandidatesArg::Evaluated => Self::Evaluated,
            CandidatesArg::Auto => Self::Auto,
        }
    }
}

/// Find the best networks under limits of flash, RAM and work.
///
/// A model that is fitted to the scores of `supernano rank` predicts the scores of all sub-networks.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano search runs/a --chip nRF52840_xxAA --flash 128KiB --ram 24KiB --instructions 5M\n  \
    supernano search runs/a --flash 64KiB --ram 24KiB --top 20 --verify\n\n\
    Flash is the network file and the code of the firmware. RAM is the arena, the logits, the stack and \
    the statics. Both are exact. Instructions are modelled from exact loop counts. Times are estimated \
    (core model, no wait states), unless --table has cycles that a board has measured. The units of \
    sizes are B, k, kB (or KB), KiB, M, MB, MiB, G and GiB. Exit code 1 means that no network fits, or that the \
    surrogate is not useful.")]
pub struct Args {
    /// Run directory with config.toml and scores.json.
    pub(super) run: PathBuf,
    /// Scores of evaluated sub-networks [default: scores.json in the run directory].
    #[arg(long, value_name = "FILE", help_heading = RARE)]
    scores: Option<PathBuf>,
    /// Quantity to maximise.
    #[arg(long, value_enum, default_value_t = MetricArg::Top1, help_heading = RARE)]
    metric: MetricArg,
    /// The sub-networks to choose from.
    #[arg(long, value_enum, default_value_t = CandidatesArg::All, help_heading = "Prediction")]
    candidates: CandidatesArg,
    /// Number of networks to list, from the best.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Number of networks to list that are wide apart on the front, both ends included [default: 8,
    /// or 0 with --top].
    #[arg(long, value_name = "N")]
    spread: Option<usize>,
    /// Seed of the evolution, for a space that is too large to enumerate [default: the seed of the
    /// configuration].
    #[arg(long, help_heading = RARE)]
    seed: Option<u64>,
    /// File of the state of an unfinished search [default: search-state.json in the run directory].
    #[arg(long, value_name = "FILE", help_heading = RARE)]
    state: Option<PathBuf>,
    /// File for the front [default: front.json in the run directory].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    budget: BudgetArgs,
    /// Evaluate the listed networks in float and in int8. The winner is then the best in int8; its file
    /// and that of the network of uniform width go to networks/ in the run directory.
    #[arg(long, help_heading = "Verification")]
    verify: bool,
    /// Number of validation images for --verify, from the first.
    #[arg(long, value_name = "N", default_value_t = 5000, help_heading = "Verification",
        value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    force: ForceArgs,
}

/// Selects the device and its limits.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Budget")]
struct BudgetArgs {
    /// Chip, in the spelling of probe-rs; sets core, flash and RAM.
    #[arg(long)]
    chip: Option<String>,
    /// Core, if no chip is named: m0, m3, m4, m7, m33 or m55 [default: m4].
    #[arg(long)]
    core: Option<String>,
    /// Firmware around the network: `small` (Rust, built for size), `fast` (Rust, built for speed) or
    /// `c` (C, Cortex-M4 and M7) [default: small, or the memory that --table states].
    #[arg(long, value_name = "FIRMWARE")]
    firmware: Option<String>,
    /// Limit of flash: network file and code.
    #[arg(long, value_name = "SIZE")]
    flash: Option<String>,
    /// Limit of RAM: arena, logits, stack and statics.
    #[arg(long, value_name = "SIZE")]
    ram: Option<String>,
    /// Limit of instructions of one inference.
    #[arg(long, value_name = "COUNT")]
    instructions: Option<String>,
    /// Limit of time of one inference, such as 60ms: estimated from the core at the clock of --chip, or
    /// from a --table of cycles that a board has measured.
    #[arg(long, value_name = "TIME", conflicts_with = "instructions")]
    latency: Option<String>,
    /// Table of instructions or cycles [default: the table of the core].
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

impl BudgetArgs {
    fn budget(&self) -> Result<Budget> {
        Budget::new(&BudgetOptions {
            chip: self.chip.as_deref(),
            core: self.core.as_deref(),
            flash: self.flash.as_deref(),
            ram: self.ram.as_deref(),
            instructions: self.instructions.as_deref(),
            latency: self.latency.as_deref(),
            table: self.table.as_deref(),
            firmware: self.firmware.as_deref(),
        })
    }
}

/// Searches, writes the front and prints it.
///
/// # Errors
/// As [`Budget::new`] and [`search_run`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (images, data) = (args.images as usize, args.data.path());
    let request = RunSearch {
        run: &args.run,
        scores: args.scores.as_deref(),
        metric: args.metric.into(),
        budget: &args.budget.budget()?,
        listing: Listing { top: args.top, spread: args.spread },
        verification: args.verify.then_some(Verification { images, data }),
        seed: args.seed,
        state: args.state.as_deref(),
        output: args.overwrite.claim_any(args.output.as_deref())?,
        force: args.force.force(),
        candidates: args.candidates.into(),
    };
    let (front, path) = search_run(&request, out)?;
    out.emit(&front, |front| text::text(front, &path))?;
    Ok(())
}

//! `supernano search`: the networks with the best predicted score that fit a budget.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use supernano_core::arch::Arch;
use supernano_core::plan::Enhancement;
use supernano_core::space::Space;

use super::output::{Output, table};
use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::files;
use crate::search::device::{DeviceCosts, label_bytes};
use crate::search::file::{Front, FrontNetwork, InstructionModel, SurrogateSummary};
use crate::search::instructions::InstructionTable;
use crate::search::{Candidate, Limits, Method, Problem, front, search, size};
use crate::stats::table as tables;
use crate::surrogate::{Link, Surrogate};
use crate::train::checkpoint::latest_finished;

/// What is maximised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Top-1 accuracy.
    Top1,
    /// Minus the cross-entropy, which ranks better while training is short.
    Ce,
}

/// Search the space for the best networks under limits of flash, RAM and instructions.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano search runs/a --flash 64KiB --ram 24KiB \
    --instructions 5M\n\n\
    Scores are predicted by a model fitted to the scores of `supernano rank`. Flash is the blob and \
    RAM its arena, both exact; instructions are modelled. Sizes take B, k, kB, KiB, M, MB, MiB, G, \
    GiB. Exit code 1: nothing is feasible.")]
pub struct Args {
    /// Run directory with config.toml and scores.json.
    run: PathBuf,
    /// Scores of evaluated sub-networks; default: RUN/scores.json.
    #[arg(long)]
    scores: Option<PathBuf>,
    /// What is maximised.
    #[arg(long, value_enum, default_value = "top1")]
    metric: Metric,
    /// Most bytes of the blob.
    #[arg(long)]
    flash: Option<String>,
    /// Most bytes of the arena.
    #[arg(long)]
    ram: Option<String>,
    /// Most instructions of one inference.
    #[arg(long)]
    instructions: Option<String>,
    /// Table of instructions; default: the Cortex-M4's.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// List the best N of the front.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// List N of the front that are wide apart, both ends included [default: 8, unless --top].
    #[arg(long, value_name = "N")]
    spread: Option<usize>,
    /// Seed of the evolution in a space too large to enumerate; default: the run's.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the front is written; default: RUN/front.json.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Fits the surrogate, searches, writes the front and prints it.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Invalid`] for a run, scores or sizes that are not right;
/// [`Error::No`] where nothing is feasible.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let limits = limits(args)?;
    let config = RunConfig::read(&args.run.join("config.toml"))?;
    let space = config.space();
    let scores = args.scores.clone().unwrap_or_else(|| args.run.join("scores.json"));
    let samples = samples(&scores, space, args.metric)?;
    let link = match args.metric {
        Metric::Top1 => Link::Logit,
        Metric::Ce => Link::Identity,
    };
    let surrogate = Surrogate::fit(space, &samples, link)?;
    let table = match &args.table {
        Some(path) => InstructionTable::read(path)?,
        None => InstructionTable::cortex_m4()?,
    };
    let costs = DeviceCosts {
        space,
        enhancement: enhancement(&config, &args.run),
        labels: label_bytes(&config),
        table,
    };
    let score = |arch: &Arch| surrogate.score(space, arch);
    let problem = Problem { space, score: &score, costs: &costs, limits };
    let method = Method { seed: args.seed.unwrap_or(config.seed), ..Method::default() };
    let found = search(&problem, method)?;

    let evaluated: HashMap<&Arch, f64> = samples.iter().map(|(a, s)| (a, *s)).collect();
    let networks = chosen(args, &found.front)
        .into_iter()
        .map(|Candidate { arch, score, costs }| FrontNetwork {
            code: arch.display(space).to_string(),
            score,
            score_se: surrogate.predict(space, &arch).se,
            evaluated: evaluated.get(&arch).copied(),
            flash_bytes: costs.flash_bytes,
            ram_bytes: costs.ram_bytes,
            instructions: costs.instructions,
        })
        .collect();
    let result = Front {
        space: space.name.to_owned(),
        limits,
        examined: found.examined,
        exhaustive: found.exhaustive,
        front_size: found.front.len(),
        surrogate: SurrogateSummary {
            metric: match args.metric {
                Metric::Top1 => "top1".into(),
                Metric::Ce => "ce".into(),
            },
            samples: surrogate.samples,
            lambda: surrogate.lambda,
            cross_validation: surrogate.cross_validation,
        },
        instructions: InstructionModel {
            core: costs.table.core,
            modelled: true,
            counted: costs.table.counted,
            provenance: costs.table.provenance,
        },
        networks,
    };
    let path = args.output.clone().unwrap_or_else(|| args.run.join("front.json"));
    files::write_json(&path, &result)?;
    out.emit(&result, |result| human(result, &path));
    Ok(())
}

/// The enhancement of what would be exported: that of the latest finished step, or of the last
/// one where none is.
fn enhancement(config: &RunConfig, run: &Path) -> Enhancement {
    let step = latest_finished(run, config).unwrap_or(config.steps.len());
    let step = step.checked_sub(1).and_then(|i| config.steps.get(i));
    step.map_or(config.enhancement, |s| s.enhancement(config.enhancement))
}

fn limits(args: &Args) -> Result<Limits> {
    let [flash, ram, instructions] = Limits::NAMES;
    let read = |option: &str, text: &Option<String>| {
        text.as_deref().map(|t| size::parse(option, t)).transpose()
    };
    Ok(Limits {
        flash_bytes: read(flash, &args.flash)?,
        ram_bytes: read(ram, &args.ram)?,
        instructions: read(instructions, &args.instructions)?,
    })
}

fn samples(path: &Path, space: &Space<'_>, metric: Metric) -> Result<Vec<(Arch, f64)>> {
    let (columns, sign): (&[&str], f64) = match metric {
        Metric::Top1 => (&["top1", "acc"], 1.0),
        Metric::Ce => (&["ce", "ce_loss"], -1.0),
    };
    let entries = tables::read(path, space, columns).map_err(|error| match error {
        Error::Missing { path, .. } => {
            let needed_for = "scores of evaluated sub-networks; `supernano rank` makes them".into();
            Error::Missing { path, needed_for }
        }
        other => other,
    })?;
    Ok(entries.into_iter().map(|e| (e.arch, sign * e.value)).collect())
}

/// The networks asked for, best score first, each once.
fn chosen(args: &Args, found: &[Candidate]) -> Vec<Candidate> {
    let spread = args.spread.unwrap_or(if args.top.is_some() { 0 } else { 8 });
    let mut networks: Vec<Candidate> = found.iter().take(args.top.unwrap_or(0)).cloned().collect();
    networks.extend(front::spread(found, spread));
    networks.sort_by(front::order);
    networks.dedup_by(|a, b| a.arch == b.arch);
    networks
}

fn human(result: &Front, path: &Path) -> String {
    let percent = result.surrogate.metric == "top1";
    let score = |v: f64| if percent { format!("{:.2}", 100.0 * v) } else { format!("{v:.4}") };
    let rows: Vec<Vec<String>> = result
        .networks
        .iter()
        .map(|n| {
            vec![
                n.code.clone(),
                score(n.score),
                score(n.score_se),
                n.flash_bytes.to_string(),
                n.ram_bytes.to_string(),
                n.instructions.to_string(),
            ]
        })
        .collect();
    let name = if percent { "predicted top-1 %" } else { "predicted -CE" };
    let header = ["code", name, "+-", "flash B", "arena B", "instructions (modelled)"];
    let how = if result.exhaustive { "all" } else { "by evolution" };
    let cv = &result.surrogate.cross_validation;
    format!(
        "{}\n{} of {} networks on the front; {} sub-networks examined ({how}).\n\
         Scores: ridge on {} evaluated sub-networks, cross-validated error {}, Pearson {:.3}.\n\
         Instructions: {}, {} counted operations; {}.\nWritten to {}.",
        table(&header, &rows),
        result.networks.len(),
        result.front_size,
        result.examined,
        result.surrogate.samples,
        score(cv.rmse),
        cv.pearson,
        result.instructions.core,
        result.instructions.counted,
        result.instructions.provenance,
        path.display(),
    )
}

//! `supernano search`: the networks with the best predicted score that fit a budget.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_base::stats::table as tables;
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_data::{Dataset, label_bytes};
use supernano_search::cost::device::{DeviceCosts, kind};
use supernano_search::cost::instructions::kernel_name;
use supernano_search::search::budget::{Budget, Wishes};
use supernano_search::search::file::{Front, FrontNetwork, InstructionModel, SurrogateSummary};
use supernano_search::search::{Candidate, Method, Problem, front, search, uniform};
use supernano_search::surrogate::{Choices, Link, Surrogate, Terms};
use supernano_train::run::Run;
use supernano_train::run::checkpoint::latest_finished;

use super::verify::verify;
use crate::output::{Output, table};

/// What is maximised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Top-1 accuracy.
    Top1,
    /// Minus the cross-entropy, which ranks better while training is short.
    Ce,
}

/// Search the space for the best networks that a chip or limits of flash, RAM and work allow.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano search runs/a --chip nRF52840_xxAA --flash 128KiB --ram 24KiB --instructions 5M\n  \
    supernano search runs/a --flash 64KiB --ram 24KiB --top 20 --verify\n\n\
    Scores are predicted by a model fitted to the scores of `supernano rank`. Flash is the blob and \
    the runtime's code, RAM the arena, the stack and statics; both are exact. Instructions are \
    modelled from exact loop counts. Sizes take B, k, kB, KiB, M, MB, MiB, G, GiB. Exit code 1: \
    nothing is feasible.")]
pub struct Args {
    /// Run directory with config.toml and scores.json.
    run: PathBuf,
    /// Scores of evaluated sub-networks; default: RUN/scores.json.
    #[arg(long)]
    scores: Option<PathBuf>,
    /// What is maximised.
    #[arg(long, value_enum, default_value = "top1")]
    metric: Metric,
    /// Chip, as probe-rs names it: its flash, its RAM and its core.
    #[arg(long)]
    chip: Option<String>,
    /// Core without a chip: m0, m3, m4, m7 or m33 [default: m4].
    #[arg(long)]
    core: Option<String>,
    /// Most bytes of flash, blob and code together.
    #[arg(long)]
    flash: Option<String>,
    /// Most bytes of RAM: arena, stack and statics together.
    #[arg(long)]
    ram: Option<String>,
    /// Most instructions of one inference.
    #[arg(long)]
    instructions: Option<String>,
    /// Longest time of one inference, such as 60ms; needs a --table of cycles of the board.
    #[arg(long, conflicts_with = "instructions")]
    latency: Option<String>,
    /// Table of instructions or cycles; default: that of the core.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// List the best N of the front.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// List N of the front that are wide apart, both ends included [default: 8, unless --top].
    #[arg(long, value_name = "N")]
    spread: Option<usize>,
    /// Evaluate the listed networks with inherited weights and as int8 on the validation split,
    /// and name as winner the best int8; its file goes to RUN/networks, and that of the network
    /// of uniform width as well.
    #[arg(long)]
    verify: bool,
    /// Validation images of --verify.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Directory or archive of the data set, for --verify.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Seed of the evolution in a space too large to enumerate; default: the run's.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the search keeps its state until it is done; default: RUN/search-state.json.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where the front is written; default: RUN/front.json.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Fits the surrogate, searches, writes the front and prints it.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Invalid`] for a run, scores, chips or sizes that are not right;
/// [`Error::No`] where nothing is feasible.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let budget = Budget::new(&Wishes {
        chip: args.chip.as_deref(),
        core: args.core.as_deref(),
        flash: args.flash.as_deref(),
        ram: args.ram.as_deref(),
        instructions: args.instructions.as_deref(),
        latency: args.latency.as_deref(),
        table: args.table.as_deref(),
    })?;
    let config = RunConfig::read(&args.run.join("config.toml"))?;
    let space = config.space();
    let step = finished(&config, &args.run)?;
    let scores = args.scores.clone().unwrap_or_else(|| args.run.join("scores.json"));
    let samples = samples(&scores, &space, args.metric)?;
    let link = match args.metric {
        Metric::Top1 => Link::Logit,
        Metric::Ce => Link::Identity,
    };
    let additive = Choices { terms: vec![Terms::Additive], ..Choices::default() };
    let surrogate = Surrogate::fit_with(&space, &samples, link, &additive)?;
    let costs = DeviceCosts {
        space: &space,
        enhancement: config.steps[step - 1].enhancement(config.enhancement),
        labels: label_bytes(&config),
        table: budget.table.clone(),
    };
    let limits = budget.limits;
    let problem = Problem { space: &space, score: &surrogate, costs: &costs, limits };
    let method = Method {
        seed: args.seed.unwrap_or(config.seed),
        state: Some(args.state.clone().unwrap_or_else(|| args.run.join("search-state.json"))),
        ..Method::default()
    };
    let start = Instant::now();
    let found = search(&problem, &method)?;
    let seconds = start.elapsed().as_secs_f64();
    let by_hand = uniform::best(&problem)?;

    let evaluated: HashMap<&Arch, f64> = samples.iter().map(|(a, s)| (a, *s)).collect();
    let overhead = costs.table.overhead;
    let described = |c: &Candidate| FrontNetwork {
        code: c.arch.display(&space).to_string(),
        score: c.score,
        score_se: surrogate.predict(&space, &c.arch).se,
        evaluated: evaluated.get(&c.arch).copied(),
        flash_bytes: c.costs.flash_bytes,
        ram_bytes: c.costs.ram_bytes,
        blob_bytes: c.costs.flash_bytes - overhead.code,
        arena_bytes: c.costs.ram_bytes - overhead.stack - overhead.statics,
        instructions: c.costs.instructions,
        kernels: kernels(&space, &c.kinds),
        verified: None,
    };
    let candidates = chosen(args, &found.front);
    let mut result = Front {
        space: space.name.to_owned(),
        chip: budget.chip.as_ref().map(|c| c.name.clone()),
        limits,
        overhead,
        examined: found.examined,
        seconds,
        exhaustive: found.exhaustive,
        optimal: found.optimal,
        bound: found.bound,
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
            core: costs.table.core.clone(),
            unit: costs.table.unit.clone(),
            modelled: true,
            counted: costs.table.counted,
            largest_error: costs.table.largest_error,
            provenance: costs.table.provenance.clone(),
        },
        networks: candidates.iter().map(described).collect(),
        winner: candidates[0].arch.display(&space).to_string(),
        uniform: by_hand.as_ref().map(described),
    };
    if args.verify {
        let run = Run::open(&args.run)?;
        let dataset = run.dataset(args.data.as_deref())?;
        verified(args, out, &run, &dataset, &candidates, &mut result)?;
        if let (Some(c), Some(uniform)) = (&by_hand, &mut result.uniform) {
            let images = args.images as usize;
            let (found, blob) = verify(&run, &dataset, &c.arch, &c.kinds, images)?;
            uniform.verified = Some(found);
            files::write(&network_file(&args.run, &uniform.code), blob.bytes())?;
        }
    }
    let path = args.output.clone().unwrap_or_else(|| args.run.join("front.json"));
    files::write_json(&path, &result)?;
    out.emit(&result, |result| human(result, &path));
    Ok(())
}

/// Evaluates the listed networks, names the winner and writes its file.
fn verified(
    args: &Args,
    out: &Output,
    run: &Run,
    dataset: &Dataset,
    candidates: &[Candidate],
    result: &mut Front,
) -> Result<()> {
    let bar = out.task(candidates.len() as u64, "verify");
    let mut best: Option<(f64, supernano_base::blob::Blob)> = None;
    for (candidate, network) in candidates.iter().zip(&mut result.networks) {
        let images = args.images as usize;
        let (found, blob) = verify(run, dataset, &candidate.arch, &candidate.kinds, images)?;
        network.verified = Some(found);
        if best.as_ref().is_none_or(|(int8, _)| found.int8 > *int8) {
            best = Some((found.int8, blob));
            result.winner.clone_from(&network.code);
        }
        bar.advance(1);
    }
    bar.finish();
    if let Some((_, blob)) = best {
        files::write(&network_file(&args.run, &result.winner), blob.bytes())?;
    }
    Ok(())
}

fn network_file(run: &Path, code: &str) -> PathBuf {
    run.join("networks").join(code).with_extension("snb")
}

/// The latest finished training step, from 1.
fn finished(config: &RunConfig, run: &Path) -> Result<usize> {
    latest_finished(run, config).filter(|step| *step > 0).ok_or_else(|| Error::Missing {
        path: run.join("checkpoints"),
        needed_for: "a finished training step, whose weights would ship; `supernano train` makes \
                     it"
        .into(),
    })
}

fn kernels(space: &Space<'_>, kinds: &[u8]) -> Vec<String> {
    let name = |layer| kernel_name(kind(space, kinds, layer)).to_owned();
    (0..space.layers.len()).map(name).collect()
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

/// The networks asked for, best score first, each once, never none.
fn chosen(args: &Args, found: &[Candidate]) -> Vec<Candidate> {
    let spread = args.spread.unwrap_or(if args.top.is_some() { 0 } else { 8 });
    let top = args.top.unwrap_or(0).max(usize::from(spread == 0));
    let mut networks: Vec<Candidate> = found.iter().take(top).cloned().collect();
    networks.extend(front::spread(found, spread));
    networks.sort_by(front::order);
    networks.dedup_by(|a, b| a.arch == b.arch);
    networks
}

fn human(result: &Front, path: &Path) -> String {
    let percent = result.surrogate.metric == "top1";
    let score = |v: f64| if percent { format!("{:.2}", 100.0 * v) } else { format!("{v:.4}") };
    let unit = format!("{} (modelled)", result.instructions.unit);
    let name = if percent { "predicted top-1 %" } else { "predicted -CE" };
    let verified = result.networks.iter().any(|n| n.verified.is_some());
    let mut header = vec!["code", name, "+-"];
    if verified {
        header.extend(["inherited %", "int8 %"]);
    }
    header.extend(["flash B", "RAM B", unit.as_str()]);
    let row = |n: &FrontNetwork, code: String| {
        let mut row = vec![code, score(n.score), score(n.score_se)];
        if verified {
            let shown = |of: fn(&supernano_search::search::file::Verified) -> f64| {
                n.verified.as_ref().map_or("-".into(), |v| format!("{:.2}", 100.0 * of(v)))
            };
            row.extend([shown(|v| v.inherited), shown(|v| v.int8)]);
        }
        row.extend([
            n.flash_bytes.to_string(),
            n.ram_bytes.to_string(),
            n.instructions.to_string(),
        ]);
        row
    };
    let mut rows: Vec<Vec<String>> =
        result.networks.iter().map(|n| row(n, n.code.clone())).collect();
    if let Some(uniform) = &result.uniform {
        rows.push(row(uniform, format!("uniform width: {}", uniform.code)));
    }
    let how = match (result.exhaustive, result.optimal) {
        (true, _) => "every sub-network; the best is the optimum".to_owned(),
        (false, true) => "evolution; branch and bound proves that the best is the optimum".into(),
        (false, false) => {
            format!("evolution; no feasible sub-network is above {}", score(result.bound))
        }
    };
    let cv = &result.surrogate.cross_validation;
    let winner = result.networks.iter().find(|n| n.code == result.winner);
    let parts = winner.map_or_else(String::new, |n| {
        let o = result.overhead;
        format!(
            "Winner: {}\n  flash {} = blob {} + code {}\n  RAM {} = arena {} + stack {} + statics {}\n",
            n.code, n.flash_bytes, n.blob_bytes, o.code, n.ram_bytes, n.arena_bytes, o.stack,
            o.statics
        )
    });
    format!(
        "{}\n{parts}{} of {} networks on the front; {} candidates in {:.1} s ({how}).\n\
         Scores: ridge on {} evaluated sub-networks, cross-validated error {}, Pearson {:.3}.\n\
         {}: {}, {} counted operations, at most {:.2} % off on others; {}.\nWritten to {}.",
        table(&header, &rows),
        result.networks.len(),
        result.front_size,
        result.examined,
        result.seconds,
        result.surrogate.samples,
        score(cv.rmse),
        cv.pearson,
        result.instructions.unit,
        result.instructions.core,
        result.instructions.counted,
        100.0 * result.instructions.largest_error,
        result.instructions.provenance,
        path.display(),
    )
}

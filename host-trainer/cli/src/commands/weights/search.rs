//! `supernano search`: the networks with the best predicted score that fit a budget.

mod text;

use std::path::PathBuf;

use clap::ValueEnum;
use supernano_base::error::Result;
use supernano_search::search::budget::{Budget, Wishes};
use supernano_search::search::find::{Listing, Metric};
use supernano_train::search::{RunSearch, Verification, search_run};

use crate::options::DataArgs;
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

/// Find the best networks under limits of flash, RAM and work.
///
/// A model that is fitted to the scores of `supernano rank` predicts the scores of all sub-networks.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano search runs/a --chip nRF52840_xxAA --flash 128KiB --ram 24KiB --instructions 5M\n  \
    supernano search runs/a --flash 64KiB --ram 24KiB --top 20 --verify\n\n\
    Flash is the network file and the code of the runtime. RAM is the arena, the stack and the statics. \
    Both are exact. Instructions are modelled from exact loop counts. The units of sizes are B, k, kB, \
    KiB, M, MB, MiB, G and GiB. Exit code 1 means that no network fits.")]
pub struct Args {
    /// Run directory with config.toml and scores.json.
    run: PathBuf,
    /// Scores of evaluated sub-networks [default: scores.json in the run directory].
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Quantity to maximise.
    #[arg(long, value_enum, default_value_t = MetricArg::Top1)]
    metric: MetricArg,
    /// Number of networks to list, from the best.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Number of networks to list that are wide apart on the front, both ends included [default: 8,
    /// or 0 with --top].
    #[arg(long, value_name = "N")]
    spread: Option<usize>,
    /// Seed of the evolution, for a space that is too large to enumerate [default: the seed of the
    /// configuration].
    #[arg(long)]
    seed: Option<u64>,
    /// File of the state of an unfinished search [default: search-state.json in the run directory].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// File for the front [default: front.json in the run directory].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
}

/// Selects the device and its limits.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Budget")]
struct BudgetArgs {
    /// Chip, in the spelling of probe-rs; sets core, flash and RAM.
    #[arg(long)]
    chip: Option<String>,
    /// Core, if no chip is named: m0, m3, m4, m7 or m33 [default: m4].
    #[arg(long)]
    core: Option<String>,
    /// Limit of flash: network file and code.
    #[arg(long, value_name = "SIZE")]
    flash: Option<String>,
    /// Limit of RAM: arena, stack and statics.
    #[arg(long, value_name = "SIZE")]
    ram: Option<String>,
    /// Limit of instructions of one inference.
    #[arg(long, value_name = "COUNT")]
    instructions: Option<String>,
    /// Limit of time of one inference, such as 60ms; needs a --table of cycles of the board.
    #[arg(long, value_name = "TIME", conflicts_with = "instructions")]
    latency: Option<String>,
    /// Table of instructions or cycles [default: the table of the core].
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

impl BudgetArgs {
    fn budget(&self) -> Result<Budget> {
        Budget::new(&Wishes {
            chip: self.chip.as_deref(),
            core: self.core.as_deref(),
            flash: self.flash.as_deref(),
            ram: self.ram.as_deref(),
            instructions: self.instructions.as_deref(),
            latency: self.latency.as_deref(),
            table: self.table.as_deref(),
        })
    }
}

/// Searches, writes the front and prints it.
///
/// # Errors
/// As [`Budget::new`] and [`search_run`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
<<<<<<< HEAD
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
=======
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
        output: args.output.as_deref(),
    };
    let (front, path) = search_run(&request, out)?;
    out.emit(&front, |front| text::text(front, &path));
>>>>>>> h-cli
    Ok(())
}

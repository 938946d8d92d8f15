//! `supernano standalone`: sub-networks trained alone.

use std::path::PathBuf;

use supernano_base::codes::truth::{Form, Recipe, Start, Truth, read_truths, write_truths};
use supernano_base::codes::{Coded, random_codes, read_codes};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress as _;
use supernano_core::arch::Arch;
use supernano_data::of_config as load_data;
use supernano_train::run::Run;
use supernano_train::training::standalone::{Inheritance, train_alone, train_inherited};

use crate::output::{Output, table};

/// Train sub-networks by themselves: true accuracies to compare scores with.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano standalone host-trainer/configs/demo.toml codes.json \
    --as nominal -o truth.csv\n\n\
    With --from the weights are a supernet's and its largest network teaches: \
    supernano standalone --from runs/demo --code 16-4-8-8-8-8 --as effective -o tuned.csv")]
pub struct Args {
    /// Configuration (TOML) or run directory: space, data, augmentation, optimiser.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    config: Option<PathBuf>,
    /// File of codes (challenge JSON, JSON list, CSV, lines).
    #[arg(value_name = "CODES")]
    file: Option<PathBuf>,
    /// The same as an option.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    codes: Option<PathBuf>,
    /// A sub-network; may be given several times.
    #[arg(long, conflicts_with_all = ["file", "codes"])]
    code: Vec<String>,
    /// This many random sub-networks instead.
    #[arg(long, value_name = "N", conflicts_with_all = ["file", "codes", "code"])]
    random: Option<usize>,
    /// Run directory whose weights are the start, and whose largest network teaches.
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Weight of the teacher against the labels, with --from.
    #[arg(long, default_value_t = 0.8, requires = "from")]
    alpha: f32,
    /// Go on with the truth file: sub-networks that are in it already are not trained again.
    #[arg(long)]
    resume: bool,
    /// The network that the code names, with ReLU, or what it is computed as after enhancement.
    #[arg(long = "as", value_enum)]
    form: Form,
    /// Epochs; default those of the configuration's first step, 5 with --from.
    #[arg(long)]
    epochs: Option<u32>,
    /// Learning rate at the start; default that of the configuration's first step, 0.01 with --from.
    #[arg(long)]
    lr: Option<f32>,
    /// Seed, also of --random; default the configuration's.
    #[arg(long)]
    seed: Option<u64>,
    /// Only every N-th code from the I-th: `I/N`, I from 0.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Data set's directory or archive, instead of the configuration's.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Truth file (CSV).
    #[arg(short, long)]
    output: PathBuf,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let pair = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    pair.filter(|&(i, n): &(usize, usize)| i < n)
        .ok_or_else(|| "expected I/N with I below N".into())
}

/// Epochs and learning rate from inherited weights.
const INHERITED: (u32, f32) = (5, 0.01);

/// Runs it; the file is written again after every network.
///
/// # Errors
/// Of the configuration, the run, the codes, the data or the output.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let from = args.from.as_deref().map(Run::open).transpose()?;
    let config = match (&from, &args.config) {
        (Some(run), _) => run.config.clone(),
        (None, Some(path)) if path.is_dir() => RunConfig::read(&path.join("config.toml"))?,
        (None, Some(path)) => RunConfig::read(path)?,
        (None, None) => return Err(Error::invalid("command line", "CONFIG", "a file", "nothing")),
    };
    if !(0.0..=1.0).contains(&args.alpha) {
        return Err(Error::invalid("command line", "--alpha", "0 to 1", args.alpha));
    }
    let first = &config.steps[0];
    let (epochs, lr) = if from.is_some() { INHERITED } else { (first.epochs, first.lr) };
    let recipe = Recipe {
        form: args.form,
        epochs: args.epochs.unwrap_or(epochs).max(1),
        lr: args.lr.unwrap_or(lr),
        seed: args.seed.unwrap_or(config.seed),
    };
    if !(recipe.lr > 0.0 && recipe.lr <= 10.0) {
        return Err(Error::invalid("command line", "--lr", "above 0, at most 10", recipe.lr));
    }
    let (shard, shards) = args.shard.unwrap_or((0, 1));
    let codes = codes(args, &config, recipe.seed)?;
    let codes: Vec<Coded> = codes.into_iter().skip(shard).step_by(shards).collect();
    let start = if from.is_some() { Start::Inherited } else { Start::Scratch };
    let mut truths: Vec<Truth> = match args.resume && args.output.is_file() {
        true => read_truths(&args.output, &recipe, start)?,
        false => Vec::with_capacity(codes.len()),
    };
    let dataset = load_data(&config, args.data.as_deref())?;
    let teacher = from.as_ref().map(|run| run.folded(&Arch::largest(&run.space()), &dataset));
    let inheritance = from.as_ref().zip(teacher.as_ref());
    let inheritance =
        inheritance.map(|(run, teacher)| Inheritance { run, teacher, alpha: args.alpha });
    let bar = out.task(codes.len() as u64, "standalone");
    for coded in &codes {
        if !truths.iter().any(|t| t.id == coded.id && t.arch == coded.written) {
            truths.push(match &inheritance {
                Some(from) => train_inherited(from, &dataset, coded, &recipe)?,
                None => train_alone(&config, &dataset, coded, &recipe)?,
            });
            write_truths(&args.output, &truths)?;
        }
        bar.advance(1);
    }
    bar.finish();
    out.emit(&truths, |truths| {
        let rows: Vec<Vec<String>> = truths
            .iter()
            .map(|t| {
                let (top1, se) = (100.0 * t.standalone_top1, 100.0 * t.top1_se);
                vec![t.arch.clone(), format!("{top1:.2}"), format!("{se:.2}")]
            })
            .collect();
        table(&["code", "top-1 %", "s.e. %"], &rows)
    });
    Ok(())
}

fn codes(args: &Args, config: &RunConfig, seed: u64) -> Result<Vec<Coded>> {
    let space = config.space();
    if let Some(path) = args.file.as_ref().or(args.codes.as_ref()) {
        return read_codes(path, &space);
    }
    if let Some(n) = args.random {
        return Ok(random_codes(&space, n, seed));
    }
    if args.code.is_empty() {
        let expected = "a file of codes, --code CODE, or --random N";
        return Err(Error::invalid("command line", "CODES", expected, "nothing"));
    }
    let coded = |(i, written): (usize, &String)| {
        let arch = Arch::parse(&space, written).map_err(|e| Error::core("--code", e))?;
        Ok(Coded { id: format!("arch{}", i + 1), written: written.clone(), arch })
    };
    args.code.iter().enumerate().map(coded).collect()
}

//! `supernano standalone`: sub-networks trained alone.

use std::path::PathBuf;

use super::output::{Output, table};
use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::rank::{random_codes, read_codes};
use crate::train::load_data;
use crate::train::standalone::{Form, Recipe, Truth, train_alone, write_truths};

/// Train sub-networks by themselves, from scratch: true accuracies to compare scores with.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano standalone host-trainer/configs/demo.toml codes.json \
    --as nominal -o truth.csv")]
pub struct Args {
    /// Configuration (TOML) or run directory: space, data, augmentation, optimiser.
    config: PathBuf,
    /// File of codes (challenge JSON, JSON list, CSV, lines).
    codes: Option<PathBuf>,
    /// This many random sub-networks instead.
    #[arg(long, value_name = "N", conflicts_with = "codes")]
    random: Option<usize>,
    /// The network that the code names, with ReLU, or what it is computed as after enhancement.
    #[arg(long = "as", value_enum)]
    form: Form,
    /// Epochs; default those of the configuration's first step.
    #[arg(long)]
    epochs: Option<u32>,
    /// Learning rate at the start; default that of the configuration's first step.
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

/// Runs it; the file is written again after every network.
///
/// # Errors
/// Of the configuration, the codes, the data or the output.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let path =
        if args.config.is_dir() { args.config.join("config.toml") } else { args.config.clone() };
    let config = RunConfig::read(&path)?;
    let seed = args.seed.unwrap_or(config.seed);
    let codes = match (&args.codes, args.random) {
        (Some(path), _) => read_codes(path, config.space())?,
        (None, Some(n)) => random_codes(config.space(), n, seed),
        (None, None) => {
            let expected = "a file of codes, or --random N";
            return Err(Error::invalid("command line", "CODES", expected, "nothing"));
        }
    };
    let first = &config.steps[0];
    let recipe = Recipe {
        form: args.form,
        epochs: args.epochs.unwrap_or(first.epochs).max(1),
        lr: args.lr.unwrap_or(first.lr),
        seed,
    };
    let (shard, shards) = args.shard.unwrap_or((0, 1));
    let codes: Vec<_> = codes.into_iter().skip(shard).step_by(shards).collect();
    let dataset = load_data(&config, args.data.as_deref())?;
    let bar = out.progress(codes.len() as u64, "standalone");
    let mut truths: Vec<Truth> = Vec::with_capacity(codes.len());
    for coded in &codes {
        truths.push(train_alone(&config, &dataset, coded, &recipe)?);
        write_truths(&args.output, &truths)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
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

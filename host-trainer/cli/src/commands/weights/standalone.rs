//! `supernano standalone`: sub-networks trained alone.

use std::path::{Path, PathBuf};

use supernano_base::codes::select::CodeSelection;
use supernano_base::codes::truth::{Form, Truth};
use supernano_base::error::Result;
use supernano_base::objective::ScoreMetric;
use supernano_train::training::{Existing, TruthRequest, make_truths};

use crate::options::{CodesArgs, DataArgs, ShardArgs};
use crate::output::{Output, table};

/// Train sub-networks alone, for true accuracies.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano standalone host-trainer/configs/demo.toml codes.json --as nominal -o truth.csv\n  \
    supernano standalone --from runs/demo 16-4-8-8-8-8 --as effective -o tuned.csv\n  \
    supernano standalone demo.toml codes.json --as nominal --shard 1/8 -o truths/1-of-8.json\n\n\
    The second command starts from the weights of a supernet, whose largest network is the teacher. \
    The truth file is written again after every sub-network. With --shard it is the shard's own \
    file, which is continued if it exists; `merge` joins the shards.")]
pub struct Args {
    /// Configuration (TOML) or run directory: space, data, augmentation, optimiser; left out with
    /// --from.
    #[arg(required_unless_present = "from")]
    config: Option<PathBuf>,
    /// Run directory whose weights are the start, and whose largest network is the teacher.
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Weight of the teacher against the labels, from 0 to 1.
    #[arg(long, default_value_t = 0.8, requires = "from")]
    alpha: f32,
    /// Network for which a code stands.
    #[arg(long = "as", value_enum)]
    form: Form,
    /// Epochs [default: those of the configuration's first step; 5 with --from].
    #[arg(long)]
    epochs: Option<u32>,
    /// Learning rate at the start [default: that of the configuration's first step; 0.01 with
    /// --from].
    #[arg(long)]
    lr: Option<f32>,
    /// Truth file (CSV); with --shard, the shard's file (JSON).
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Keep the truth file, skip sub-networks that are in it already, and add the others.
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Replace the truth file if it exists.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    codes: CodesArgs,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    data: DataArgs,
}

impl Args {
    /// The configuration or run, and the sub-networks. With `--from` the first argument is a code.
    fn inputs(&self) -> (&Path, CodeSelection) {
        let mut codes = self.codes.selection();
        match (&self.from, &self.config) {
            (Some(run), first) => {
                let first = first.iter().map(|path| path.display().to_string());
                codes.named.splice(0..0, first);
                (run, codes)
            }
            (None, Some(config)) => (config, codes),
            (None, None) => (Path::new(""), codes),
        }
    }
}

/// Trains the sub-networks and prints their accuracies.
///
/// # Errors
/// The errors of [`make_truths`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (config, codes) = args.inputs();
    let request = TruthRequest {
        config,
        inherit: args.from.is_some(),
        codes: &codes,
        part: args.shard.part(),
        form: args.form,
        epochs: args.epochs,
        lr: args.lr,
        alpha: args.alpha,
        data: args.data.path(),
        existing: match (args.resume, args.overwrite) {
            (true, _) => Existing::Continue,
            (false, true) => Existing::Replace,
            (false, false) => Existing::Refuse,
        },
        output: &args.output,
    };
    out.emit(&make_truths(&request, out)?, |truths| text(truths))?;
    Ok(())
}

fn text(truths: &[Truth]) -> String {
    let row = |t: &Truth| {
        let cell = |score| ScoreMetric::cell(t.metric, score);
        vec![t.arch.clone(), cell(t.standalone_top1), cell(t.top1_se)]
    };
    let rows: Vec<Vec<String>> = truths.iter().map(row).collect();
    let (score, error) = ScoreMetric::columns(truths.first().and_then(|t| t.metric));
    table(&["code", score, error], &rows)
}

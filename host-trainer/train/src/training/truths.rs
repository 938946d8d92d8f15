//! True accuracies of a list of codes: each sub-network is trained alone.

mod shard;

use std::collections::HashSet;
use std::path::Path;

use supernano_base::codes::select::CodeSelection;
use supernano_base::codes::truth::{
    Form, Recipe, Start, Truth, create_truths, distinguish, read_truths, write_truths,
};
use supernano_base::codes::{Coded, unused_id};
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::objective::ScoreMetric;
use supernano_base::progress::{Progress, Task};
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::{not_learnt, score_not_learnt};
use supernano_core::arch::Arch;
use supernano_data::Dataset;

pub use self::shard::{PlacedTruth, TruthIdentity, TruthShard, merge_truths};
use super::standalone::{Inheritance, train_alone, train_inherited};
use crate::run::Run;
use crate::shard::ShardNumber;
use crate::supernet::{EvalSet, FoldedNet, evaluate};

/// Epochs and learning rate of a training that starts from inherited weights.
const INHERITED: (u32, f32) = (5, 0.01);

/// What happens to a truth file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    Refuse,
    /// Its truths are kept, and their sub-networks are skipped.
    Continue,
    /// The new truths replace it.
    Replace,
}

/// The sub-networks to train, and how.
#[derive(Clone, Debug)]
pub struct TruthRequest<'a> {
    /// Configuration (TOML) or run directory.
    pub config: &'a Path,
    /// Whether training starts from the weights of the run, with its largest network as the teacher.
    pub inherit: bool,
    /// Sub-networks. The seed is that of training as well; `None` for the configuration's.
    pub codes: &'a CodeSelection,
    /// Part of the sub-networks to train: every `of`-th, from the `index`-th. Its file is merged with
    /// those of the other parts.
    pub part: Option<ShardNumber>,
    /// Which network a code stands for.
    pub form: Form,
    /// Epochs; `None` for those of the configuration's first step, or 5 from inherited weights.
    pub epochs: Option<u32>,
    /// Learning rate at the start; `None` for that of the configuration's first step, or 0.01 from
    /// inherited weights.
    pub lr: Option<f32>,
    /// Weight of the teacher against the labels, 0 to 1.
    pub alpha: f32,
    /// Directory or archive of the data set; `None` for the configuration's.
    pub data: Option<&'a Path>,
    /// What happens to a truth file that exists.
    pub existing: Existing,
    /// Truth file (CSV), or the file of the part (JSON).
    pub output: &'a Path,
}

/// Trains sub-networks alone. The truth file is written again after every network; a device or a pipe
/// receives all truths at the end.
///
/// A code whose id belongs to another code in a continued file gets a new id. The file of a part
/// holds the part, the settings and the truths; one that is there already is continued.
///
/// # Errors
/// Those of the configuration, the run, the codes, the data and the truth file.
pub fn make_truths(request: &TruthRequest<'_>, progress: &dyn Progress) -> Result<Vec<Truth>> {
    match request.part {
        Some(part) => shard::make(request, part, progress),
        None => make_all(request, progress),
    }
}

fn make_all(request: &TruthRequest<'_>, progress: &dyn Progress) -> Result<Vec<Truth>> {
    if request.existing == Existing::Refuse {
        let hint = "--resume continues it, --overwrite replaces it";
        files::refuse_existing(request.output, hint)?;
        files::expect_new(request.output)?;
    }
    files::probe(request.output)?;
    let at_end = files::is_stream(request.output)?;
    let plan = Plan::new(request)?;
    let (recipe, start) = (plan.recipe, plan.start());
    let mut codes = plan.codes.clone();
    let mut truths: Vec<Truth> =
        match request.existing == Existing::Continue && request.output.is_file() {
            true => read_truths(request.output, &recipe, start)?,
            false => Vec::with_capacity(codes.len()),
        };
    distinguish(&mut codes, &truths);
    let mut file = TruthFile {
        path: request.output,
        recipe: &recipe,
        start,
        is_shared: request.existing == Existing::Continue,
        by_code: request.existing == Existing::Continue,
    };
    let trainer = Trainer::new(&plan, request, progress)?;
    let task = progress.task(codes.len() as u64, "standalone");
    for coded in &codes {
        if !file.holds(&truths, &coded.id, &coded.written) {
            truths.push(trainer.train(coded, &*task)?);
            if !at_end {
                truths = file.add(truths)?;
            }
        }
        task.advance(1);
    }
    task.finish();
    if at_end {
        write_truths(request.output, &truths)?;
    }
    Ok(truths)
}

/// What a request asks for, before any data is read.
struct Plan {
    config: RunConfig,
    from: Option<Run>,
    recipe: Recipe,
    codes: Vec<Coded>,
}

impl Plan {
    fn new(request: &TruthRequest<'_>) -> Result<Self> {
        let from = request.inherit.then(|| Run::open(request.config)).transpose()?;
        let config = match &from {
            Some(run) => run.config.clone(),
            None if request.config.is_dir() => RunDirectory::new(request.config).config()?,
            None => RunConfig::read(request.config)?,
        };
        if !(0.0..=1.0).contains(&request.alpha) {
            return Err(Error::invalid("command line", "--alpha", "0 to 1", request.alpha));
        }
        let recipe = recipe(request, &config)?;
        let codes = request.codes.read(&config.space(), config.seed)?;
        Ok(Self { config, from, recipe, codes })
    }

    fn start(&self) -> Start {
        if self.from.is_some() { Start::Inherited } else { Start::Scratch }
    }
}

/// Trains one sub-network after the other.
struct Trainer<'a> {
    plan: &'a Plan,
    dataset: Dataset,
    /// The run's largest network, for sub-networks that inherit.
    teacher: Option<FoldedNet>,
    alpha: f32,
}

impl<'a> Trainer<'a> {
    /// Reads the data, and evaluates the teacher if there is one.
    fn new(plan: &'a Plan, request: &TruthRequest<'_>, progress: &dyn Progress) -> Result<Self> {
        let dataset = supernano_data::of_config_shown(&plan.config, request.data, progress)?;
        let largest = |run: &Run| run.folded(&Arch::largest(&run.space()), &dataset);
        let teacher = plan.from.as_ref().map(largest).transpose()?;
        if let Some(teacher) = &teacher {
            let images = EvalSet::new(&dataset, &dataset.test, usize::MAX);
            let top1 = evaluate(teacher, &images).top1;
            if let Some(remark) = remark(&plan.config, "the supernet", top1, images.len()) {
                progress.note(&remark);
            }
        }
        Ok(Self { plan, dataset, teacher, alpha: request.alpha })
    }

    fn train(&self, coded: &Coded, task: &dyn Task) -> Result<Truth> {
        let Self { plan, dataset, teacher, alpha } = self;
        let truth = match plan.from.as_ref().zip(teacher.as_ref()) {
            Some((run, teacher)) => {
                let from = Inheritance { run, teacher, alpha: *alpha };
                train_inherited(&from, dataset, coded, &plan.recipe)?
            }
            None => train_alone(&plan.config, dataset, coded, &plan.recipe)?,
        };
        let (who, top1) = (&truth.arch, truth.standalone_top1);
        if let Some(remark) = remark(&plan.config, who, top1, dataset.test.len()) {
            task.note(&remark);
        }
        Ok(truth)
    }
}

/// A sentence if the score of a network over `images` images says that it has not learnt.
fn remark(config: &RunConfig, who: &str, score: f64, images: usize) -> Option<String> {
    let space = config.space();
    match ScoreMetric::of(space.head) {
        None => not_learnt(who, &[score], space.classes.into(), images),
        Some(metric) => score_not_learnt(who, &[score], metric),
    }
}

/// A truth file that other processes may continue at the same time.
struct TruthFile<'a> {
    path: &'a Path,
    recipe: &'a Recipe,
    start: Start,
    /// False before the first write of a file that is new or replaced.
    is_shared: bool,
    /// Whether a code that the file holds under another id is skipped.
    by_code: bool,
}

impl TruthFile<'_> {
    /// True if one of these truths is that of the sub-network.
    fn holds(&self, truths: &[Truth], id: &str, code: &str) -> bool {
        truths.iter().any(|t| t.arch == code && (self.by_code || t.id == id))
    }

    /// Writes the truths, after those that other processes have added to the file meanwhile. Returns
    /// the contents of the file.
    fn add(&mut self, own: Vec<Truth>) -> Result<Vec<Truth>> {
        if !self.is_shared {
            write_truths(self.path, &own)?;
            self.is_shared = true;
            return Ok(own);
        }
        loop {
            if let Some(_held) = files::hold(self.path)? {
                let file = read_truths(self.path, self.recipe, self.start)?;
                let truths = self.merged(file, own);
                return write_truths(self.path, &truths).map(|()| truths);
            }
            if create_truths(self.path, &own)? {
                return Ok(own);
            }
        }
    }

    /// The truths of the file, and those of `own` that it does not hold, under free ids.
    fn merged(&self, mut file: Vec<Truth>, own: Vec<Truth>) -> Vec<Truth> {
        let mut ids: HashSet<String> = file.iter().map(|t| t.id.clone()).collect();
        for truth in own {
            if !self.holds(&file, &truth.id, &truth.arch) {
                let id = unused_id(&truth.id, &ids, file.len());
                ids.insert(id.clone());
                file.push(Truth { id, ..truth });
            }
        }
        file
    }
}

fn recipe(request: &TruthRequest<'_>, config: &RunConfig) -> Result<Recipe> {
    let first = &config.steps[0];
    let (epochs, lr) = if request.inherit { INHERITED } else { (first.epochs, first.lr) };
    let recipe = Recipe {
        form: request.form,
        epochs: request.epochs.unwrap_or(epochs).max(1),
        lr: request.lr.unwrap_or(lr),
        seed: request.codes.seed.unwrap_or(config.seed),
    };
    if !(recipe.lr > 0.0 && recipe.lr <= 10.0) {
        return Err(Error::invalid("command line", "--lr", "above 0, at most 10", recipe.lr));
    }
    Ok(recipe)
}

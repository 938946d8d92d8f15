//! Evaluation of many sub-networks of a run. Common prefixes are computed once.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use supernano_base::codes::scores::Score;
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_core::arch::Arch;
use supernano_core::plan::{Plan, cost};
use supernano_core::space::Shape;
use supernano_data::Dataset;

use super::memory;
use super::memory::Capacity;
use crate::run::Run;
use crate::supernet::maps::{Inputs, Pool};
use crate::supernet::tree::{Forest, margin};
use crate::supernet::{EvalSet, Evaluation, RunningStats, evaluate_tree, walk};

/// Where batch-norm statistics come from.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BnSource {
    /// Taken anew for every sub-network over the first training images.
    Recalibrate,
    /// The running statistics that came with imported weights.
    Stored,
}

impl BnSource {
    /// The statistics that came with the weights of a run; `None` if they are taken anew.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a run without statistics, and for a supernet, whose statistics fit none of
    /// its sub-networks.
    pub fn statistics(self, run: &Run) -> Result<Option<&RunningStats>> {
        if self == Self::Recalibrate {
            return Ok(None);
        }
        if run.statistics.is_none() {
            let expected = "a run whose weights came with statistics (an import)";
            return Err(Error::invalid("--bn", "stored", expected, run.path.display()));
        }
        if run.is_shared() {
            let expected = "recalibrate: the stored statistics of a supernet are of all its \
                            sub-networks together and fit none of them";
            return Err(Error::invalid("--bn", "statistics", expected, "stored"));
        }
        Ok(run.statistics.as_ref())
    }
}

/// The split whose images are scored.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Validation images, for choices.
    Validation,
    /// Test images, for reported figures.
    Test,
}

impl Split {
    /// The images of this split.
    pub fn of(self, dataset: &Dataset) -> &Images {
        match self {
            Self::Validation => &dataset.validation,
            Self::Test => &dataset.test,
        }
    }
}

/// The settings of a score. Two scores with the same settings and weights are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Split of the scored images.
    pub split: Split,
    /// Number of scored images: the first of the split.
    pub images: usize,
    /// Source of the batch-norm statistics.
    pub bn: BnSource,
    /// Training images behind the statistics: the first, not augmented; 0 for stored statistics.
    pub bn_images: usize,
    /// Images in a batch. The statistics are the simple average over batches.
    pub bn_batch: usize,
}

/// A request for scores. `None` stands for all images of the split, or for the value in the run's
/// configuration.
#[derive(Clone, Copy, Debug)]
pub struct ScoreRequest {
    /// Split of the scored images.
    pub split: Split,
    /// Number of scored images.
    pub images: Option<usize>,
    /// Source of the batch-norm statistics.
    pub bn: BnSource,
    /// Training images behind the statistics.
    pub bn_images: Option<usize>,
}

/// How the work is done. It changes no score.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// True to compute common prefixes once.
    pub share: bool,
    /// Limit of feature maps and weights, bytes; the data set is not counted.
    pub memory: u64,
}

/// Multiply-accumulates for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MacCounts {
    /// Sum over all sub-networks, each evaluated separately.
    pub macs: u64,
    /// Multiply-accumulates that were computed.
    pub macs_computed: u64,
}

/// Evaluates sub-networks of a run on a fixed set of images.
pub struct Ranker<'a> {
    run: &'a Run,
    images: ScoredImages,
    settings: Settings,
    capacity: Capacity,
    /// The images of the settings as bytes, if the space has several resolutions.
    bytes: Option<Dataset>,
}

/// The images of one resolution.
struct ScoredImages {
    set: EvalSet,
    inputs: Inputs,
    recalibration: Inputs,
    pool: Pool,
}

impl ScoredImages {
    /// The images of a data set at its own resolution; `largest` is the largest network for it.
    fn new(run: &Run, dataset: &Dataset, settings: &Settings, largest: &Arch) -> Self {
        let margin = margin(&run.space());
        let set = EvalSet::new(dataset, settings.split.of(dataset), settings.images);
        let inputs = set.inputs(dataset.shape, margin);
        let batch = settings.bn_batch;
        let batches = (0..settings.bn_images / batch).map(|b| {
            let indices: Vec<u32> = ((b * batch) as u32..((b + 1) * batch) as u32).collect();
            dataset.batch(&dataset.train, &indices)
        });
        let recalibration = Inputs::new(dataset.shape, margin, batches);
        let pool = Pool::of(&run.subnet(largest), |c| (c.output, c.op));
        Self { set, inputs, recalibration, pool }
    }
}

/// The images of a data set that are read with these settings.
fn read_images(dataset: &Dataset, settings: &Settings) -> Dataset {
    let scored = |of: Split| if of == settings.split { settings.images } else { 0 };
    Dataset {
        train: dataset.train.first(settings.bn_images),
        validation: dataset.validation.first(scored(Split::Validation)),
        test: dataset.test.first(scored(Split::Test)),
        ..dataset.clone()
    }
}

impl<'a> Ranker<'a> {
    /// Prepares the scored images and those for the statistics.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more images than the split has, fewer than a batch, statistics that the
    /// run does not have or that fit no sub-network, or too little memory.
    pub fn new(
        run: &'a Run,
        dataset: &Dataset,
        request: ScoreRequest,
        effort: Effort,
    ) -> Result<Self> {
        let available = request.split.of(dataset).len();
        let images = request.images.unwrap_or(available);
        if images == 0 || images > available {
            let expected = format!("1 to {available}");
            return Err(Error::invalid("--images", "images of the split", expected, images));
        }
        request.bn.statistics(run)?;
        let batch = run.config.recalibration.batch;
        let bn_images = match (request.bn, request.bn_images) {
            (BnSource::Stored, _) => 0,
            (_, None) => {
                let most = run.config.recalibration.images.min(dataset.train.len());
                most / batch * batch
            }
            (_, Some(n)) if n >= batch && n <= dataset.train.len() && n % batch == 0 => n,
            (_, Some(n)) => {
                let expected = format!("a multiple of {batch}, at most {}", dataset.train.len());
                return Err(Error::invalid("--bn-images", "training images", expected, n));
            }
        };
        let settings =
            Settings { split: request.split, images, bn: request.bn, bn_images, bn_batch: batch };
        let space = run.space();
        let capacity = memory::plan(run, &settings, effort)?;
        let several = space.resolutions.len() > 1;
        let bytes = several.then(|| read_images(dataset, &settings));
        let images = ScoredImages::new(run, dataset, &settings, &Arch::largest(&space));
        Ok(Self { run, images, settings, capacity, bytes })
    }

    /// The settings of the scores.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The scored images, for fingerprints.
    pub(super) fn set(&self) -> &EvalSet {
        &self.images.set
    }

    /// Evaluates sub-networks and returns the results in their order. `progress` receives the work
    /// done since the last call, in units of sub-networks.
    pub fn evaluate(
        &self,
        archs: &[&Arch],
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<(Vec<Evaluation>, MacCounts)> {
        let mut order: Vec<usize> = (0..archs.len()).collect();
        order.sort_by(|&a, &b| archs[a].cmp(archs[b]));
        let mut found: Vec<Option<Evaluation>> = vec![None; archs.len()];
        let mut work = MacCounts::default();
        let space = self.run.space();
        // the images of a resolution other than the largest, as long as they are read
        let mut other: Option<(Shape, ScoredImages)> = None;
        for group in order.chunks(self.capacity.group) {
            // neighbours in the order have the same resolution
            for group in group.chunk_by(|&a, &b| archs[a].image(&space) == archs[b].image(&space)) {
                let plans: Vec<Plan> = group.iter().map(|&i| self.run.plan(archs[i])).collect();
                if other.as_ref().is_none_or(|(shape, _)| *shape != plans[0].image) {
                    other = self.at(archs[group[0]], plans[0].image)?;
                }
                let images = other.as_ref().map_or(&self.images, |(_, images)| images);
                let part = plans.len().div_ceil(self.parts());
                let parts: Vec<(Vec<Evaluation>, u64)> = plans
                    .par_chunks(part)
                    .map(|plans| self.tree(images, plans, progress))
                    .collect();
                work.macs += plans.iter().map(|p| cost(&space, p).macs).sum::<u64>();
                work.macs_computed += parts.iter().map(|p| p.1).sum::<u64>();
                for (&i, one) in group.iter().zip(parts.into_iter().flat_map(|p| p.0)) {
                    found[i] = Some(one);
                }
            }
        }
        Ok((found.into_iter().flatten().collect(), work))
    }

    /// The images at the resolution of a sub-network; `None` for the largest.
    fn at(&self, arch: &Arch, image: Shape) -> Result<Option<(Shape, ScoredImages)>> {
        let Some(dataset) = self.bytes.as_ref().filter(|dataset| dataset.shape != image) else {
            return Ok(None);
        };
        let dataset = dataset.at(image)?;
        Ok(Some((image, ScoredImages::new(self.run, &dataset, &self.settings, arch))))
    }

    /// Number of trees that a group is split into, so that every thread has a batch to work on.
    fn parts(&self) -> usize {
        rayon::current_num_threads().div_ceil(self.images.recalibration.len().max(1))
    }

    fn tree(
        &self,
        images: &ScoredImages,
        plans: &[Plan],
        progress: &(dyn Fn(f64) + Sync),
    ) -> (Vec<Evaluation>, u64) {
        let ScoredImages { set, inputs, recalibration, pool } = images;
        let forest = Forest::new(&self.run.weights, plans, self.capacity.shared);
        // training mode costs about as much an image as evaluation
        let count = (self.settings.bn_images + self.settings.images) as f64;
        let each = plans.len() as f64 / count;
        let batch = || progress(each * self.settings.bn_batch as f64);
        let stats = match &self.run.statistics {
            Some(stored) if self.settings.bn == BnSource::Stored => {
                let layout = &self.run.weights.layout;
                forest.statistics(|i| stored.of(layout, &plans[i]))
            }
            _ => walk::statistics(&forest.tree, recalibration, pool, &batch),
        };
        let folded = forest.tree.fold(&stats);
        let block = || progress(each * crate::backend::LANES as f64);
        let found = evaluate_tree(&folded, set, inputs, pool, &block);
        let classes = u64::from(self.run.space().classes);
        let classifiers: u64 =
            folded.nodes.iter().filter_map(|n| n.leaf.as_ref()).map(|l| l.1.input as u64).sum();
        let macs = forest.tree.macs() + classes * classifiers;
        (forest.leaf.iter().map(|&l| found[l]).collect(), macs)
    }

    /// Turns an evaluation into a score.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming run, id and code if the evaluation is not finite.
    pub fn checked(&self, id: &str, written: &str, found: Evaluation) -> Result<Score> {
        if !found.ce.is_finite() {
            let field = format!("score of {id} `{written}`");
            return Err(Error::invalid(self.run.path.display(), field, "a finite loss", found.ce));
        }
        Ok(found.score(written))
    }
}

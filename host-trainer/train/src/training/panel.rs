//! Validation of a fixed panel of sub-networks after each epoch.
//!
//! The panel shows whether a supernet learns long before it is ranked. Its scores go into
//! `metrics.jsonl`; no choice is made with them.

use serde::{Deserialize, Serialize};
use supernano_base::codes::uniform;
use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::rng::{Key, Purpose};
use supernano_base::stats;
use supernano_base::stats::table;
use supernano_core::arch::Arch;
use supernano_core::plan::{Enhancement, resolve};
use supernano_core::space::Shape;
use supernano_data::Dataset;

use crate::run::recalibration_batches;
use crate::supernet::{EvalSet, Weights, evaluate, recalibrate};

/// Validation images that the panel is scored on.
pub const PANEL_IMAGES: usize = 500;

/// One sub-network of the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelScore {
    /// Its code.
    pub code: String,
    /// Top-1 on the panel's validation images, 0 to 1.
    pub top1: f64,
    /// Mean cross-entropy, nats.
    pub ce: f64,
}

/// The panel: at most 500 validation images, statistics over at most 256.
pub struct Panel {
    /// Its sub-networks.
    pub archs: Vec<Arch>,
    /// Stand-alone accuracies of the last sub-networks in `archs`; empty without a truth file.
    truths: Vec<f64>,
    /// Validation images that it is scored on.
    set: EvalSet,
    /// Images in each of `batches`.
    pub batch: usize,
    /// Images for batch-norm statistics, normalised, `[batch, channels, height, width]` each.
    batches: Vec<Vec<f32>>,
    /// The set and the batches at other resolutions that sub-networks of the panel have.
    smaller: Vec<(Shape, EvalSet, Vec<Vec<f32>>)>,
}

impl Panel {
    /// Chooses the sub-networks: the largest alone, or for a supernet the smallest, the largest and
    /// random ones, which are taken from the truths if there are any.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Core`]; never for a validated space.
    pub fn new(
        config: &RunConfig,
        dataset: &Dataset,
        truths: &[table::CodeValue],
        supernet: bool,
    ) -> Result<Self> {
        let space = &config.space();
        let (mut archs, mut known) = (vec![Arch::largest(space)], Vec::new());
        if supernet {
            archs.insert(0, Arch::smallest(space));
            let key = Key::new(config.seed);
            let mut rng = key.rng(Purpose::Sample, 0);
            if truths.is_empty() {
                for _ in 0..config.panel {
                    archs.push(uniform(space, &mut rng)?);
                }
            }
            let order = key.permutation(Purpose::Sample, truths.len());
            for entry in order.iter().take(config.panel).map(|&i| &truths[i as usize]) {
                archs.push(entry.arch.clone());
                known.push(entry.value);
            }
        }
        let panel = Self::of(config, dataset, archs, [256, PANEL_IMAGES])?;
        Ok(Self { truths: known, ..panel })
    }

    /// A panel of sub-networks without truths, with statistics over that many images at most, and scores on
    /// that many.
    ///
    /// # Errors
    /// The errors of [`Dataset::at`].
    pub fn of(
        config: &RunConfig,
        dataset: &Dataset,
        archs: Vec<Arch>,
        [statistics, images]: [usize; 2],
    ) -> Result<Self> {
        let space = &config.space();
        let (batch, batches) = recalibration_batches(dataset, config, statistics);
        let set = EvalSet::new(dataset, &dataset.validation, images);
        let mut smaller: Vec<(Shape, EvalSet, Vec<Vec<f32>>)> = Vec::new();
        for image in archs.iter().map(|arch| arch.image(space)) {
            if image != dataset.shape && smaller.iter().all(|(shape, ..)| *shape != image) {
                let dataset = dataset.at(image)?;
                let (_, batches) = recalibration_batches(&dataset, config, statistics);
                let set = EvalSet::new(&dataset, &dataset.validation, images);
                smaller.push((image, set, batches));
            }
        }
        Ok(Self { archs, truths: Vec::new(), set, batch, batches, smaller })
    }

    /// The validation images, and the images for statistics, at the resolution of sub-networks of the
    /// panel.
    pub fn at(&self, image: Shape) -> (&EvalSet, &[Vec<f32>]) {
        let other = self.smaller.iter().find(|(shape, ..)| *shape == image);
        other.map_or((&self.set, &self.batches), |(_, set, batches)| (set, batches))
    }

    /// Pearson correlation of the scores with the truths; `None` without truths, or if either does
    /// not vary.
    pub fn pearson(&self, scores: &[PanelScore]) -> Option<f64> {
        let first = scores.len().checked_sub(self.truths.len())?;
        let scores: Vec<f64> = scores[first..].iter().map(|s| s.top1).collect();
        Some(stats::pearson(&scores, &self.truths)).filter(|r| r.is_finite())
    }

    /// Scores the panel on the CPU with these weights.
    pub fn scores(&self, weights: &Weights, enhancement: Enhancement) -> Vec<PanelScore> {
        let layout = &weights.layout;
        let space = layout.space();
        let one = |arch: &Arch| {
            let plan = resolve(&space, arch, enhancement, layout.scheme);
            let subnet = weights.subnet(&plan);
            let (set, batches) = self.at(subnet.input);
            let stats = recalibrate(&subnet, self.batch, batches.iter().cloned());
            let found = evaluate(&subnet.fold(&stats), set);
            let code = arch.display(&space).to_string();
            PanelScore { code, top1: found.top1, ce: found.ce }
        };
        self.archs.iter().map(one).collect()
    }
}

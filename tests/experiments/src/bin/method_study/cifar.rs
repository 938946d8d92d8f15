//! The CIFAR-100 studies, which start from the reference's checkpoints.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use supernano::output::Output;
use supernano_base::config::RunConfig;
use supernano_base::files;
use supernano_base::stats::table::{self, CodeValue};
use supernano_base::stats::{kendall_tau_b, pearson};
use supernano_core::arch::Arch;
use supernano_core::space::RESNET20;
use supernano_data::of_config;
use supernano_search::surrogate::{Link, Surrogate};
use supernano_train::import::import;
use supernano_train::run::{Run, checkpoint};
use supernano_train::training::{Begin, SlicedAccelerator, metrics, train_until};

use crate::bootstrap::estimates;
use crate::{Deadline, scores};

const STEP2: &str = include_str!("../../../configs/method/cifar100-step2.toml");
const STEP3: &str = include_str!("../../../configs/method/cifar100-step3.toml");
const CODES: &str = "challenge/ground_truth_dev_300.csv";
const DATA: &str = "data/cifar-100-binary.tar.gz";
/// Protocol A: number of scored test images.
const IMAGES: usize = 2000;
/// Protocol A: number of training images for the batch-norm statistics.
const BN_IMAGES: usize = 1024;

/// Scores at one point of the training.
#[derive(Serialize, Deserialize)]
struct Point {
    /// Updates of the step so far.
    updates: u64,
    /// Training time so far on this machine, seconds.
    seconds: f64,
    /// Top-1 of every code, 0 to 1.
    top1: Vec<f64>,
    /// Cross-entropy of every code, nats.
    ce: Vec<f64>,
}

struct Task<'a> {
    folder: &'a Path,
    config: RunConfig,
    truths: Vec<CodeValue>,
    points: Vec<Point>,
}

impl<'a> Task<'a> {
    /// Prepares a run whose step `step` is an imported checkpoint `file`.
    fn new(folder: &'a Path, shared: &Path, text: &str, file: &str, step: usize) -> Result<Self> {
        let data = std::path::absolute(shared.join(DATA))?;
        let mut config = RunConfig::parse(text, "configs/method")?;
        config.data.path = Some(data.clone());
        let run = folder.join("run");
        if !checkpoint::finished_path(&run, step).exists() {
            let imported = folder.join("imported");
            if !imported.join("config.toml").exists() {
                import(&shared.join("checkpoints").join(file), "resnet20", &imported, Some(&data))?;
            }
            let weights = files::read(&checkpoint::finished_path(&imported, step))?;
            files::write(&run.join("config.toml"), config.to_toml()?.as_bytes())?;
            files::write(&checkpoint::finished_path(&run, step), &weights)?;
        }
        let truths = table::read(&shared.join(CODES), &RESNET20, table::TRUTH)?;
        let file = folder.join("points.json");
        let points =
            if file.exists() { files::read_json(&file, "points of a study")? } else { Vec::new() };
        Ok(Self { folder, config, truths, points })
    }

    /// Trains the last step and scores the codes before it and after every epoch. Returns true if
    /// all points are there.
    fn run(&mut self, deadline: Deadline) -> Result<bool> {
        let (dir, last) = (self.folder.join("run"), self.config.steps.len());
        let dataset = of_config(&self.config, None)?;
        let epochs = self.config.steps[last - 1].epochs as usize;
        while self.points.len() <= epochs && !deadline.passed() {
            let (mut updates, mut seconds) = (0, 0.0);
            for line in metrics(&dir)?.iter().filter(|e| e.step == last) {
                (updates, seconds) = (updates + line.updates, seconds + line.seconds);
            }
            let trained = metrics(&dir)?.iter().filter(|e| e.step == last).count();
            if trained < self.points.len() {
                let (out, config) = (Output::new(true, false), &self.config);
                train_until(
                    config,
                    &dataset,
                    &dir,
                    Begin::Resume,
                    &SlicedAccelerator,
                    &out,
                    &|_, _| true,
                )?;
                continue;
            }
            let run = if trained == 0 {
                Run::open_step(&dir, last - 1)?
            } else if trained == epochs {
                Run::open_step(&dir, last)?
            } else {
                Run::open_unfinished(&dir)?
            };
            let archs: Vec<&Arch> = self.truths.iter().map(|t| &t.arch).collect();
            let found = scores(&run, &dataset, &archs, IMAGES, BN_IMAGES)?;
            let top1 = found.iter().map(|e| e.top1).collect();
            let ce = found.iter().map(|e| e.ce).collect();
            self.points.push(Point { updates, seconds, top1, ce });
            files::write_json(&self.folder.join("points.json"), &self.points)?;
            supernano_base::console::note(format_args!(
                "{updates} updates: {}",
                self.quality(self.points.len() - 1)?
            ));
        }
        Ok(self.points.len() > epochs)
    }

    /// Correlations of the scores of a point with the truths: raw, and smoothed by a surrogate that
    /// is fitted to them.
    fn quality(&self, i: usize) -> Result<Value> {
        let point = &self.points[i];
        let truth: Vec<f64> = self.truths.iter().map(|t| t.value).collect();
        let loss: Vec<f64> = point.ce.iter().map(|v| -v).collect();
        let smooth = |raw: &[f64], link: Link| -> Result<Vec<f64>> {
            let archs = self.truths.iter().map(|t| t.arch.clone());
            let samples: Vec<_> = archs.zip(raw.iter().copied()).collect();
            let model = Surrogate::fit(&RESNET20, &samples, link)?;
            Ok(self.truths.iter().map(|t| model.score(&RESNET20, &t.arch)).collect())
        };
        let of = |s: &[f64]| json!({ "pearson": pearson(s, &truth), "kendall_tau_b": kendall_tau_b(s, &truth) });
        Ok(json!({
            "updates": point.updates,
            "seconds": point.seconds,
            "mean_top1": point.top1.iter().sum::<f64>() / point.top1.len() as f64,
            "top1": of(&point.top1),
            "loss": of(&loss),
            "top1_surrogate": of(&smooth(&point.top1, Link::Identity)?),
            "loss_surrogate": of(&smooth(&loss, Link::Identity)?),
        }))
    }

    fn curve(&self) -> Result<Vec<Value>> {
        (0..self.points.len()).map(|i| self.quality(i)).collect()
    }
}

/// Step 2 by this trainer: correlation against updates. Returns true if the study is complete.
pub fn step2(folder: &Path, shared: &Path, deadline: Deadline) -> Result<bool> {
    let mut task = Task::new(folder, shared, STEP2, "reference_step1_largest_best.pt", 1)?;
    let done = task.run(deadline)?;
    let results = json!({
        "finished": done,
        "protocol": "A: 2,000 test images, statistics over 1,024 training images",
        "codes": task.truths.len(),
        "reference_end_point": { "pearson": 0.968, "kendall_tau_b": 0.851 },
        "curve": task.curve()?,
    });
    files::write_json(&folder.join("results.json"), &results)?;
    Ok(done)
}

/// Duplication into four branches and fine-tuning: the scores of the same codes before and after.
/// Returns true if the study is complete.
pub fn step3(folder: &Path, shared: &Path, deadline: Deadline) -> Result<bool> {
    let file = "reference_step2_shared_supernet_ep299.pt";
    let mut task = Task::new(folder, shared, STEP3, file, 2)?;
    let done = task.run(deadline)?;
    let mut results = json!({
        "finished": done,
        "protocol": "A: 2,000 test images, statistics over 1,024 training images",
        "curve": task.curve()?,
    });
    if let (true, [before, .., after]) = (done, &task.points[..]) {
        let truth: Vec<f64> = task.truths.iter().map(|t| t.value).collect();
        let gain = estimates(truth.len(), 1, 1, |codes, _, _| {
            let of = |v: &[f64]| codes.iter().map(|&c| v[c]).collect::<Vec<f64>>();
            let (b, a, t) = (of(&before.top1), of(&after.top1), of(&truth));
            vec![pearson(&a, &t) - pearson(&b, &t), kendall_tau_b(&a, &t) - kendall_tau_b(&b, &t)]
        });
        results["after_minus_before"] = json!({
            "pearson": gain[0],
            "pearson_resolvable": gain[0].resolvable(),
            "kendall_tau_b": gain[1],
            "tau_resolvable": gain[1].resolvable(),
        });
    }
    files::write_json(&folder.join("results.json"), &results)?;
    Ok(done)
}

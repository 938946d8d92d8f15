//! The studies of `docs/method.md`: does the method of the paper work?
//!
//! `cargo xtask method-study` builds and runs them. A study runs in slices of some minutes. It saves
//! every finished part, and the next call resumes after it.

mod bootstrap;
mod cifar;
mod figure;
mod small;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_train::rank::{BnSource, Effort, Ranker, ScoreRequest, Split};
use supernano_train::run::Run;
use supernano_train::supernet::Evaluation;

#[global_allocator]
static ALLOCATOR: supernano::allocator::MiMalloc = supernano::allocator::MiMalloc;

/// The studies.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Study {
    /// Tables 1 and 2 at a small scale: generated images, and truths that the study trains.
    Small,
    /// CIFAR-100: step 2 from the reference's step-1 checkpoint; correlation against updates.
    Step2,
    /// CIFAR-100: the reference's step-2 supernet in four branches, before and after fine-tuning.
    Step3,
}

#[derive(Parser, Debug)]
struct Args {
    /// The study to run.
    #[arg(value_enum)]
    study: Study,
    /// Start no further part after this many minutes. A later call resumes.
    #[arg(long, default_value_t = 40.0)]
    minutes: f64,
    /// Directory for state and runs.
    #[arg(long, default_value = "runs/method-study")]
    output: PathBuf,
    /// Reference data (checkpoints, truths, CIFAR-100) of the CIFAR-100 studies.
    #[arg(long, default_value = "../shared")]
    shared: PathBuf,
}

/// The time at which a study stops.
#[derive(Clone, Copy)]
struct Deadline(Instant);

impl Deadline {
    fn passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// Scores sub-networks on the first `images` test images, with batch-norm statistics over the first
/// `bn` training images.
fn scores(
    run: &Run,
    dataset: &Dataset,
    archs: &[&Arch],
    images: usize,
    bn: usize,
) -> Result<Vec<Evaluation>> {
    let (split, bn_images) = (Split::Test, Some(bn));
    let request =
        ScoreRequest { split, images: Some(images), bn: BnSource::Recalibrate, bn_images };
    let effort = Effort { share: true, memory: 1 << 30 };
    Ok(Ranker::new(run, dataset, request, effort)?.evaluate(archs, &|_| {})?.0)
}

fn main() -> Result<()> {
    supernano::allocator::keep_pages();
    let args = Args::parse();
    let deadline = Deadline(Instant::now() + Duration::from_secs_f64(60.0 * args.minutes));
    let done = match args.study {
        Study::Small => small::run(&args.output.join("small"), deadline)?,
        Study::Step2 => cifar::step2(&args.output.join("step2"), &args.shared, deadline)?,
        Study::Step3 => cifar::step3(&args.output.join("step3"), &args.shared, deadline)?,
    };
    let _ = supernano::output::print(&serde_json::json!({ "finished": done }).to_string())?;
    Ok(())
}

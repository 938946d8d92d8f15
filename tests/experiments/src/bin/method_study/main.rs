//! Does the method work? The runs of `docs/method.md`, in slices: every part of the work that is
//! done is on disk, and the next call goes on from there.
//!
//! `cargo xtask method-study` builds and runs it.

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
use supernano_train::rank::{BnSource, Effort, Ranker, Request, Split};
use supernano_train::run::Run;
use supernano_train::supernet::Evaluation;

#[global_allocator]
static ALLOCATOR: supernano::allocator::MiMalloc = supernano::allocator::MiMalloc;

/// A study.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Study {
    /// Tables 1 and 2 in small: generated images, every sub-network's truth trained here.
    Small,
    /// CIFAR-100: step 2 from the reference's step-1 network, correlation against updates.
    Step2,
    /// CIFAR-100: the reference's step-2 supernet in four branches, before and after a fine-tune.
    Step3,
}

#[derive(Parser, Debug)]
struct Args {
    /// Which study.
    #[arg(value_enum)]
    study: Study,
    /// Begin no further part after this many minutes; call again to go on.
    #[arg(long, default_value_t = 40.0)]
    minutes: f64,
    /// Where state and runs are kept.
    #[arg(long, default_value = "runs/method-study")]
    output: PathBuf,
    /// The reference data (checkpoints, truths, CIFAR-100) of the two CIFAR-100 studies.
    #[arg(long, default_value = "../shared")]
    shared: PathBuf,
}

/// When to stop.
#[derive(Clone, Copy)]
struct Deadline(Instant);

impl Deadline {
    fn passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// What a supernet says of sub-networks: the first `images` test images, statistics over `bn`
/// training images.
fn scores(
    run: &Run,
    dataset: &Dataset,
    archs: &[&Arch],
    images: usize,
    bn: usize,
) -> Result<Vec<Evaluation>> {
    let (split, bn_images) = (Split::Test, Some(bn));
    let request = Request { split, images: Some(images), bn: BnSource::Recalibrate, bn_images };
    let effort = Effort { share: true, memory: 1 << 30 };
    Ok(Ranker::new(run, dataset, request, effort)?.evaluate(archs, &|_| {}).0)
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
    println!("{}", serde_json::json!({ "finished": done }));
    Ok(())
}

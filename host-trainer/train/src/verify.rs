//! Evaluates the networks that a search lists: with inherited weights, and as integers.

use supernano_base::blob::{Blob, top1};
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::Dataset;
use supernano_search::cost::kernels::with_kernels;
use supernano_search::search::Candidate;
use supernano_search::search::file::Verified;
use supernano_search::search::find::SearchOutcome;

use crate::export::{Options, Prefer, Source, build, quantise_after_training};
use crate::run::Run;
use crate::supernet::{EvalSet, evaluate};

/// Evaluates a sub-network on the first `images` of the validation split, in float with inherited
/// weights and as int8. The blob has the kernels of the candidate.
///
/// # Errors
/// [`Error::Core`](supernano_base::error::Error::Core) if a blob cannot hold the network.
pub fn verify(
    run: &Run,
    dataset: &Dataset,
    candidate: &Candidate,
    images: usize,
) -> Result<(Verified, Blob)> {
    let space = run.space();
    let code = candidate.arch.display(&space).to_string();
    let net = run.folded(&candidate.arch, dataset);
    let set = EvalSet::new(dataset, &dataset.validation, images);
    let inherited = evaluate(&net, &set).top1;
    let quantised = quantise_after_training(&net, dataset, &Options::default());
    let source = Source { space: space.name, code: &code, dataset, prefer: Prefer::default() };
    let blob = with_kernels(&space, &build(&quantised.net, &source)?, &candidate.kinds)?;
    let chosen: Vec<u32> = (0..set.len() as u32).collect();
    let split = dataset.validation.select(&chosen);
    let int8 = top1(&blob.logits(&split)?, &split.labels);
    Ok((Verified { inherited, int8, images: set.len() }, blob))
}

/// Evaluates the listed networks, names the network with the best int8 accuracy as the winner, and
/// writes its file and that of the network of uniform width to the run directory.
///
/// # Errors
/// As [`verify`] and [`files::write()`].
pub fn verify_front(
    run: &Run,
    dataset: &Dataset,
    outcome: &mut SearchOutcome,
    images: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let SearchOutcome { front, listed, uniform } = outcome;
    let directory = RunDirectory::new(&run.path);
    let task = progress.task(listed.len() as u64, "verify");
    let mut best: Option<(f64, Blob)> = None;
    for (candidate, network) in listed.iter().zip(&mut front.networks) {
        let (found, blob) = verify(run, dataset, candidate, images)?;
        network.verified = Some(found);
        if best.as_ref().is_none_or(|(int8, _)| found.int8 > *int8) {
            best = Some((found.int8, blob));
            front.winner.clone_from(&network.code);
        }
        task.advance(1);
    }
    task.finish();
    if let Some((_, blob)) = best {
        files::write(&directory.network(&front.winner), blob.bytes())?;
    }
    if let (Some(candidate), Some(network)) = (uniform, &mut front.uniform) {
        let (found, blob) = verify(run, dataset, candidate, images)?;
        network.verified = Some(found);
        files::write(&directory.network(&network.code), blob.bytes())?;
    }
    Ok(())
}

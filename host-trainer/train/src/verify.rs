//! Evaluates the networks that a search lists: with inherited weights, and as integers.

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::Dataset;
use supernano_search::cost::kernels::with_kernels;
use supernano_search::search::ScoredNetwork;
use supernano_search::search::file::Verified;
use supernano_search::search::find::SearchOutcome;

use crate::export::{ExportOptions, Material, Shipment, accuracies, ship};
use crate::run::Run;

/// Evaluates a sub-network on the images of [`Material::judged`], in float with inherited weights and
/// as int8. The blob has the kernels of the candidate.
///
/// # Errors
/// [`Error::Core`](supernano_base::error::Error::Core) if a blob cannot hold the network.
pub fn verify(
    run: &Run,
    material: &Material,
    candidate: &ScoredNetwork,
) -> Result<(Verified, Blob)> {
    let Shipment { float, blob, .. } =
        ship(run, &candidate.arch, material, &ExportOptions::default(), None)?;
    let blob = with_kernels(&run.space(), &blob, &candidate.kinds)?;
    let found = accuracies(&float, &blob, &material.judged)?;
    let images = material.judged.len();
    Ok((Verified { inherited: found.float, int8: found.int8, images }, blob))
}

/// Evaluates the listed networks on the first `images` of the validation split, names the network with the best int8 accuracy as the winner, and
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
    let calibration = ExportOptions::default().calibration;
    let judged = (&dataset.validation, images);
    let material = Material::new(&run.config, dataset, calibration, judged)?;
    let task = progress.task(listed.len() as u64, "verify");
    let mut best: Option<(f64, Blob)> = None;
    for (candidate, network) in listed.iter().zip(&mut front.networks) {
        let (found, blob) = verify(run, &material, candidate)?;
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
        let (found, blob) = verify(run, &material, candidate)?;
        network.verified = Some(found);
        files::write(&directory.network(&network.code), blob.bytes())?;
    }
    Ok(())
}

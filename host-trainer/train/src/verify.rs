//! Evaluates the networks that a search lists: with inherited weights, and as integers.

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_data::Dataset;
use supernano_search::cost::kernels::with_kernels;
use supernano_search::search::ScoredNetwork;
use supernano_search::search::find::SearchOutcome;
use supernano_search::search::verdict::{self, Evaluated};

use crate::export::{ExportOptions, Material, Materials, Shipment, accuracies, ship};
use crate::rank::Split;
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
) -> Result<(Evaluated, Blob)> {
    let Shipment { float, blob, .. } =
        ship(run, &candidate.arch, material, &ExportOptions::default(), None)?;
    let blob = with_kernels(&run.space(), &blob, &candidate.kinds)?;
    let found = accuracies(&float, &blob, &material.judged)?;
    let loss = found.int8_loss.unwrap_or(f64::INFINITY);
    Ok((Evaluated { inherited: found.float, loss, right: found.answers.each_right() }, blob))
}

/// Evaluates the listed networks on the first `images` of the validation split, enters the verdict
/// ([`verdict::enter`]), and writes the files of the winner and of the network of uniform width to the
/// run directory.
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
    let mut materials =
        Materials::new(&run.config, dataset, calibration, (Split::Validation, images));
    let task = progress.task((listed.len() + usize::from(uniform.is_some())) as u64, "verify");
    let mut one = |candidate: &ScoredNetwork| {
        let material = materials.at(candidate.arch.image(&run.space()))?;
        let found = verify(run, material, candidate);
        task.advance(1);
        found
    };
    let (found, mut blobs): (Vec<Evaluated>, Vec<Blob>) =
        listed.iter().map(&mut one).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let beside = uniform.as_ref().map(one).transpose()?;
    task.finish();
    let codes: Vec<String> = front.networks.iter().map(|network| network.code.clone()).collect();
    verdict::enter(front, &found, beside.as_ref().map(|(found, _)| found));
    if let (Some(network), Some((_, blob))) = (&front.uniform, &beside) {
        files::write(&directory.network(&network.code), blob.bytes())?;
    }
    if let Some(winner) = codes.iter().position(|code| *code == front.winner) {
        let blob = blobs.swap_remove(winner);
        files::write(&directory.network(&front.winner), blob.bytes())?;
    }
    Ok(())
}

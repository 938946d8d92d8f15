//! What the networks of a front really score: with inherited weights, and as integers.

use supernano_base::blob;
use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_search::cost::kernels::with_kernels;
use supernano_search::search::file::Verified;
use supernano_train::export::{
    BlobInfo, CALIBRATION, CalibrationSet, Prefer, QuantiseOptions, build, quantise_after_training,
};
use supernano_train::run::Run;
use supernano_train::supernet::{EvalSet, evaluate};

/// Evaluates a sub-network on the first `images` of the validation split, in float with inherited
/// weights and as int8; its blob has the kernels of `kinds`.
///
/// # Errors
/// [`supernano_base::error::Error::Core`] where a blob cannot hold the network.
pub fn verify(
    run: &Run,
    dataset: &Dataset,
    arch: &Arch,
    kinds: &[u8],
    images: usize,
) -> Result<(Verified, Blob)> {
    let space = run.space();
    let code = arch.display(space).to_string();
    let net = run.folded(arch, dataset);
    let set = EvalSet::new(dataset, &dataset.validation, images);
    let inherited = evaluate(&net, &set).top1;
    let calibration = CalibrationSet::new(dataset, CALIBRATION)?;
    let quantised = quantise_after_training(&net, &calibration, &QuantiseOptions::default());
    let info = BlobInfo { space: space.name, code: &code, classes: &dataset.classes };
    let blob = with_kernels(space, &build(&quantised.net, &info, Prefer::default())?, kinds)?;
    let chosen: Vec<u32> = (0..set.len() as u32).collect();
    let split = dataset.validation.select(&chosen);
    let int8 = blob::top1(&blob.logits(&split)?, &split.labels);
    Ok((Verified { inherited, int8, images: set.len() }, blob))
}

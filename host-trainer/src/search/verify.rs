//! What the networks of a front really score: with inherited weights, and as integers.

use supernano_core::arch::Arch;
use supernano_core::graph::KernelKind;
use supernano_core::space::Space;

use super::device::kind;
use super::file::Verified;
use super::kernels::rewritten;
use crate::blob::{self, Blob};
use crate::data::Dataset;
use crate::error::Result;
use crate::export::{self, Options, build, quantise_after_training};
use crate::rank::{EvalSet, evaluate};
use crate::train::Run;

/// Evaluates a sub-network on the first `images` of the validation split, in float with inherited
/// weights and as int8; its blob has the kernels of `kinds`.
///
/// # Errors
/// [`crate::error::Error::Core`] where a blob cannot hold the network.
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
    let quantised = quantise_after_training(&net, dataset, &Options::default());
    let source = export::Source {
        space: space.name,
        code: &code,
        dataset,
        prefer: export::Prefer::default(),
    };
    let blob = with_kernels(space, &build(&quantised.net, &source)?, kinds)?;
    let chosen: Vec<u32> = (0..set.len() as u32).collect();
    let split = dataset.validation.select(&chosen);
    let int8 = blob::top1(&blob.logits(&split)?, &split.labels);
    Ok((Verified { inherited, int8, images: set.len() }, blob))
}

/// The same network with the kernels of `kinds`, blocks in the order of the space.
///
/// # Errors
/// [`crate::error::Error::Core`] for a network of another space.
pub fn with_kernels(space: &Space<'_>, blob: &Blob, kinds: &[u8]) -> Result<Blob> {
    let view = blob.view()?;
    // Operations are in the order of layers, projections between them.
    let mut layer = 0;
    let layers: Vec<Option<usize>> = view
        .header()
        .ops
        .iter()
        .map(|op| match op {
            supernano_core::graph::Op::Conv(c) if is_projection(c) => None,
            supernano_core::graph::Op::Conv(_) => {
                layer += 1;
                Some(layer - 1)
            }
            supernano_core::graph::Op::Classifier(_) => None,
        })
        .collect();
    let chosen = |op: usize, _: &supernano_core::graph::Conv| {
        layers.get(op).copied().flatten().map_or(KernelKind::Direct, |l| kind(space, kinds, l))
    };
    rewritten(blob, &chosen)
}

/// A block's shortcut: the only convolutions without an activation.
fn is_projection(conv: &supernano_core::graph::Conv) -> bool {
    conv.kernel == 1
        && conv.residual.is_none()
        && conv.activation == supernano_core::graph::Activation::None
}

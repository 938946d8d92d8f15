//! What an update of a configuration computes, reads and writes, without a device.

use std::collections::BTreeMap;

use supernano_base::config::{Precision, RunConfig};
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_gpu_kernels::bf16;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::sources::{NoDevice, SourceRuntime};
use supernano_gpu_kernels::step::add_work;
pub use supernano_gpu_kernels::step::{Kind, Work};
use supernano_gpu_kernels::tile::VARIANTS;
use supernano_train::training::sampling::draw;

use crate::precision::Element;
use crate::step::GpuStep;
use crate::timing::supernet_step;

/// The sums over the first updates of the first supernet step of a configuration, by kind of launch, in
/// the default tiling. Every update has a whole batch. The sub-networks are those that the timing of a device
/// draws.
///
/// # Errors
/// [`Error::Invalid`](supernano_base::error::Error::Invalid) for a configuration without a supernet step,
/// or with layers that a GPU does not train.
pub fn work(config: &RunConfig, updates: u64) -> Result<BTreeMap<Kind, Work>> {
    match config.precision {
        Precision::Bfloat16 => with_maps::<bf16>(config, updates),
        _ => with_maps::<f32>(config, updates),
    }
}

fn with_maps<M: Element>(config: &RunConfig, updates: u64) -> Result<BTreeMap<Kind, Work>> {
    let (job, weights) = supernet_step(config)?;
    let (space, step) = (job.space.clone(), job.step);
    let client = SourceRuntime::client(&NoDevice);
    let start = (weights.values.as_slice(), &[][..]);
    let gpu = GpuStep::<_, M>::new(client, job, weights.layout, start, VARIANTS[0])?;
    let mut all = BTreeMap::new();
    for update in 0..updates {
        let archs = draw(&space.get(), step, Key::new(config.seed), update)?;
        add_work(&mut all, gpu.work(step.batch as u32, &archs));
    }
    Ok(all)
}

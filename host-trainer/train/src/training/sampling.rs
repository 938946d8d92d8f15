//! Sampling of the sub-networks that an update trains.

use rand::seq::SliceRandom as _;
use supernano_base::codes::{uniform, uniform_network};
use supernano_base::config::{Sampling, StepConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::space::{Choice, MAX_LAYERS, Space};

/// Draws the sub-networks of an update. `update` counts from 0 over the whole step.
///
/// # Errors
/// [`Error::Core`]; never for a validated space.
pub fn draw(space: &Space<'_>, step: &StepConfig, key: Key, update: u64) -> Result<Vec<Arch>> {
    if step.kind == StepKind::Largest {
        return Ok(Vec::new());
    }
    let key = Key { epoch: 0, ..key };
    let mut rng = key.rng(Purpose::Sample, update);
    (0..step.k)
        .map(|i| match step.sampling {
            Sampling::Sandwich | Sampling::SandwichFair if i == 0 => Ok(Arch::smallest(space)),
            Sampling::Uniform | Sampling::Sandwich => uniform(space, &mut rng),
            Sampling::Networks => uniform_network(space, &mut rng),
            Sampling::Fair => fair(space, key, update * step.k as u64 + i as u64),
            Sampling::SandwichFair => fair(space, key, update * (step.k as u64 - 1) + i as u64 - 1),
        })
        .collect()
}

/// Draw `t` of FairNAS sampling: every n draws, a choice with n options goes through a new
/// permutation of them.
fn fair(space: &Space<'_>, key: Key, t: u64) -> Result<Arch> {
    let options: Vec<u8> = space
        .choices()
        .map(|choice| {
            let n = space.options(choice) as u64;
            let mut order: Vec<u8> = (0..n as u8).collect();
            order.shuffle(&mut key.rng(Purpose::Sample, (stream(choice) + 1) << 48 | (t / n)));
            order[(t % n) as usize]
        })
        .collect();
    Arch::from_options(space, options).map_err(|e| Error::core("fair sampling", e))
}

/// A number for each choice.
fn stream(choice: Choice) -> u64 {
    let number = match choice {
        Choice::Width(layer) | Choice::Expansion(layer) => layer,
        Choice::Kernel(layer) => MAX_LAYERS + layer,
        Choice::Depth(stage) => 2 * MAX_LAYERS + stage,
        Choice::Resolution => 3 * MAX_LAYERS,
    };
    number as u64
}

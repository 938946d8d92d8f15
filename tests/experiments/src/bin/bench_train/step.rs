//! The supernet step and the evaluation of sub-networks on random images, for timing.

use rand::Rng as _;
use supernano_base::codes::uniform;
use supernano_base::config::{Preset, RunConfig};
use supernano_base::error::Result;
use supernano_base::rng::{Key, Purpose};
use supernano_base::space::SharedSpace;
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, cost, resolve};
use supernano_core::space::Space;
use supernano_train::backend::CpuAutodiff;
use supernano_train::run::checkpoint::Checkpoint;
use supernano_train::supernet::{FoldedNet, Layout, Weights, recalibrate};
use supernano_train::training::job::{Batch, Job};
use supernano_train::training::params::Params;

/// Enhancement of all timed networks: that of the reference.
const ENHANCEMENT: Enhancement = Enhancement::PRELU_OE;

/// Draws `n` random codes whose mean multiply-accumulates per image are within 0.1 % of `macs`, and
/// returns them with their seed. It tries 100,000 seeds and falls back to seed 0.
pub fn typical_codes(space: &Space<'_>, n: usize, macs: f64) -> (u64, Vec<Arch>) {
    let draw = |seed: u64| -> Vec<Arch> {
        let mut rng = Key::new(seed).rng(Purpose::Sample, 0);
        (0..n).filter_map(|_| uniform(space, &mut rng).ok()).collect()
    };
    let near = |archs: &[Arch]| {
        let mean = archs.iter().map(|a| macs_of(space, a) as f64).sum::<f64>() / n as f64;
        (mean / macs - 1.0).abs() < 1e-3
    };
    (0..100_000).map(|s| (s, draw(s))).find(|(_, a)| near(a)).unwrap_or_else(|| (0, draw(0)))
}

/// Multiply-accumulates per image of a sub-network, at effective widths.
pub fn macs_of(space: &Space<'_>, arch: &Arch) -> u64 {
    cost(space, &resolve(space, arch, ENHANCEMENT, BranchScheme::Shared)).macs
}

/// A supernet with a batch of random images.
pub struct Bench {
    config: RunConfig,
    params: Params<CpuAutodiff>,
    pixels: Vec<f32>,
    labels: Vec<u16>,
}

impl Bench {
    /// The ResNet20 supernet of the paper with random weights, and `images` random images.
    ///
    /// # Errors
    /// The errors of [`RunConfig::preset`].
    pub fn new(images: usize) -> Result<Self> {
        let config = RunConfig::preset(Preset::Paper)?;
        let space = config.space();
        let layout = Layout::new(config.shared_space(), ENHANCEMENT, BranchScheme::Shared);
        let values = Weights::initial(layout.clone(), Key::new(1)).values;
        let state = Checkpoint::start(2, values);
        let mut rng = Key::new(1).rng(Purpose::Generate, 0);
        let pixels = (0..images * space.input.len()).map(|_| 4.0 * rng.random::<f32>() - 2.0);
        let pixels = pixels.collect();
        let labels = (0..images).map(|i| (i % usize::from(space.classes)) as u16).collect();
        Ok(Self { config, params: Params::new(layout, &state), pixels, labels })
    }

    /// The space of the supernet.
    pub fn space(&self) -> SharedSpace {
        self.config.shared_space()
    }

    /// Runs one update with the largest network and `students`. Returns the mean loss of the
    /// students, nats.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::NotFinite`].
    pub fn step(&mut self, students: &[Arch]) -> Result<f64> {
        let space = self.space();
        let input = space.get().input;
        let step = &self.config.steps[1];
        let optimizer = self.config.optimizer;
        let (enhancement, number, fixed) = (ENHANCEMENT, 2, None);
        let job = Job { space, enhancement, step, number, optimizer, fixed };
        let batch = Batch::<CpuAutodiff>::new(&self.pixels, &self.labels, input);
        Ok(job.update(&mut self.params, &batch, students, step.lr, 0)?.students)
    }

    /// Recalibrates a sub-network on the images and folds it.
    pub fn folded(&self, arch: &Arch) -> FoldedNet {
        let layout = self.params.layout.clone();
        let plan = resolve(&layout.space(), arch, ENHANCEMENT, layout.scheme);
        let subnet = Weights { layout, values: self.params.host_values() }.subnet(&plan);
        let stats = recalibrate(&subnet, self.labels.len(), [self.pixels.clone()]);
        subnet.fold(&stats)
    }
}

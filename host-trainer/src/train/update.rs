//! One update of Algorithm 1, and which sub-networks it trains.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion as _, FloatDType, Tensor};
use rand::Rng as _;
use rand::seq::SliceRandom as _;
use supernano_core::arch::Arch;
use supernano_core::plan::{Enhancement, Plan, resolve};
use supernano_core::space::{Shape, Space};

use super::loss;
use super::params::Params;
use crate::backend::{BatchStats, Map, Ops};
use crate::config::{Optimizer, Sampling, StepConfig, StepKind, Teacher};
use crate::data::Key;
use crate::data::rng::Purpose;
use crate::error::{Error, Result};
use crate::supernet::{TensorNet, forward_train};

/// Losses of an update, nats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    /// Of the largest network; 0 where it is not trained.
    pub largest: f64,
    /// Mean over the sub-networks (Eq. 2 in its cross-entropy form); 0 without any.
    pub students: f64,
}

impl Losses {
    /// Sums.
    pub fn add(&mut self, other: Self) {
        self.largest += other.largest;
        self.students += other.students;
    }
}

/// Everything that stays the same over a step.
pub(super) struct Job<'a, B: AutodiffBackend> {
    pub space: &'static Space<'static>,
    pub enhancement: Enhancement,
    pub step: &'a StepConfig,
    pub number: usize,
    pub optimizer: Optimizer,
    /// The weights before the step, only with [`Teacher::Fixed`].
    pub fixed: Option<Params<B>>,
    /// What the convolutions of the masked execution compute in, if not in 32 bits.
    pub half: Option<FloatDType>,
}

/// A batch on the backend.
pub(super) struct Batch<'a, B: AutodiffBackend + Ops>
where
    B::InnerBackend: Ops,
{
    pub images: Map<B>,
    pub plain: Map<B::InnerBackend>,
    pub labels: &'a [u16],
}

impl<'a, B: AutodiffBackend + Ops> Batch<'a, B>
where
    B::InnerBackend: Ops,
{
    /// Normalised images `[n, channels, height, width]` of `shape` and their classes.
    pub fn new(pixels: &[f32], labels: &'a [u16], shape: Shape) -> Self {
        let [c, h, w] = [shape.channels, shape.height, shape.width].map(usize::from);
        let n = labels.len();
        let images = Map::from_images(pixels, n, c, h, w);
        Self { images, plain: Map::from_images(pixels, n, c, h, w), labels }
    }
}

impl<B: AutodiffBackend + Ops> Job<'_, B>
where
    B::InnerBackend: Ops,
{
    /// What a sub-network computes in this step.
    pub fn plan(&self, arch: &Arch) -> Plan {
        resolve(self.space, arch, self.enhancement, self.step.scheme)
    }

    /// Whether an update trains the largest network itself.
    pub fn trains_largest(&self) -> bool {
        self.step.teacher == Teacher::Live || self.step.kind == StepKind::Largest
    }

    /// Zero gradients; the largest network and the teacher; the sub-networks; one update with the
    /// sum of all gradients.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn update(
        &self,
        params: &mut Params<B>,
        batch: &Batch<'_, B>,
        students: &[Arch],
        rate: f32,
        update: u64,
    ) -> Result<Losses> {
        let device = Default::default();
        let largest = Arch::largest(self.space);
        let labels = loss::one_hot::<B>(batch.labels, self.space.classes.into(), &device);
        let mut losses = Losses::default();
        let supernet = self.step.kind == StepKind::Supernet;
        let distils = supernet && self.step.alpha > 0.0;
        let mut logits: Option<Tensor<B::InnerBackend, 2>> = None;
        if self.trains_largest() {
            let (net, leaves) = params.path(&self.plan(&largest));
            let (z, stats) = forward_train(&net, &batch.images);
            logits = distils.then(|| z.clone().inner());
            let value = loss::cross_entropy(z, labels.clone(), 1.0);
            losses.largest = self.finite(&value, &stats, &net, &largest, update)?;
            params.add(&leaves, &value.backward());
        } else if distils {
            let net = self.fixed.as_ref().unwrap_or(params).plain(&self.plan(&largest));
            logits = Some(forward_train(&net, &batch.plain).0);
        }
        let teacher =
            logits.map(|z| Tensor::<B, 2>::from_inner(loss::soften(z, self.step.temperature)));
        for arch in students {
            let (net, leaves) = params.path(&self.plan(arch));
            let (z, stats) = forward_train(&net, &batch.images);
            let (alpha, temperature) = (self.step.alpha, self.step.temperature);
            let value = loss::distilled(z, labels.clone(), teacher.clone(), alpha, temperature);
            losses.students +=
                self.finite(&value, &stats, &net, arch, update)? / students.len() as f64;
            params.add(&leaves, &value.backward());
        }
        params.update(self.optimizer, rate, self.step.clip);
        Ok(losses)
    }

    /// The value of a loss, which must be finite.
    fn finite(
        &self,
        value: &Tensor<B, 1>,
        stats: &[BatchStats],
        net: &TensorNet<B>,
        arch: &Arch,
        update: u64,
    ) -> Result<f64> {
        let value: f32 = value.clone().into_scalar().elem();
        if value.is_finite() {
            return Ok(value.into());
        }
        let bad = |s: &BatchStats| s.mean.iter().chain(&s.var_biased).any(|v| !v.is_finite());
        let known = stats.iter().any(|s| !s.mean.is_empty());
        let layer = net.convs().zip(stats).find(|(_, stats)| bad(stats));
        let unknown = if known { "the classifier" } else { "not known on this device" };
        Err(Error::NotFinite {
            step: self.number as u32,
            update,
            code: arch.display(self.space).to_string(),
            layer: layer.map_or(unknown.to_owned(), |(conv, _)| conv.name.clone()),
        })
    }
}

/// A sub-network, uniform and independent per layer.
pub(crate) fn uniform(space: &Space<'_>, rng: &mut impl rand::RngCore) -> Arch {
    let options: Vec<u8> = space
        .free_layers()
        .map(|i| rng.random_range(0..space.layers[i].widths.len()) as u8)
        .collect();
    Arch::from_options(space, options).unwrap_or_else(|_| Arch::largest(space))
}

/// The sub-networks of an update; `update` counts from 0 over the whole step.
pub(super) fn draw(space: &Space<'_>, step: &StepConfig, key: Key, update: u64) -> Vec<Arch> {
    if step.kind == StepKind::Largest {
        return Vec::new();
    }
    let key = Key { epoch: 0, ..key };
    let mut rng = key.rng(Purpose::Sample, update);
    (0..step.k)
        .map(|i| match step.sampling {
            Sampling::Sandwich | Sampling::SandwichFair if i == 0 => Arch::smallest(space),
            Sampling::Uniform | Sampling::Sandwich => uniform(space, &mut rng),
            Sampling::Fair => fair(space, key, update * step.k as u64 + i as u64),
            Sampling::SandwichFair => fair(space, key, update * (step.k as u64 - 1) + i as u64 - 1),
        })
        .collect()
}

/// Draw `t` of the fair sampling: a layer of n options goes through a fresh permutation of them
/// every n draws.
fn fair(space: &Space<'_>, key: Key, t: u64) -> Arch {
    let options: Vec<u8> = space
        .free_layers()
        .map(|i| {
            let n = space.layers[i].widths.len() as u64;
            let mut order: Vec<u8> = (0..n as u8).collect();
            order.shuffle(&mut key.rng(Purpose::Sample, (i as u64 + 1) << 48 | (t / n)));
            order[(t % n) as usize]
        })
        .collect();
    Arch::from_options(space, options).unwrap_or_else(|_| Arch::largest(space))
}

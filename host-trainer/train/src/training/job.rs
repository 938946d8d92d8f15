//! One update of Algorithm 1 in the sliced execution: path after path.

use std::borrow::Cow;

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{ElementConversion as _, Tensor, TensorData};
use supernano_base::config::{Optimizer, StepConfig, StepKind, Teacher};
use supernano_base::error::{Error, Result};
use supernano_base::images::resized_planes;
use supernano_base::space::SharedSpace;
use supernano_core::arch::Arch;
use supernano_core::plan::{Enhancement, Plan, cost, resolve};
use supernano_core::space::Shape;

use super::loss::{self, Criterion};
use super::params::Params;
use super::sharing::{Alone, Sharing};
use super::state::layout_of;
use super::{Losses, Setup};
use crate::backend::{BatchStats, FeatureMap, Ops};
use crate::run::checkpoint::Checkpoint;
use crate::supernet::{TensorNet, forward_train};

/// What stays the same during a training step.
pub struct Job<'a, B: AutodiffBackend> {
    /// The search space.
    pub space: SharedSpace,
    /// Enhancement of the step.
    pub enhancement: Enhancement,
    /// Configuration of the step.
    pub step: &'a StepConfig,
    /// The step, from 1.
    pub number: usize,
    /// Momentum and weight decay.
    pub optimizer: Optimizer,
    /// The weights before the step, only with [`Teacher::Fixed`].
    pub fixed: Option<Params<B>>,
}

/// A batch on the backend.
pub struct Batch<'a, B: AutodiffBackend + Ops>
where
    B::InnerBackend: Ops,
{
    /// Images `[n, channels, height, width]`, normalised.
    pub images: FeatureMap<B>,
    /// The same without gradients.
    pub plain: FeatureMap<B::InnerBackend>,
    /// Classes, `[n]`.
    pub labels: &'a [u16],
    /// Targets `[n, outputs]`, each row times the weight of its image; none if the classes alone decide.
    pub targets: &'a [f32],
    /// Weights of the losses of the images, `[n]`; none if all are 1.
    pub weights: &'a [f32],
    /// Images of the largest resolution, `[n, channels, height, width]`.
    pixels: &'a [f32],
}

impl<'a, B: AutodiffBackend + Ops> Batch<'a, B>
where
    B::InnerBackend: Ops,
{
    /// Normalised images `[n, channels, height, width]` of `shape` and their classes.
    pub fn new(pixels: &'a [f32], labels: &'a [u16], shape: Shape) -> Self {
        let [c, h, w] = [shape.channels, shape.height, shape.width].map(usize::from);
        let n = labels.len();
        let images = FeatureMap::from_images(pixels, n, c, h, w);
        Self {
            images,
            plain: FeatureMap::from_images(pixels, n, c, h, w),
            labels,
            targets: &[],
            weights: &[],
            pixels,
        }
    }

    /// The same batch with targets `[n, outputs]`, and weights `[n]` that their rows are multiplied by.
    pub fn with_targets(self, targets: &'a [f32], weights: &'a [f32]) -> Self {
        Self { targets, weights, ..self }
    }

    /// The images at the resolution of a network.
    fn at(&self, shape: Shape) -> Cow<'_, FeatureMap<B>> {
        let FeatureMap { n, c, h, w, .. } = self.images;
        let to = [shape.height, shape.width].map(usize::from);
        if to == [h, w] {
            return Cow::Borrowed(&self.images);
        }
        let pixels = resized_planes(self.pixels, [h, w], to);
        Cow::Owned(FeatureMap::from_images(&pixels, n, c, to[0], to[1]))
    }
}

impl<'a, B: AutodiffBackend> Job<'a, B> {
    /// Prepares a step and moves its parameters to the backend.
    pub fn new(setup: &Setup<'a>) -> (Self, Params<B>) {
        let (config, number) = (setup.config, setup.state.step);
        let layout = layout_of(setup.space.clone(), config, number);
        let before = |before: &Checkpoint| Params::new(layout.clone(), before);
        let fixed = setup.fixed.as_ref().map(before);
        let params = Params::new(layout.clone(), &setup.state);
        let step = setup.step();
        let enhancement = step.enhancement(config.enhancement);
        let (space, optimizer) = (setup.space.clone(), config.optimizer);
        (Self { space, enhancement, step, number, optimizer, fixed }, params)
    }

    /// Resolves what a sub-network computes in this step.
    pub fn plan(&self, arch: &Arch) -> Plan {
        resolve(&self.space.get(), arch, self.enhancement, self.step.scheme)
    }

    /// True if an update trains the largest network itself.
    pub fn trains_largest(&self) -> bool {
        self.step.teacher == Teacher::Live || self.step.kind == StepKind::Largest
    }

    /// Multiply-accumulates of path 0, the largest network, or of a sub-network. A largest network that
    /// only teaches has no backward pass, which is two thirds of the work.
    pub fn path_cost(&self, path: usize, students: &[Arch]) -> u64 {
        let space = self.space.get();
        let of = |arch: &Arch| 3 * cost(&space, &self.plan(arch)).macs;
        match path.checked_sub(1).and_then(|i| students.get(i)) {
            Some(arch) => of(arch),
            None if self.trains_largest() => of(&Arch::largest(&space)),
            None => of(&Arch::largest(&space)) / 3,
        }
    }
}

impl<B: AutodiffBackend + Ops> Job<'_, B>
where
    B::InnerBackend: Ops,
{
    /// Runs one update of Algorithm 1: clears the gradients, trains the largest network, which
    /// teaches, then the sub-networks, and applies the sum of all gradients.
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
        self.update_shared(&mut Alone, params, batch, students, rate, update)
    }

    /// As [`Self::update`], with paths that other processors train.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::Tool`] naming a processor that does not answer.
    pub(super) fn update_shared(
        &self,
        sharing: &mut dyn Sharing,
        params: &mut Params<B>,
        batch: &Batch<'_, B>,
        students: &[Arch],
        rate: f32,
        update: u64,
    ) -> Result<Losses> {
        sharing.divide(1 + students.len(), &|path| self.path_cost(path, students));
        let device = Default::default();
        let largest = Arch::largest(&self.space.get());
        let criterion = Criterion(self.space.get().head);
        let outputs = self.space.get().classes.into();
        let labels = Criterion::targets::<B>(batch.labels, batch.targets, outputs, &device);
        let mut losses = Losses::default();
        let supernet = self.step.kind == StepKind::Supernet;
        let distils = supernet && self.step.alpha > 0.0;
        let shape = [batch.labels.len(), outputs];
        let mut logits: Option<Tensor<B::InnerBackend, 2>> = None;
        if self.trains_largest() && sharing.trains(0) {
            let (net, leaves) = params.path(&self.plan(&largest));
            let (z, stats) = forward_train(&net, &batch.images);
            if distils {
                sharing.teach(&mut || Ok(host_logits::<B>(&z)))?;
                logits = Some(z.clone().inner());
            }
            let value = criterion.loss(z, labels.clone());
            losses.largest = self.finite(&value, &stats, &net, &largest, update)?;
            params.add(&leaves, &value.backward());
        } else if distils {
            logits = Some(if sharing.trains(0) {
                let net = self.fixed.as_ref().unwrap_or(params).plain(&self.plan(&largest));
                let own = forward_train(&net, &batch.plain).0;
                sharing.teach(&mut || Ok(own.to_data().iter::<f32>().collect()))?;
                own
            } else {
                let values = sharing.learn(shape[0] * shape[1])?;
                Tensor::from_data(TensorData::new(values, shape), &device)
            });
        }
        let soft = |z| {
            let soft = criterion.soften(z, self.step.temperature);
            loss::weighted(Tensor::<B, 2>::from_inner(soft), batch.weights)
        };
        let teacher = logits.map(soft);
        for (path, arch) in (1..).zip(students) {
            if !sharing.trains(path) {
                continue;
            }
            let (net, leaves) = params.path(&self.plan(arch));
            let (z, stats) = forward_train(&net, &batch.at(net.input));
            let (alpha, temperature) = (self.step.alpha, self.step.temperature);
            let value = criterion.distilled(z, labels.clone(), teacher.clone(), alpha, temperature);
            let part = self.finite(&value, &stats, &net, arch, update)? / students.len() as f64;
            losses.students += part;
            params.add(&leaves, &value.backward());
            sharing.done(params, part)?;
        }
        sharing.sum(params, &mut losses)?;
        params.update(self.optimizer, rate, self.step.clip);
        Ok(losses)
    }

    /// Reads the value of a loss back and makes sure that it is finite.
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
            code: arch.display(&self.space.get()).to_string(),
            layer: layer.map_or(unknown.to_owned(), |(conv, _)| conv.name.clone()),
        })
    }
}

fn host_logits<B: AutodiffBackend>(logits: &Tensor<B, 2>) -> Vec<f32> {
    logits.to_data().iter::<f32>().collect()
}

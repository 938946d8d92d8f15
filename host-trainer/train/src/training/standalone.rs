//! Stand-alone training of sub-networks.
//!
//! A sub-network is trained as the largest network of a search space with one option per layer, so
//! that the code of supernet training serves here too. The accuracies are the truths that scores
//! are compared with.

use std::ops::ControlFlow;

use burn::tensor::{Tensor, TensorData};
use supernano_base::codes::Coded;
use supernano_base::codes::truth::{Form, Recipe, Start, Truth};
use supernano_base::config::{RunConfig, StepConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::images::resized_planes;
use supernano_base::progress::Silent;
use supernano_base::rng::Key;
use supernano_base::space::SharedSpace;
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, Plan, resolve};
use supernano_core::space::{Site, Space};
use supernano_data::{Dataset, ExampleMaker, Examples};

use super::loss::Criterion;
use super::params::Params;
use super::state::layout_of;
use super::{
    Accelerator as _, Learner, Losses, Position, Schedule, Setup, SlicedAccelerator, UpdateInput,
    fit, loss,
};
use crate::backend::{CpuAutodiff, FeatureMap};
use crate::run::checkpoint::Checkpoint;
use crate::run::{Run, recalibration_batches};
use crate::supernet::{
    ActivationFn, BnConv, EvalSet, FoldedNet, Layout, Role, SubNet, Weights, evaluate,
    forward_train, identity, recalibrate,
};

/// Trains a sub-network from scratch and evaluates it on the test images.
///
/// # Errors
/// [`supernano_base::error::Error::NotFinite`].
pub fn train_alone(
    config: &RunConfig,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
) -> Result<Truth> {
    let (space, config) = alone(config, coded, recipe);
    let dataset = &*dataset.at(space.get().input)?;
    let layout = layout_of(space.clone(), &config, 1);
    let values = Weights::initial(layout.clone(), Key::new(recipe.seed)).values;
    let state = Checkpoint::start(1, values);
    let setup = Setup { space, config: &config, dataset, state, fixed: None };
    let step = setup.step();
    let rate = |at: Position| step.rate(at.epochs());
    let schedule = Schedule { rate: &rate, ..schedule(&config, dataset, step.updates) };
    let mut engine = SlicedAccelerator.engine(setup.clone(), None)?;
    fit(&mut *engine, &schedule, &Silent, |_, _| Ok(ControlFlow::Continue(())))?;
    let weights = Weights { layout, values: engine.values() };
    judged(&weights, &config, dataset, coded, recipe, Start::Scratch)
}

/// The schedule of the only step, without its learning rate.
fn schedule(config: &RunConfig, dataset: &Dataset, updates: Option<usize>) -> Schedule<'static> {
    let step = &config.steps[0];
    let images = dataset.train.len();
    Schedule {
        seed: config.seed,
        step: 1,
        epochs: 0..step.epochs,
        images,
        used: images,
        batch: step.batch,
        least: 2,
        updates: updates.unwrap_or(usize::MAX),
        rate: &|_| 0.0,
        skip: 0,
        late: &|| false,
    }
}

/// The supernet that a sub-network inherits from.
#[derive(Clone, Copy, Debug)]
pub struct Inheritance<'a> {
    /// The supernet.
    pub run: &'a Run,
    /// The supernet's largest network, which teaches.
    pub teacher: &'a FoldedNet,
    /// Weight of the teacher against the labels, 0 to 1.
    pub alpha: f32,
}

/// Like [`train_alone`], but starts from a supernet's weights and distils its largest network
/// (Eq. 2).
///
/// # Errors
/// [`supernano_base::error::Error::NotFinite`].
pub fn train_inherited(
    from: &Inheritance<'_>,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
) -> Result<Truth> {
    let run = from.run;
    let (space, config) = alone(&run.config, coded, recipe);
    let step = &config.steps[0];
    let enhancement = step.enhancement(config.enhancement);
    let scheme = run.weights.layout.scheme;
    let inherited = run.weights.subnet(&resolve(&run.space(), &coded.arch, enhancement, scheme));
    let layout = layout_of(space.clone(), &config, 1);
    let values = inherit(&inherited, layout.clone()).values;
    let params = Params::new(layout.clone(), &Checkpoint::start(1, values));
    let plan = whole(&space.get(), enhancement);
    let (config, code) = (&config, &coded.written);
    let mut taught = Taught { from, config, dataset, params, plan, code };
    // The rate of a sub-network that inherits moves once an epoch.
    let rate = |at: Position| step.rate((at.update / at.per_epoch) as f64);
    let schedule = Schedule { rate: &rate, ..schedule(config, dataset, None) };
    fit(&mut taught, &schedule, &Silent, |_, _| Ok(ControlFlow::Continue(())))?;
    let weights = Weights { layout, values: taught.params.host_values() };
    judged(&weights, config, dataset, coded, recipe, Start::Inherited)
}

/// A sub-network that learns from a supernet's largest network.
struct Taught<'a> {
    from: &'a Inheritance<'a>,
    config: &'a RunConfig,
    dataset: &'a Dataset,
    params: Params<CpuAutodiff>,
    plan: Plan,
    code: &'a str,
}

impl Learner for Taught<'_> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let Self { from, config, dataset, params, plan, code } = self;
        let (indices, s) = (input.indices(), dataset.shape);
        let (n, outputs) = (indices.len(), dataset.outputs());
        let device = Default::default();
        let maker = ExampleMaker::new(dataset, config.augmentation, &config.loss);
        let Examples { pixels, labels, targets, weights } = maker.examples(indices, input.key);
        let read = plan.image;
        let [size, to] = [s, read].map(|s| [usize::from(s.height), usize::from(s.width)]);
        let small = (size != to).then(|| resized_planes(&pixels, size, to));
        let images = small.as_deref().unwrap_or(&pixels);
        let images = FeatureMap::from_images(images, n, s.channels.into(), to[0], to[1]);
        let criterion = Criterion(dataset.objective.head());
        let targets = Criterion::targets::<CpuAutodiff>(&labels, &targets, outputs, &device);
        let answers = TensorData::new(from.teacher.forward(&pixels, n), [n, outputs]);
        let answers = Tensor::<CpuAutodiff, 2>::from_data(answers, &device);
        let answers = loss::weighted(criterion.soften(answers, 1.0), &weights);
        let (net, leaves) = params.path(plan);
        let (logits, _) = forward_train(&net, &images);
        let value = criterion.distilled(logits, targets, Some(answers), from.alpha, 1.0);
        let found = loss::finite(&value).ok_or_else(|| Error::NotFinite {
            step: 1,
            update: input.update,
            code: (*code).to_owned(),
            layer: "the classifier".into(),
        })?;
        params.add(&leaves, &value.backward());
        params.update(config.optimizer, input.rate, config.steps[0].clip);
        Ok(Losses { largest: 0.0, students: found })
    }
}

/// The plan of a space's largest network, with shared weights.
fn whole(space: &Space<'_>, enhancement: Enhancement) -> Plan {
    resolve(space, &Arch::largest(space), enhancement, BranchScheme::Shared)
}

/// The space of one sub-network, and the configuration that trains it.
fn alone(config: &RunConfig, coded: &Coded, recipe: &Recipe) -> (SharedSpace, RunConfig) {
    let step = StepConfig {
        epochs: recipe.epochs,
        lr: recipe.lr,
        kind: StepKind::Largest,
        scheme: BranchScheme::Shared,
        relu: recipe.form == Form::Nominal,
        ..config.steps[0].clone()
    };
    let enhancement = match recipe.form {
        Form::Nominal => Enhancement::NONE,
        Form::Effective => config.enhancement,
    };
    let space = SharedSpace::single(&config.space(), &coded.arch);
    (space, RunConfig { seed: recipe.seed, enhancement, steps: vec![step], ..config.clone() })
}

/// Copies a sub-network's weights into a layout of its own space. The slope of a layer without a
/// PReLU is 0.25.
fn inherit(net: &SubNet, layout: Layout) -> Weights {
    let convs: Vec<_> = net.layers.executed().collect();
    let mut values = Vec::with_capacity(layout.len());
    for e in &layout.entries {
        let site = if e.shortcut { Site::Shortcut(e.layer) } else { Site::Layer(e.layer) };
        let conv = convs.iter().find(|(step, _)| step.site == site).map(|(_, conv)| *conv);
        match (e.role, conv) {
            (Role::Weight, Some(conv)) => values.extend(&conv.weight),
            (Role::Gamma, Some(conv)) => values.extend(&conv.gamma),
            (Role::Beta, Some(conv)) => values.extend(&conv.beta),
            (Role::Slope, Some(BnConv { act: ActivationFn::Prelu(slope), .. })) => {
                values.push(*slope)
            }
            (Role::Classifier, _) => values.extend(&net.classifier.weight),
            (Role::Bias, _) => values.extend(&net.classifier.bias),
            // A single sub-network has one kernel for each layer.
            (Role::Transformation(_), _) => values.extend(identity(e.shape[0])),
            (Role::Slope, _) | (_, None) => values.extend(std::iter::repeat_n(0.25, e.len())),
        }
    }
    Weights { layout, values }
}

/// Recalibrates trained weights and evaluates them on the test images.
fn judged(
    weights: &Weights,
    config: &RunConfig,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
    start: Start,
) -> Result<Truth> {
    let space = weights.layout.space();
    let enhancement = config.steps[0].enhancement(config.enhancement);
    let plan = whole(&space, enhancement);
    let subnet = weights.subnet(&plan);
    let dataset = &*dataset.at(plan.image)?;
    let (batch, batches) = recalibration_batches(dataset, config, usize::MAX);
    let folded = subnet.fold(&recalibrate(&subnet, batch, batches));
    let found = evaluate(&folded, &EvalSet::new(dataset, &dataset.test, usize::MAX));
    Ok(Truth {
        id: coded.id.clone(),
        arch: coded.written.clone(),
        standalone_top1: found.top1,
        top1_se: found.top1_se,
        ce: found.ce,
        images: found.images,
        metric: found.metric,
        form: recipe.form,
        epochs: recipe.epochs,
        seed: recipe.seed,
        start,
    })
}

#[cfg(test)]
mod tests;

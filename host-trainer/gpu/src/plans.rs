//! Plans with their widths and activations on the device.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use supernano_core::plan::{Activation, Plan};

/// Several sets of plans. One batch computes all plans of a set. The numbers of all sets move to the
/// device at once.
pub(crate) struct PlanSets<B: Backend> {
    /// `[set][path]`.
    plans: Vec<Vec<Plan>>,
    /// `[sets, 2, layers, paths]`: output channels of every layer, then 1 for a PReLU after the
    /// layer and 0 for a ReLU.
    numbers: Tensor<B, 4>,
}

impl<B: Backend> PlanSets<B> {
    /// Moves sets of equal size to the device. All plans are of one space.
    pub fn new(plans: Vec<Vec<Plan>>, device: &B::Device) -> Self {
        let first = plans.first().map_or(&[][..], Vec::as_slice);
        let (paths, layers) = (first.len(), first.first().map_or(0, |p| p.layers.len()));
        let mut values = Vec::with_capacity(plans.len() * 2 * layers * paths);
        for set in &plans {
            for layer in 0..layers {
                values.extend(set.iter().map(|p| f32::from(p.layers[layer].output.0)));
            }
            for layer in 0..layers {
                values.extend(set.iter().map(|p| f32::from(u8::from(has_prelu(p, layer)))));
            }
        }
        let data = TensorData::new(values, [plans.len(), 2, layers, paths]);
        Self { plans, numbers: Tensor::from_data(data, device) }
    }

    /// Set `i`.
    pub fn get(&self, i: usize) -> PlanSet<'_, B> {
        let [_, two, layers, paths] = self.numbers.dims();
        let numbers = self.numbers.clone().narrow(0, i, 1).reshape([two, layers, paths]);
        PlanSet { plans: &self.plans[i], numbers }
    }
}

/// The plans that one batch computes, at least one.
pub(crate) struct PlanSet<'a, B: Backend> {
    /// The plan of each path.
    pub plans: &'a [Plan],
    /// `[2, layers, paths]`, as in [`PlanSets`].
    numbers: Tensor<B, 3>,
}

impl<'a, B: Backend> PlanSet<'a, B> {
    /// Output channels of a layer, `[paths, 1, 1, 1]`.
    pub fn channels(&self, layer: usize) -> Tensor<B, 4> {
        self.row(0, layer)
    }

    /// 1 for paths with a PReLU after a layer, 0 for paths with a ReLU, `[paths, 1, 1, 1]`.
    pub fn prelu_flags(&self, layer: usize) -> Tensor<B, 4> {
        self.row(1, layer)
    }

    /// True if a path has a PReLU after a layer.
    pub fn any_prelu(&self, layer: usize) -> bool {
        self.plans.iter().any(|plan| has_prelu(plan, layer))
    }

    /// The branches of a layer's weights: one for each path, or a single one for all paths if they
    /// are equal.
    pub fn branches(&self, layer: usize) -> Vec<u8> {
        let branches: Vec<u8> = self.plans.iter().map(|plan| plan.layers[layer].branch).collect();
        if branches.iter().all(|&b| b == branches[0]) { vec![branches[0]] } else { branches }
    }

    /// The same set on another backend.
    pub fn map<C: Backend>(self, into: impl Fn(Tensor<B, 3>) -> Tensor<C, 3>) -> PlanSet<'a, C> {
        PlanSet { plans: self.plans, numbers: into(self.numbers) }
    }

    fn row(&self, which: usize, layer: usize) -> Tensor<B, 4> {
        let row = self.numbers.clone().narrow(0, which, 1).narrow(1, layer, 1);
        row.reshape([self.plans.len(), 1, 1, 1])
    }
}

fn has_prelu(plan: &Plan, layer: usize) -> bool {
    matches!(plan.layers[layer].activation, Activation::Prelu)
}

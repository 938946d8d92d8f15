//! Parameters on the backend, gradients summed over paths, and SGD.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use supernano_base::config::Optimizer;
use supernano_core::plan::Plan;

use crate::backend::Ops;
use crate::run::checkpoint::Checkpoint;
use crate::supernet::{Layout, TensorNet, TensorSource};

/// A tensor without a graph, flat.
pub type Flat<B> = Tensor<<B as AutodiffBackend>::InnerBackend, 1>;

/// Tensors of a layout, each flat, with momentum and the gradient that is being summed.
pub struct Params<B: AutodiffBackend> {
    /// Which tensors there are.
    pub layout: Layout,
    values: Vec<Flat<B>>,
    momentum: Vec<Option<Flat<B>>>,
    gradients: Vec<Option<Flat<B>>>,
}

/// One path's own copies of the tensors that it uses, as leaves of its graph.
pub struct Path<'a, B: AutodiffBackend> {
    params: &'a Params<B>,
    leaves: Vec<Option<Tensor<B, 1>>>,
}

/// A path's leaves once its network is cut.
pub struct Leaves<B: AutodiffBackend>(Vec<Option<Tensor<B, 1>>>);

impl<B: AutodiffBackend> Path<'_, B> {
    /// Tensor `i` of the layout, flat, as a leaf of the path's graph.
    pub fn leaf(&mut self, i: usize) -> Tensor<B, 1> {
        let params = self.params;
        self.leaves[i]
            .get_or_insert_with(|| Tensor::from_inner(params.values[i].clone()).require_grad())
            .clone()
    }

    /// The leaves, once the path's network is cut.
    pub fn close(self) -> Leaves<B> {
        Leaves(self.leaves)
    }
}

impl<B: AutodiffBackend> TensorSource for Path<'_, B> {
    type Values = Tensor<B, 4>;
    type Slope = Tensor<B, 1>;

    fn values(&mut self, i: usize, shape: [usize; 4]) -> Tensor<B, 4> {
        slice(self.leaf(i), &self.params.layout.entries[i].shape, shape)
    }

    fn slope(&mut self, i: usize) -> Tensor<B, 1> {
        self.leaf(i)
    }
}

/// The same without a graph.
struct Plain<'a, B: AutodiffBackend>(&'a Params<B>);

impl<B: AutodiffBackend> TensorSource for Plain<'_, B> {
    type Values = Tensor<B::InnerBackend, 4>;
    type Slope = Tensor<B::InnerBackend, 1>;

    fn values(&mut self, i: usize, shape: [usize; 4]) -> Self::Values {
        slice(self.0.values[i].clone(), &self.0.layout.entries[i].shape, shape)
    }

    fn slope(&mut self, i: usize) -> Self::Slope {
        self.0.values[i].clone()
    }
}

fn slice<B: burn::tensor::backend::Backend>(
    flat: Tensor<B, 1>,
    full: &[usize],
    shape: [usize; 4],
) -> Tensor<B, 4> {
    let full: [usize; 4] = std::array::from_fn(|d| full.get(d).copied().unwrap_or(1));
    let tensor = flat.reshape(full);
    if full == shape { tensor } else { tensor.slice(shape.map(|n| 0..n)) }
}

impl<B: AutodiffBackend + Ops> Params<B>
where
    B::InnerBackend: Ops,
{
    /// Values and momentum of a checkpoint.
    pub fn new(layout: Layout, checkpoint: &Checkpoint) -> Self {
        let device = Default::default();
        let tensor = |v: &[f32]| Tensor::from_data(TensorData::new(v.to_vec(), [v.len()]), &device);
        let entries = || layout.entries.iter();
        let values =
            entries().map(|e| tensor(&checkpoint.values[e.offset..e.offset + e.len()])).collect();
        let momentum = (0..layout.entries.len())
            .map(|i| checkpoint.momentum.get(i).and_then(Option::as_deref).map(tensor))
            .collect();
        let gradients = vec![None; layout.entries.len()];
        Self { layout, values, momentum, gradients }
    }

    /// All values, tensor after tensor.
    pub fn host_values(&self) -> Vec<f32> {
        self.values.iter().flat_map(host::<B>).collect()
    }

    /// Returns once the device has done everything that the values depend on.
    pub fn wait(&self) {
        let first = |v: &Flat<B>| v.clone().narrow(0, 0, 1).into_data();
        self.values.iter().for_each(|v| drop(first(v)));
    }

    /// Momentum of every tensor.
    pub fn host_momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.momentum.iter().map(|m| m.as_ref().map(host::<B>)).collect()
    }

    /// A path without leaves yet.
    pub fn open(&self) -> Path<'_, B> {
        Path { params: self, leaves: vec![None; self.values.len()] }
    }

    /// Tensor `i` of the layout, flat.
    pub fn value(&self, i: usize) -> Flat<B> {
        self.values[i].clone()
    }

    /// A plan's network with a graph of its own.
    pub fn path(&self, plan: &Plan) -> (TensorNet<B>, Leaves<B>) {
        let mut path = self.open();
        let net = self.layout.cut(plan, &mut path);
        (net, path.close())
    }

    /// A plan's network without a graph.
    pub fn plain(&self, plan: &Plan) -> TensorNet<B::InnerBackend> {
        self.layout.cut(plan, &mut Plain(self))
    }

    /// Adds a path's gradients to the sum.
    pub fn add(&mut self, leaves: &Leaves<B>, gradients: &B::Gradients) {
        for (sum, leaf) in self.gradients.iter_mut().zip(&leaves.0) {
            let Some(gradient) = leaf.as_ref().and_then(|l| l.grad(gradients)) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
    }

    /// What brings the L2 norm of all summed gradients down to `clip`, `[1]`; 1 where it is no more.
    fn shrink(&self, clip: f32) -> Option<Flat<B>> {
        let squares = self.gradients.iter().flatten().map(|g| (g.clone() * g.clone()).sum());
        let norm = squares.reduce(|a, b| a + b)?.sqrt();
        let most = norm.ones_like() * clip;
        Some(most.clone() / norm.max_pair(most))
    }

    /// One update with the summed gradients, which it clears; `clip` is the most that their norm
    /// may be. A tensor that no path has used stays as it is: no decay, no momentum.
    pub fn update(&mut self, optimizer: Optimizer, rate: f32, clip: Option<f32>) {
        let shrink = clip.and_then(|clip| self.shrink(clip));
        for i in 0..self.values.len() {
            let Some(gradient) = self.gradients[i].take() else { continue };
            let gradient = match &shrink {
                Some(factor) => gradient * factor.clone(),
                None => gradient,
            };
            let value = self.values[i].clone();
            let step = gradient + value.clone() * optimizer.weight_decay;
            let step = match self.momentum[i].take() {
                Some(momentum) => momentum * optimizer.momentum + step,
                None => step,
            };
            self.values[i] = value - step.clone() * rate;
            self.momentum[i] = Some(step);
        }
    }
}

fn host<B: AutodiffBackend>(tensor: &Flat<B>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

//! Parameters on the backend, the sum of gradients over paths, and stochastic gradient descent.
//!
//! Each path of an update takes its own leaves ([`Params::path`]), so that one backward pass frees
//! its graph before the next path begins. [`Params::update`] applies the summed gradients.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use supernano_base::config::Optimizer;
use supernano_base::error::Result;
use supernano_core::plan::Plan;

use super::sharing::{GradientSums, Gradients};
use crate::run::checkpoint::Checkpoint;
use crate::supernet::{Layout, TensorNet, TensorSource, part};

/// A flat tensor without a graph.
pub type Flat<B> = Tensor<<B as AutodiffBackend>::InnerBackend, 1>;

/// The tensors of a layout, each flat, with their momentum and their summed gradient.
pub struct Params<B: AutodiffBackend> {
    /// Which tensors there are.
    pub layout: Layout,
    values: Vec<Flat<B>>,
    momentum: Vec<Option<Flat<B>>>,
    gradients: Vec<Option<Flat<B>>>,
}

/// The tensors that one path uses, as leaves of its own graph.
pub struct Path<'a, B: AutodiffBackend> {
    params: &'a Params<B>,
    leaves: Vec<Option<Tensor<B, 1>>>,
}

/// The leaves of a path whose network is cut.
pub struct Leaves<B: AutodiffBackend>(Vec<Option<Tensor<B, 1>>>);

impl<B: AutodiffBackend> Path<'_, B> {
    /// Returns tensor `i` of the layout, flat, as a leaf of the path's graph.
    pub fn leaf(&mut self, i: usize) -> Tensor<B, 1> {
        let params = self.params;
        self.leaves[i]
            .get_or_insert_with(|| Tensor::from_inner(params.values[i].clone()).require_grad())
            .clone()
    }

    /// Ends the path and returns its leaves.
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

    fn transformed(
        &mut self,
        larger: Tensor<B, 4>,
        from: [usize; 4],
        i: usize,
        to: [usize; 4],
    ) -> Tensor<B, 4> {
        transformed(larger, from, self.leaf(i), to)
    }

    fn none(&mut self) -> Tensor<B, 4> {
        Tensor::zeros([1; 4], &Default::default())
    }

    fn slope(&mut self, i: usize) -> Tensor<B, 1> {
        self.leaf(i)
    }
}

/// The tensors without a graph.
struct Plain<'a, B: AutodiffBackend>(&'a Params<B>);

impl<B: AutodiffBackend> TensorSource for Plain<'_, B> {
    type Values = Tensor<B::InnerBackend, 4>;
    type Slope = Tensor<B::InnerBackend, 1>;

    fn values(&mut self, i: usize, shape: [usize; 4]) -> Self::Values {
        slice(self.0.values[i].clone(), &self.0.layout.entries[i].shape, shape)
    }

    fn transformed(
        &mut self,
        larger: Self::Values,
        from: [usize; 4],
        i: usize,
        to: [usize; 4],
    ) -> Self::Values {
        transformed(larger, from, self.0.values[i].clone(), to)
    }

    fn none(&mut self) -> Self::Values {
        Tensor::zeros([1; 4], &Default::default())
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
    let part = part(full, shape);
    let full = part.each_ref().map(|(all, _)| *all);
    let tensor = flat.reshape(full);
    if full == shape { tensor } else { tensor.slice(part.map(|(_, range)| range)) }
}

/// Weights `to` of a kernel: the product of a matrix, flat, and the taps in the centre of weights
/// `from` of the next larger kernel (section 3.1 of arXiv 1908.09791).
fn transformed<B: burn::tensor::backend::Backend>(
    larger: Tensor<B, 4>,
    from: [usize; 4],
    matrix: Tensor<B, 1>,
    to: [usize; 4],
) -> Tensor<B, 4> {
    let taps = to[2] * to[3];
    let centre = larger.slice(part(&from, to).map(|(_, range)| range));
    let kernels = centre.reshape([to[0] * to[1], taps]);
    kernels.matmul(matrix.reshape([taps, taps]).transpose()).reshape(to)
}

impl<B: AutodiffBackend> Params<B> {
    /// Moves the values and the momentum of a checkpoint to the backend.
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

    /// Reads all values back, tensor after tensor.
    pub fn host_values(&self) -> Vec<f32> {
        self.values.iter().flat_map(host::<B>).collect()
    }

    /// Waits until the device has computed the values.
    pub fn wait(&self) {
        let first = |v: &Flat<B>| v.clone().narrow(0, 0, 1).into_data();
        self.values.iter().for_each(|v| drop(first(v)));
    }

    /// Reads the momentum of every tensor back; `None` for a tensor without a gradient so far.
    pub fn host_momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.momentum.iter().map(|m| m.as_ref().map(host::<B>)).collect()
    }

    /// Opens a path without leaves.
    pub fn open(&self) -> Path<'_, B> {
        Path { params: self, leaves: vec![None; self.values.len()] }
    }

    /// Returns tensor `i` of the layout, flat.
    pub fn value(&self, i: usize) -> Flat<B> {
        self.values[i].clone()
    }

    /// Cuts a plan's network out of the parameters, with a graph of its own.
    pub fn path(&self, plan: &Plan) -> (TensorNet<B>, Leaves<B>) {
        let mut path = self.open();
        let net = self.layout.cut(plan, &mut path);
        (net, path.close())
    }

    /// Cuts a plan's network out of the parameters, without a graph.
    pub fn plain(&self, plan: &Plan) -> TensorNet<B::InnerBackend> {
        self.layout.cut(plan, &mut Plain(self))
    }

    /// Adds the gradients of a path to the sums.
    pub fn add(&mut self, leaves: &Leaves<B>, gradients: &B::Gradients) {
        for (sum, leaf) in self.gradients.iter_mut().zip(&leaves.0) {
            let Some(gradient) = leaf.as_ref().and_then(|l| l.grad(gradients)) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
    }

    /// The factor `[1]` that reduces the L2 norm of all summed gradients to `clip`; 1 if the norm is
    /// smaller.
    fn shrink(&self, clip: f32) -> Option<Flat<B>> {
        let squares = self.gradients.iter().flatten().map(|g| (g.clone() * g.clone()).sum());
        let norm = squares.reduce(|a, b| a + b)?.sqrt();
        let most = norm.ones_like() * clip;
        Some(most.clone() / norm.max_pair(most))
    }

    /// Applies the summed gradients in one step of stochastic gradient descent and clears them:
    /// `v = momentum v + g + weight_decay p; p -= rate v`. `clip` limits the L2 norm of all gradients.
    /// A tensor that no path has used does not change.
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

impl<B: AutodiffBackend> GradientSums for Params<B> {
    fn lengths(&self) -> Vec<usize> {
        self.layout.entries.iter().map(|e| e.len()).collect()
    }

    fn take(&mut self) -> Result<Gradients> {
        Ok(self.gradients.iter_mut().map(|sum| sum.take().as_ref().map(host::<B>)).collect())
    }

    fn put(&mut self, sums: Gradients) -> Result<()> {
        let flat = |values: Vec<f32>| {
            let shape = [values.len()];
            Tensor::from_data(TensorData::new(values, shape), &Default::default())
        };
        self.gradients = sums.into_iter().map(|sum| sum.map(flat)).collect();
        Ok(())
    }
}

fn host<B: AutodiffBackend>(tensor: &Flat<B>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

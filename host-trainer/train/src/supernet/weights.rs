//! The parameters of the supernet as a list of named tensors.

use rand::Rng as _;
use supernano_base::config::{KernelTransformation, RunConfig};
use supernano_base::rng::{Key, Purpose};
use supernano_base::space::SharedSpace;
use supernano_core::graph::Form;
use supernano_core::plan::{BranchScheme, Enhancement, Extent, Extents};
use supernano_core::space::{Activation, Block, Shortcut, Site, Space};

/// Purpose of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights of a layer, `[out, in, rows, columns]`; one input for a depthwise convolution.
    Weight,
    /// Factor of a batch norm, `[out]`.
    Gamma,
    /// Offset of a batch norm, `[out]`.
    Beta,
    /// Slope of the PReLU of a layer, `[1]`. The branches share it.
    Slope,
    /// Weights of the classifier, `[classes, features]`.
    Classifier,
    /// Bias of the classifier, `[classes]`.
    Bias,
    /// Matrix `[taps, taps]` that takes the centre of kernel i + 1 of a layer to the weights of kernel
    /// i, both in row-major order; i is the value. All channels and branches of the layer share it.
    Transformation(usize),
}

/// A named tensor of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Purpose.
    pub role: Role,
    /// Layer that the tensor belongs to. A shortcut belongs to the last layer of its block, the
    /// classifier to the last layer of all.
    pub layer: usize,
    /// True for the convolution and batch norm of a projection shortcut.
    pub shortcut: bool,
    /// Branch.
    pub branch: u8,
    /// Shape at the largest effective widths.
    pub shape: Vec<usize>,
    /// Index of the first value in [`Weights::values`].
    pub offset: usize,
}

impl Entry {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a tensor without values. The layout of a validated space has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The tensors of a supernet under a branch scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Space.
    shared: SharedSpace,
    /// Enhancement. It determines the largest widths.
    pub enhancement: Enhancement,
    /// Branch scheme.
    pub scheme: BranchScheme,
    /// How kernels share weights.
    pub kernels: KernelTransformation,
    /// Tensors in the order of layer, shortcut, branch and role, then those of kernel transformations.
    pub entries: Vec<Entry>,
}

impl Layout {
    /// The space.
    pub fn space(&self) -> Space<'_> {
        self.shared.get()
    }

    /// The space, for owners that outlive the layout.
    pub fn shared_space(&self) -> SharedSpace {
        self.shared.clone()
    }

    /// The layout of a validated space whose smaller kernels are the centres of the larger ones.
    pub fn new(shared: SharedSpace, enhancement: Enhancement, scheme: BranchScheme) -> Self {
        Self::with_kernels(shared, enhancement, scheme, KernelTransformation::Centre)
    }

    /// The layout of a step of a run, from 1, over a space that may differ from the configuration's.
    pub fn of_step(shared: SharedSpace, config: &RunConfig, step: usize) -> Self {
        let kernels = config.kernel_transformation;
        Self::with_kernels(shared, config.enhancement, config.scheme(step), kernels)
    }

    /// The layout of the same supernet under another branch scheme.
    pub fn under(&self, scheme: BranchScheme) -> Self {
        Self::with_kernels(self.shared_space(), self.enhancement, scheme, self.kernels)
    }

    /// The layout of a validated space.
    pub fn with_kernels(
        shared: SharedSpace,
        enhancement: Enhancement,
        scheme: BranchScheme,
        kernels: KernelTransformation,
    ) -> Self {
        let entries = Vec::new();
        let mut layout = Self { shared: shared.clone(), enhancement, scheme, kernels, entries };
        let space = &shared.get();
        let extents = Extents::of(space, enhancement, scheme);
        for placed in space.placed_blocks() {
            for layer in placed.first..=placed.last() {
                layout.conv(layer, false, &extents.layers[layer]);
                // a layer without an activation never has a PReLU
                let described = &space.layers[layer];
                if described.form.weighted() && described.activation != Activation::None {
                    layout.push(Role::Slope, layer, false, 0, vec![1]);
                }
            }
            if placed.block == Block::Residual(Shortcut::Projection) {
                let last = placed.last();
                layout.conv(last, true, &extents.site(Site::Shortcut(last)));
            }
        }
        let (last, classes) = (space.layers.len() - 1, usize::from(space.classes));
        let (features, branches) = extents.classifier(space);
        for branch in 0..branches {
            let shape = vec![classes, usize::from(features.0)];
            layout.push(Role::Classifier, last, false, branch, shape);
            layout.push(Role::Bias, last, false, branch, vec![classes]);
        }
        // Behind all others, whose initial values are then those without a transformation.
        for (i, layer) in space.layers.iter().enumerate() {
            for (step, [rows, columns]) in
                layer.kernels.iter().take(kernels.steps(layer)).enumerate()
            {
                let taps = usize::from(*rows) * usize::from(*columns);
                layout.push(Role::Transformation(step), i, false, 0, vec![taps, taps]);
            }
        }
        layout
    }

    /// The tensors of a layer; a pool has none.
    fn conv(&mut self, layer: usize, shortcut: bool, extent: &Extent) {
        let Some(shape) = extent.weight_shape() else { return };
        for branch in 0..extent.branches {
            self.push(Role::Weight, layer, shortcut, branch, shape.to_vec());
            self.push(Role::Gamma, layer, shortcut, branch, vec![shape[0]]);
            self.push(Role::Beta, layer, shortcut, branch, vec![shape[0]]);
        }
    }

    fn push(&mut self, role: Role, layer: usize, shortcut: bool, branch: u8, shape: Vec<usize>) {
        let offset = self.len();
        self.entries.push(Entry { role, layer, shortcut, branch, shape, offset });
    }

    /// Number of values of all tensors.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |e| e.offset + e.len())
    }

    /// True if there are no tensors. The layout of a validated space has some.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Index of a tensor in [`Layout::entries`].
    ///
    /// # Panics
    /// If the layout has no such tensor, because the plan is of another space or scheme.
    pub fn find(&self, role: Role, layer: usize, shortcut: bool, branch: u8) -> usize {
        self.entries
            .iter()
            .position(|e| {
                e.role == role && e.layer == layer && e.shortcut == shortcut && e.branch == branch
            })
            .expect("a plan of the layout's own space and scheme")
    }
}

/// The values of the tensors of a layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The tensors.
    pub layout: Layout,
    /// Values of all tensors, one tensor after the other.
    pub values: Vec<f32>,
}

/// The identity matrix `[n, n]`.
pub(crate) fn identity(n: usize) -> impl Iterator<Item = f32> {
    (0..n * n).map(move |i| if i / n == i % n { 1.0 } else { 0.0 })
}

impl Weights {
    /// Initial weights, distributed as in the reference code. Convolutions are uniform within
    /// `sqrt(6 / fan_out)`, the classifier within `sqrt(6 / features)`, and depthwise convolutions and
    /// dense layers within `sqrt(6 / fan_in)`. Factors are 1, offsets and biases 0, slopes 0.25, and
    /// matrices of kernel transformations are identities, which take the centre.
    pub fn initial(layout: Layout, key: Key) -> Self {
        let mut values = Vec::with_capacity(layout.len());
        for (i, entry) in layout.entries.iter().enumerate() {
            let n = entry.len();
            let fan = match entry.role {
                Role::Gamma => {
                    values.extend(std::iter::repeat_n(1.0, n));
                    continue;
                }
                Role::Beta | Role::Bias => {
                    values.extend(std::iter::repeat_n(0.0, n));
                    continue;
                }
                Role::Slope => {
                    values.extend(std::iter::repeat_n(0.25, n));
                    continue;
                }
                Role::Transformation(_) => {
                    values.extend(identity(entry.shape[0]));
                    continue;
                }
                Role::Weight => match layout.space().layers[entry.layer].form {
                    Form::Depthwise | Form::Dense => entry.shape[1..].iter().product(),
                    _ => entry.shape[0] * entry.shape[2] * entry.shape[3],
                },
                Role::Classifier => entry.shape[1],
            };
            let bound = (6.0 / fan as f32).sqrt();
            let mut rng = key.rng(Purpose::Init, i as u64);
            values.extend((0..n).map(|_| (2.0 * rng.random::<f32>() - 1.0) * bound));
        }
        Self { layout, values }
    }

    /// The values of tensor `i` of the layout.
    pub fn tensor(&self, i: usize) -> &[f32] {
        let entry = &self.layout.entries[i];
        &self.values[entry.offset..entry.offset + entry.len()]
    }
}

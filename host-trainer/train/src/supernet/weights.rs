//! The supernet's parameters as one list of named tensors.

use rand::Rng as _;
use supernano_base::rng::{Key, Purpose};
use supernano_base::space::SharedSpace;
use supernano_core::plan::{BranchScheme, Enhancement, branches, max_width};
use supernano_core::space::{Site, Space};

use super::block::{Block, space_blocks};

/// What a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Convolution `[out, in, k, k]`.
    Weight,
    /// Batch-norm factor `[out]`.
    Gamma,
    /// Batch-norm offset `[out]`.
    Beta,
    /// Slope of a layer's PReLU `[1]`, shared by its branches.
    Slope,
    /// Classifier `[classes, features]`.
    Classifier,
    /// Classifier's bias `[classes]`.
    Bias,
}

/// A named tensor of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub role: Role,
    /// The layer it belongs to; a shortcut's is the last layer of its block, the classifier's the
    /// last of all.
    pub layer: usize,
    /// True for the convolution and batch norm of a projection shortcut.
    pub shortcut: bool,
    /// Branch.
    pub branch: u8,
    /// Shape, at the largest effective widths.
    pub shape: Vec<usize>,
    /// Where it starts in [`Weights::values`].
    pub offset: usize,
}

impl Entry {
    /// Values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a tensor without values; there is none in a layout of a validated space.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which tensors there are under a branch scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Space.
    shared: SharedSpace,
    /// Enhancement: sets the largest widths.
    pub enhancement: Enhancement,
    /// Branch scheme.
    pub scheme: BranchScheme,
    /// Tensors, ordered by layer, shortcut, branch, role.
    pub entries: Vec<Entry>,
}

impl Layout {
    /// The space.
    pub fn space(&self) -> Space<'_> {
        self.shared.get()
    }

    /// The space, to be kept longer than the layout.
    pub fn shared_space(&self) -> SharedSpace {
        self.shared.clone()
    }

    /// The tensors of a validated space.
    pub fn new(shared: SharedSpace, enhancement: Enhancement, scheme: BranchScheme) -> Self {
        let entries = Vec::new();
        let mut layout = Self { shared: shared.clone(), enhancement, scheme, entries };
        let space = &shared.get();
        let width = |i: usize| usize::from(max_width(space, i, enhancement).0);
        let input = |i: usize| match i {
            0 => usize::from(space.input.channels),
            i => width(i - 1),
        };
        for &site in space_blocks(space).iter().flat_map(Block::convs) {
            let (layer, (k, _)) = (site.layer(), space.geometry(site));
            let k = usize::from(k);
            match site {
                Site::Layer(_) => {
                    layout.conv(layer, false, [width(layer), input(layer), k, k]);
                    layout.push(Role::Slope, layer, false, 0, vec![1]);
                }
                // a residual block has two layers; the shortcut reads what the first does
                Site::Shortcut(_) => {
                    layout.conv(layer, true, [width(layer), input(layer - 1), k, k]);
                }
            }
        }
        let (last, classes) = (space.layers.len() - 1, usize::from(space.classes));
        for branch in 0..branches(space, last, enhancement, scheme) {
            layout.push(Role::Classifier, last, false, branch, vec![classes, width(last)]);
            layout.push(Role::Bias, last, false, branch, vec![classes]);
        }
        layout
    }

    fn conv(&mut self, layer: usize, shortcut: bool, shape: [usize; 4]) {
        for branch in 0..branches(&self.space(), layer, self.enhancement, self.scheme) {
            self.push(Role::Weight, layer, shortcut, branch, shape.to_vec());
            self.push(Role::Gamma, layer, shortcut, branch, vec![shape[0]]);
            self.push(Role::Beta, layer, shortcut, branch, vec![shape[0]]);
        }
    }

    fn push(&mut self, role: Role, layer: usize, shortcut: bool, branch: u8, shape: Vec<usize>) {
        let offset = self.len();
        self.entries.push(Entry { role, layer, shortcut, branch, shape, offset });
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |e| e.offset + e.len())
    }

    /// True without tensors; never for a validated space.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Index of a tensor in [`Layout::entries`].
    ///
    /// # Panics
    /// Where the layout has no such tensor: a plan of another space or scheme.
    pub fn find(&self, role: Role, layer: usize, shortcut: bool, branch: u8) -> usize {
        self.entries
            .iter()
            .position(|e| {
                e.role == role && e.layer == layer && e.shortcut == shortcut && e.branch == branch
            })
            .expect("a plan of the layout's own space and scheme")
    }
}

/// Values of a layout's tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Which tensors.
    pub layout: Layout,
    /// All values, tensor after tensor.
    pub values: Vec<f32>,
}

impl Weights {
    /// Initial weights, as the reference code has them: convolutions uniform with bound
    /// `sqrt(3) sqrt(2 / fan_out)`, the classifier the same with its features as fan, batch norm 1
    /// and 0, slopes 0.25.
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
                Role::Weight => entry.shape[0] * entry.shape[2] * entry.shape[3],
                Role::Classifier => entry.shape[1],
            };
            let bound = (6.0 / fan as f32).sqrt();
            let mut rng = key.rng(Purpose::Init, i as u64);
            values.extend((0..n).map(|_| (2.0 * rng.random::<f32>() - 1.0) * bound));
        }
        Self { layout, values }
    }

    /// Values of tensor `i` of the layout.
    pub fn tensor(&self, i: usize) -> &[f32] {
        let entry = &self.layout.entries[i];
        &self.values[entry.offset..entry.offset + entry.len()]
    }
}

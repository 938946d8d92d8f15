//! The weights of the supernet: their shapes and branches.

use heapless::Vec;

use super::{BranchScheme, Effective, Enhancement};
use crate::arch::Nominal;
use crate::graph::Form;
use crate::space::{Block, MAX_LAYERS, Site, Space};

/// The weights at a site, as large as any sub-network needs them. A sub-network uses the leading
/// channels and the centre of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Operation.
    pub form: Form,
    /// Largest number of channels read.
    pub input: Effective,
    /// Largest number of channels written.
    pub output: Effective,
    /// Rows and columns of the largest kernel; those of the whole map for a dense layer.
    pub kernel: [u16; 2],
    /// Number of branches, each with its own copy of the weights.
    pub branches: u8,
}

impl Extent {
    /// Shape of the weights: `[outputs, inputs, rows, columns]`, with one input for a depthwise
    /// convolution. Pools have none.
    pub fn weight_shape(&self) -> Option<[usize; 4]> {
        let inputs = if self.form == Form::Depthwise { 1 } else { usize::from(self.input.0) };
        let [rows, columns] = self.kernel.map(usize::from);
        self.form.weighted().then(|| [usize::from(self.output.0), inputs, rows, columns])
    }
}

/// The extents of all layers of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extents {
    /// In the order of [`Space::layers`].
    pub layers: Vec<Extent, MAX_LAYERS>,
}

impl Extents {
    /// The extents of a validated space.
    pub fn of(space: &Space<'_>, enhancement: Enhancement, scheme: BranchScheme) -> Self {
        let widest = space.widest(|width| enhancement.effective(space, Nominal(width)).0);
        let mut layers: Vec<Extent, MAX_LAYERS> = Vec::new();
        let mut last: Vec<u8, MAX_LAYERS> = Vec::new();
        for placed in space.placed_blocks() {
            // What the block reads has as many branches as any block before it may give.
            let mut branches =
                space.predecessors(placed.index).map(|block| last[block]).max().unwrap_or(1);
            for i in placed.first..=placed.last() {
                let layer = &space.layers[i];
                let inner = matches!(placed.block, Block::Inverted(_)) && i != placed.last();
                branches = match layer.widths {
                    _ if inner => 1,
                    [] => branches,
                    widths => {
                        let branch = |(option, &width): (usize, &u16)| {
                            let effective = enhancement.effective(space, Nominal(width));
                            scheme.branch(widths, option as u8, effective)
                        };
                        widths.iter().enumerate().map(branch).max().unwrap_or(0) + 1
                    }
                };
                let read = space.input_of(i);
                let kernel = match layer.form {
                    Form::Dense => [read.height, read.width],
                    _ => layer.geometry(layer.kernel(), read).kernel.map(u16::from),
                };
                let [input, output] = widest[i].map(Effective);
                layers.extend([Extent { form: layer.form, input, output, kernel, branches }]);
            }
            last.extend([branches]);
        }
        Self { layers }
    }

    /// The extent of an operation's weights.
    pub fn site(&self, site: Site) -> Extent {
        match site {
            Site::Layer(i) => self.layers[i],
            // A residual block has two layers; the projection reads what the first does.
            Site::Shortcut(i) => {
                Extent { input: self.layers[i - 1].input, kernel: [1, 1], ..self.layers[i] }
            }
        }
    }

    /// The largest number of features that the classifier reads, and the number of its branches, over
    /// all layers that may be the last.
    pub fn classifier(&self, space: &Space<'_>) -> (Effective, u8) {
        let ends = space.predecessors(space.blocks.len()).filter_map(|block| {
            let end = space.placed_blocks().nth(block)?.last();
            Some((self.layers[end].output, self.layers[end].branches))
        });
        ends.fold((Effective(0), 1), |(width, branches), (w, b)| (width.max(w), branches.max(b)))
    }
}

/// Output channels that a copy of layer `i`'s weights must hold: its largest effective width.
pub fn max_width(space: &Space<'_>, i: usize, enhancement: Enhancement) -> Effective {
    Extents::of(space, enhancement, BranchScheme::Shared).layers[i].output
}

/// Number of branches of layer `i`.
pub fn branches(space: &Space<'_>, i: usize, enhancement: Enhancement, scheme: BranchScheme) -> u8 {
    Extents::of(space, enhancement, scheme).layers[i].branches
}

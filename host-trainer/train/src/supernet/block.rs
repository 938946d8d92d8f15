//! Blocks of a network: the one place that knows their kinds.
//!
//! A kind of block has a variant of [`Block`], and an arm in [`Block::into_convs`], [`Block::map`],
//! [`Block::kind`], `Block::place` and [`space_blocks`]; [`supernano_core::space::walk`] knows how it
//! is wired. All other code follows the [`steps`], or is a [`Visitor`] whose feature maps [`visit`]
//! keeps as long as a later step reads them.

use supernano_core::space;
use supernano_core::space::{ConvNode, PlacedBlock, Shortcut, Site, Space, walk};

/// A block of a network.
#[derive(Clone, Debug, PartialEq)]
pub enum Block<C> {
    /// One convolution.
    Conv(C),
    /// `act(second(first(x)) + shortcut(x))`; the activation is `second`'s.
    Residual {
        /// First convolution, with its own activation.
        first: C,
        /// Second convolution; its activation comes after the addition.
        second: C,
        /// 1x1 convolution without activation; `None`: the block's input itself.
        shortcut: Option<C>,
    },
}

impl<C> Block<C> {
    /// Convolutions in the order of storage: first, second, shortcut.
    pub fn into_convs(self) -> impl Iterator<Item = C> {
        match self {
            Self::Conv(c) => [Some(c), None, None],
            Self::Residual { first, second, shortcut } => [Some(first), Some(second), shortcut],
        }
        .into_iter()
        .flatten()
    }

    /// The same block over other convolutions, made in the order of storage.
    pub fn map<'a, D>(&'a self, mut make: impl FnMut(&'a C) -> D) -> Block<D> {
        match self {
            Self::Conv(c) => Block::Conv(make(c)),
            Self::Residual { first, second, shortcut } => Block::Residual {
                first: make(first),
                second: make(second),
                shortcut: shortcut.as_ref().map(make),
            },
        }
    }

    /// Convolutions by reference, in the order of storage.
    pub fn convs(&self) -> impl Iterator<Item = &C> {
        self.map(|c| c).into_convs()
    }

    /// The same block as a space describes it.
    pub fn kind(&self) -> space::Block {
        match self {
            Self::Conv(_) => space::Block::Conv,
            Self::Residual { shortcut: None, .. } => space::Block::Residual(Shortcut::Identity),
            Self::Residual { shortcut: Some(_), .. } => {
                space::Block::Residual(Shortcut::Projection)
            }
        }
    }

    /// What the convolution at `site` is in this block, which starts with layer `first`, and where
    /// it stands in the order of storage.
    fn place(&self, site: Site, first: usize) -> (Part, usize) {
        match (self, site) {
            (Self::Conv(_), _) => (Part::Single, 0),
            (Self::Residual { .. }, Site::Shortcut(_)) => (Part::Shortcut, 2),
            (Self::Residual { .. }, Site::Layer(layer)) if layer == first => (Part::First, 0),
            (Self::Residual { .. }, Site::Layer(_)) => (Part::Second, 1),
        }
    }
}

/// The same blocks over other convolutions; `make` gets each with its index in the order of
/// storage, which is the order of the calls.
pub fn map_blocks<C, D>(
    blocks: &[Block<C>],
    mut make: impl FnMut(usize, &C) -> D,
) -> Vec<Block<D>> {
    let mut index = 0;
    let mut next = |conv: &C| {
        index += 1;
        make(index - 1, conv)
    };
    blocks.iter().map(|block| block.map(&mut next)).collect()
}

/// What a convolution is in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The only one.
    Single,
    /// The first of a residual block.
    First,
    /// The second of a residual block: the block's other operand is added to its sums.
    Second,
    /// The projection shortcut of a residual block.
    Shortcut,
}

/// A convolution in the order of execution, and the feature maps that it connects.
///
/// Maps have the numbers of a blob's tensors: map 0 is the network's input, and the step at position
/// `i` of the order, from 0, writes map `i + 1`. The classifier reads the last map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index in the order of storage ([`super::Net::convs`]).
    pub index: usize,
    /// The block, from 0.
    pub block: usize,
    /// What it is in the block.
    pub part: Part,
    /// Where it stands among the layers.
    pub site: Site,
    /// Map read.
    pub input: usize,
    /// Map added before the activation.
    pub residual: Option<usize>,
    /// Maps that no later step reads.
    frees: [Option<usize>; 2],
}

/// The convolutions of blocks in the order of execution.
pub fn steps<C>(blocks: &[Block<C>]) -> Vec<Step> {
    let nodes: Vec<ConvNode> = walk(blocks.iter().map(Block::kind)).collect();
    let last_reader = |map| nodes.iter().rposition(|n| n.input == map || n.residual == Some(map));
    let (mut steps, mut first) = (Vec::with_capacity(nodes.len()), 0);
    for (block, kind) in blocks.iter().enumerate() {
        let before = steps.len();
        for (i, node) in nodes.iter().enumerate().skip(before).take(kind.convs().count()) {
            let ConvNode { site, input, residual, .. } = *node;
            let (part, nth) = kind.place(site, first);
            let frees =
                [Some(input), residual].map(|map| map.filter(|&m| last_reader(m) == Some(i)));
            steps.push(Step { index: before + nth, block, part, site, input, residual, frees });
        }
        first += kind.kind().layers();
    }
    steps
}

/// [`steps`] with the convolutions.
pub fn executed<C>(blocks: &[Block<C>]) -> Vec<(Step, &C)> {
    let convs: Vec<&C> = blocks.iter().flat_map(Block::convs).collect();
    steps(blocks).into_iter().map(|step| (step, convs[step.index])).collect()
}

/// Blocks of what was made step by step, in any order: an item for every convolution of `like`, by
/// its index in the order of storage.
///
/// # Panics
/// Where an item is missing.
pub fn assemble<C, D>(like: &[Block<C>], mut made: Vec<(usize, D)>) -> Vec<Block<D>> {
    made.sort_by_key(|(index, _)| *index);
    let mut made = made.into_iter();
    map_blocks(like, |index, _| match made.next() {
        Some((found, item)) if found == index => item,
        _ => panic!("an item for convolution {index}"),
    })
}

/// A pass over a network: what its operations do to feature maps.
pub trait Visitor<C> {
    /// A feature map, in the form that the pass computes with.
    type FeatureMap;

    /// The map that a convolution writes: its sums over `x`, plus `residual`, then the activation.
    fn conv(
        &mut self,
        step: &Step,
        conv: &C,
        x: &Self::FeatureMap,
        residual: Option<&Self::FeatureMap>,
    ) -> Self::FeatureMap;
}

/// The feature maps that are still to be read, by number.
#[derive(Clone, Debug)]
pub(crate) struct Live<M>(Vec<Option<M>>);

impl<M> Live<M> {
    /// At the start: the network's input.
    pub fn new(input: M) -> Self {
        Self(vec![Some(input)])
    }

    /// Executes the next step.
    ///
    /// # Panics
    /// Where steps are left out or executed in another order.
    pub fn step<C>(
        &mut self,
        step: &Step,
        conv: &C,
        visitor: &mut impl Visitor<C, FeatureMap = M>,
    ) {
        let map = |i: usize| self.0[i].as_ref().expect("a map that a step still reads");
        let y = visitor.conv(step, conv, map(step.input), step.residual.map(map));
        for i in step.frees.into_iter().flatten() {
            self.0[i] = None;
        }
        self.0.push(Some(y));
    }

    /// The map that was written last.
    pub fn last(&self) -> &M {
        let last = self.0.last().and_then(Option::as_ref);
        last.expect("nobody has read the last map")
    }

    fn into_last(mut self) -> M {
        let last = self.0.pop().flatten();
        last.expect("nobody has read the last map")
    }
}

/// Executes the blocks on `input`; returns the map that the classifier reads.
pub fn visit<C, V: Visitor<C>>(
    blocks: &[Block<C>],
    input: V::FeatureMap,
    visitor: &mut V,
) -> V::FeatureMap {
    let mut live = Live::new(input);
    for (step, conv) in executed(blocks) {
        live.step(&step, conv, visitor);
    }
    live.into_last()
}

/// The blocks of a search space: where the convolutions of each stand.
pub fn space_blocks(space: &Space<'_>) -> Vec<Block<Site>> {
    let of = |placed: PlacedBlock| {
        let (first, last) = (placed.first, placed.last());
        match placed.block {
            space::Block::Conv => Block::Conv(Site::Layer(first)),
            space::Block::Residual(kind) => Block::Residual {
                first: Site::Layer(first),
                second: Site::Layer(last),
                shortcut: (kind == Shortcut::Projection).then_some(Site::Shortcut(last)),
            },
        }
    };
    space.placed_blocks().map(of).collect()
}

#[cfg(test)]
mod tests;

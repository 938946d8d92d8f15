//! The blocks of a network. No other module of this crate matches on their kinds.
//!
//! A new kind of block needs a variant of [`ConvBlock`] and an arm in [`ConvBlock::into_convs`],
//! [`ConvBlock::map`], [`ConvBlock::kind`], `ConvBlock::place` and [`space_blocks`]. Its
//! wiring is defined in [`supernano_core::space::walk`]. All other code reads the [`steps`], or
//! implements [`Visitor`]: [`visit`] then keeps each feature map until the last step that reads it.

use supernano_core::space;
use supernano_core::space::{ConvNode, PlacedBlock, Shortcut, Site, Space, walk};

/// A block of a network.
#[derive(Clone, Debug, PartialEq)]
pub enum ConvBlock<C> {
    /// One convolution.
    Conv(C),
    /// `act(second(first(x)) + shortcut(x))` with the activation of `second`.
    Residual {
        /// First convolution. Its activation follows it.
        first: C,
        /// Second convolution. Its activation follows the addition.
        second: C,
        /// 1x1 convolution without activation; `None` for the identity.
        shortcut: Option<C>,
    },
}

impl<C> ConvBlock<C> {
    /// The convolutions in the order of storage: first, second, shortcut.
    pub fn into_convs(self) -> impl Iterator<Item = C> {
        match self {
            Self::Conv(c) => [Some(c), None, None],
            Self::Residual { first, second, shortcut } => [Some(first), Some(second), shortcut],
        }
        .into_iter()
        .flatten()
    }

    /// Replaces the convolutions, in the order of storage.
    pub fn map<'a, D>(&'a self, mut make: impl FnMut(&'a C) -> D) -> ConvBlock<D> {
        match self {
            Self::Conv(c) => ConvBlock::Conv(make(c)),
            Self::Residual { first, second, shortcut } => ConvBlock::Residual {
                first: make(first),
                second: make(second),
                shortcut: shortcut.as_ref().map(make),
            },
        }
    }

    /// References to the convolutions in the order of storage.
    pub fn convs(&self) -> impl Iterator<Item = &C> {
        self.map(|c| c).into_convs()
    }

    /// The kind of the block, as a space describes it.
    pub fn kind(&self) -> space::Block {
        match self {
            Self::Conv(_) => space::Block::Conv,
            Self::Residual { shortcut: None, .. } => space::Block::Residual(Shortcut::Identity),
            Self::Residual { shortcut: Some(_), .. } => {
                space::Block::Residual(Shortcut::Projection)
            }
        }
    }

    /// Part and index in the order of storage of the convolution at `site`, in this block, whose
    /// first layer is `first`.
    fn place(&self, site: Site, first: usize) -> (BlockPart, usize) {
        match (self, site) {
            (Self::Conv(_), _) => (BlockPart::Single, 0),
            (Self::Residual { .. }, Site::Shortcut(_)) => (BlockPart::Shortcut, 2),
            (Self::Residual { .. }, Site::Layer(layer)) if layer == first => (BlockPart::First, 0),
            (Self::Residual { .. }, Site::Layer(_)) => (BlockPart::Second, 1),
        }
    }
}

/// Replaces the convolutions of blocks. `make` is called in the order of storage and receives the
/// index in that order.
pub fn map_blocks<C, D>(
    blocks: &[ConvBlock<C>],
    mut make: impl FnMut(usize, &C) -> D,
) -> Vec<ConvBlock<D>> {
    let mut index = 0;
    let mut next = |conv: &C| {
        index += 1;
        make(index - 1, conv)
    };
    blocks.iter().map(|block| block.map(&mut next)).collect()
}

/// The part of a convolution in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockPart {
    /// The only convolution.
    Single,
    /// The first convolution of a residual block.
    First,
    /// The second convolution of a residual block. The shortcut is added to its sums.
    Second,
    /// The projection shortcut of a residual block.
    Shortcut,
}

/// A convolution in the order of execution, and the feature maps that it connects.
///
/// Maps are numbered as the tensors of a blob: map 0 is the input of the network, and step `i`,
/// from 0, writes map `i + 1`. The classifier reads the last map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index in the order of storage ([`super::Net::convs`]).
    pub index: usize,
    /// The block, from 0.
    pub block: usize,
    /// Part in the block.
    pub part: BlockPart,
    /// Layer or shortcut.
    pub site: Site,
    /// The map that is read.
    pub input: usize,
    /// The map that is added before the activation.
    pub residual: Option<usize>,
    /// Maps that no later step reads.
    frees: [Option<usize>; 2],
}

/// The convolutions of blocks in the order of execution.
pub fn steps<C>(blocks: &[ConvBlock<C>]) -> Vec<Step> {
    let nodes: Vec<ConvNode> = walk(blocks.iter().map(ConvBlock::kind)).collect();
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

/// The [`steps`] of blocks with their convolutions.
pub fn executed<C>(blocks: &[ConvBlock<C>]) -> Vec<(Step, &C)> {
    let convs: Vec<&C> = blocks.iter().flat_map(ConvBlock::convs).collect();
    steps(blocks).into_iter().map(|step| (step, convs[step.index])).collect()
}

/// Replaces the convolutions of `like` by items in any order. Each item comes with the index of its
/// convolution in the order of storage.
///
/// # Panics
/// If an item is missing.
pub fn assemble<C, D>(like: &[ConvBlock<C>], mut made: Vec<(usize, D)>) -> Vec<ConvBlock<D>> {
    made.sort_by_key(|(index, _)| *index);
    let mut made = made.into_iter();
    map_blocks(like, |index, _| match made.next() {
        Some((found, item)) if found == index => item,
        _ => panic!("an item for convolution {index}"),
    })
}

/// A pass over a network. It defines the operations on feature maps.
pub trait Visitor<C> {
    /// A feature map in the representation of the pass.
    type FeatureMap;

    /// Computes the map that a convolution writes: its sums over `x`, plus `residual`, then the
    /// activation.
    fn conv(
        &mut self,
        step: &Step,
        conv: &C,
        x: &Self::FeatureMap,
        residual: Option<&Self::FeatureMap>,
    ) -> Self::FeatureMap;
}

/// The feature maps that later steps read, by number.
#[derive(Clone, Debug)]
pub(crate) struct Live<M>(Vec<Option<M>>);

impl<M> Live<M> {
    /// The state before the first step.
    pub fn new(input: M) -> Self {
        Self(vec![Some(input)])
    }

    /// Executes the next step.
    ///
    /// # Panics
    /// If a step is missing or the order is another.
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

/// Executes blocks on `input` and returns the map that the classifier reads.
pub fn visit<C, V: Visitor<C>>(
    blocks: &[ConvBlock<C>],
    input: V::FeatureMap,
    visitor: &mut V,
) -> V::FeatureMap {
    let mut live = Live::new(input);
    for (step, conv) in executed(blocks) {
        live.step(&step, conv, visitor);
    }
    live.into_last()
}

/// The blocks of a search space, over the positions of their convolutions.
pub fn space_blocks(space: &Space<'_>) -> Vec<ConvBlock<Site>> {
    let of = |placed: PlacedBlock| {
        let (first, last) = (placed.first, placed.last());
        match placed.block {
            space::Block::Conv => ConvBlock::Conv(Site::Layer(first)),
            space::Block::Residual(kind) => ConvBlock::Residual {
                first: Site::Layer(first),
                second: Site::Layer(last),
                shortcut: (kind == Shortcut::Projection).then_some(Site::Shortcut(last)),
            },
            _ => unreachable!("`supported` refuses the space"),
        }
    };
    space.placed_blocks().map(of).collect()
}

#[cfg(test)]
mod tests;

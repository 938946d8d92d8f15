//! The layers of a network, and how feature maps connect them.
//!
//! [`Layers`] holds one item per operation of a network, such as a convolution with its weights. The
//! wiring is that of [`supernano_core::space::wire`]: all other code reads the [`Step`]s, or
//! implements [`Visitor`]; [`visit`] keeps each feature map until the last step that reads it.

use supernano_core::plan::{Node, Plan};
use supernano_core::space::{Block, ConvNode, PlacedBlock, Site, Skip, Space, walk};

/// The part of a layer in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockPart {
    /// The only layer.
    Single,
    /// The first convolution of a residual block.
    First,
    /// The second convolution of a residual block. The shortcut is added to its sums.
    Second,
    /// The projection shortcut of a residual block.
    Shortcut,
    /// A layer of another block before the last.
    Inner,
    /// The last layer of another block. The block's input may be added to its sums.
    Last,
}

impl BlockPart {
    /// The part of the layer at `site` in a block.
    fn of(placed: PlacedBlock, site: Site) -> Self {
        match (placed.block, site) {
            (_, Site::Shortcut(_)) => Self::Shortcut,
            (Block::Residual(_), Site::Layer(i)) if i == placed.first => Self::First,
            (Block::Residual(_), _) => Self::Second,
            (Block::Separable | Block::Inverted(_), Site::Layer(i)) if i < placed.last() => {
                Self::Inner
            }
            (Block::Separable | Block::Inverted(_), _) => Self::Last,
            (Block::Conv | Block::Pool | Block::Dense, _) => Self::Single,
        }
    }

    /// True for the layer that writes the map of its block.
    pub const fn ends_block(self) -> bool {
        matches!(self, Self::Single | Self::Second | Self::Last)
    }
}

/// An operation in the order of execution, and the feature maps that it connects.
///
/// Maps are numbered as the tensors of a blob: map 0 is the input of the network, and step `i`,
/// from 0, writes map `i + 1`. The classifier reads the last map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index in the order of storage ([`Layers::items`]).
    pub index: usize,
    /// The block of the space, from 0.
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

/// The steps of the operations of a network. `blocks` are those of its space, left-out ones included.
///
/// A block's last layer counts as a reader of the block's input if some network adds it, so that the
/// steps of a block do not depend on what follows it.
///
/// # Panics
/// For an operation of no block.
pub fn steps(
    blocks: impl IntoIterator<Item = PlacedBlock>,
    nodes: impl IntoIterator<Item = ConvNode>,
) -> Vec<Step> {
    let (blocks, nodes): (Vec<_>, Vec<_>) =
        (blocks.into_iter().collect(), nodes.into_iter().collect());
    let placed = |site: Site| {
        let found = blocks.iter().find(|b| (b.first..=b.last()).contains(&site.layer()));
        *found.expect("an operation of a block")
    };
    let place = |site: Site| (site.layer(), matches!(site, Site::Shortcut(_)));
    let index = |site| nodes.iter().filter(|n| place(n.site) < place(site)).count();
    let mut made: Vec<Step> = Vec::with_capacity(nodes.len());
    // The map that the block of the current step reads.
    let mut entry = (usize::MAX, 0);
    for &ConvNode { site, input, residual, .. } in &nodes {
        let block = placed(site);
        if entry.0 != block.index {
            entry = (block.index, input);
        }
        let part = BlockPart::of(block, site);
        let held = match block.block {
            Block::Inverted(Skip::WhereItFits | Skip::Identity) if part == BlockPart::Last => {
                Some(entry.1)
            }
            _ => residual,
        };
        let frees = [Some(input), held];
        made.push(Step {
            index: index(site),
            block: block.index,
            part,
            site,
            input,
            residual,
            frees,
        });
    }
    let last_reader = |map| made.iter().rposition(|s| s.frees.contains(&Some(map)));
    let frees: Vec<[Option<usize>; 2]> = (0..made.len())
        .map(|i| {
            let [input, held] = made[i].frees.map(|map| map.filter(|&m| last_reader(m) == Some(i)));
            [input, held.filter(|_| held != input)]
        })
        .collect();
    made.iter_mut().zip(frees).for_each(|(step, frees)| step.frees = frees);
    made
}

/// The layers of a sub-network; `make` is called in the order of storage.
pub fn planned<C>(space: &Space<'_>, plan: &Plan, mut make: impl FnMut(&Node) -> C) -> Layers<C> {
    let nodes: Vec<Node> = plan.nodes(space).collect();
    let wired = nodes.iter().map(|n| {
        let Node { site, input, output, residual, .. } = *n;
        ConvNode { site, input, output, residual }
    });
    Layers::new(steps(space.placed_blocks(), wired), |step| {
        let node = nodes.iter().find(|node| node.site == step.site);
        make(node.expect("a step of a node"))
    })
}

/// An item for each operation of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers<C> {
    steps: Vec<Step>,
    items: Vec<C>,
}

impl<C> Layers<C> {
    /// The items of steps; `make` is called in the order of storage.
    pub fn new(steps: Vec<Step>, mut make: impl FnMut(&Step) -> C) -> Self {
        let mut stored: Vec<&Step> = steps.iter().collect();
        stored.sort_by_key(|step| step.index);
        let items = stored.into_iter().map(&mut make).collect();
        Self { steps, items }
    }

    /// The layers of consecutive blocks, all of them kept, from items in the order of storage: layer
    /// after layer, a projection behind the second convolution of its block.
    ///
    /// # Panics
    /// With another number of items.
    pub fn of_blocks(blocks: &[Block], items: Vec<C>) -> Self {
        let space = Space { blocks, ..Space::EMPTY };
        let steps = steps(space.placed_blocks(), walk(blocks.iter().copied()));
        assert_eq!(steps.len(), items.len(), "an item for each operation");
        Self { steps, items }
    }

    /// The operations in the order of execution.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The items in the order of storage.
    pub fn items(&self) -> &[C] {
        &self.items
    }

    /// The items in the order of storage, for changes.
    pub fn items_mut(&mut self) -> &mut [C] {
        &mut self.items
    }

    /// The operations in the order of execution, with their items.
    pub fn executed(&self) -> impl DoubleEndedIterator<Item = (&Step, &C)> + ExactSizeIterator {
        self.steps.iter().map(|step| (step, &self.items[step.index]))
    }

    /// Replaces the items. `make` is called in the order of storage and receives the index in it.
    pub fn map<D>(&self, mut make: impl FnMut(usize, &C) -> D) -> Layers<D> {
        let items = self.items.iter().enumerate().map(|(i, item)| make(i, item)).collect();
        Layers { steps: self.steps.clone(), items }
    }

    /// Replaces the items by others in any order. Each comes with the index of its operation in the
    /// order of storage.
    ///
    /// # Panics
    /// If an item is missing.
    pub fn assemble<D>(&self, mut made: Vec<(usize, D)>) -> Layers<D> {
        made.sort_by_key(|(index, _)| *index);
        let mut made = made.into_iter();
        self.map(|index, _| match made.next() {
            Some((found, item)) if found == index => item,
            _ => panic!("an item for operation {index}"),
        })
    }

    /// Each operation with its item, in the order of execution.
    pub fn into_executed(self) -> Vec<(Step, C)> {
        let mut items: Vec<Option<C>> = self.items.into_iter().map(Some).collect();
        let mut take = |step: Step| (step, items[step.index].take().expect("one step an item"));
        self.steps.into_iter().map(&mut take).collect()
    }
}

/// A pass over a network. It defines the operations on feature maps.
pub trait Visitor<C> {
    /// A feature map in the representation of the pass.
    type FeatureMap;

    /// Computes the map that an operation writes: its sums over `x`, plus `residual`, then the
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

/// Executes layers on `input` and returns the map that the classifier reads.
pub fn visit<C, V: Visitor<C>>(
    layers: &Layers<C>,
    input: V::FeatureMap,
    visitor: &mut V,
) -> V::FeatureMap {
    let mut live = Live::new(input);
    for (step, conv) in layers.executed() {
        live.step(step, conv, visitor);
    }
    live.into_last()
}

#[cfg(test)]
mod tests;

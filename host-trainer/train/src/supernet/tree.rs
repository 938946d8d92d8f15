//! Sub-networks as a tree of layers: what several have in common is there once.

use supernano_core::plan::{Plan, PlanLayer};
use supernano_core::space::{Shape, Space};

use super::folded::FoldedNet;
use super::net::{Block, BnConv, BnStats, FoldedConv, Linear, Net};
use super::subnet::{SubNet, fold};
use super::weights::Weights;

/// What a layer adds to the network before it.
#[derive(Clone, Debug)]
pub(crate) enum Unit<C> {
    /// A convolution of its own.
    Conv(C),
    /// The first convolution of a residual block.
    First(C),
    /// The second, with the projection shortcut where the block has one.
    Second { conv: C, shortcut: Option<C> },
}

impl<C> Unit<C> {
    /// Convolutions: its own, then the shortcut.
    pub fn convs(&self) -> impl Iterator<Item = &C> {
        match self {
            Self::Conv(c) | Self::First(c) => [Some(c), None],
            Self::Second { conv, shortcut } => [Some(conv), shortcut.as_ref()],
        }
        .into_iter()
        .flatten()
    }

    fn map<D>(&self, mut make: impl FnMut(&C) -> D) -> Unit<D> {
        match self {
            Self::Conv(c) => Unit::Conv(make(c)),
            Self::First(c) => Unit::First(make(c)),
            Self::Second { conv, shortcut } => {
                Unit::Second { conv: make(conv), shortcut: shortcut.as_ref().map(make) }
            }
        }
    }
}

/// The units of a network's blocks.
fn units<C>(blocks: impl IntoIterator<Item = Block<C>>) -> Vec<Unit<C>> {
    let of = |block| match block {
        Block::Conv(c) => vec![Unit::Conv(c)],
        Block::Residual { first, second, shortcut } => {
            vec![Unit::First(first), Unit::Second { conv: second, shortcut }]
        }
    };
    blocks.into_iter().flat_map(of).collect()
}

/// A layer with the layers that go on from it.
#[derive(Clone, Debug)]
pub(crate) struct Node<C> {
    pub unit: Unit<C>,
    pub children: Vec<usize>,
    /// Number and classifier of the network that ends here.
    pub leaf: Option<(usize, Linear)>,
}

/// Networks that start with the same layers; a single one is a tree as well.
#[derive(Clone, Debug)]
pub(crate) struct Tree<C> {
    pub input: Shape,
    /// The largest padding of a convolution.
    pub margin: usize,
    pub nodes: Vec<Node<C>>,
    pub roots: Vec<usize>,
    /// Networks at the leaves.
    pub leaves: usize,
}

/// Mean and unbiased variance of every convolution of every node.
pub(crate) type NodeStats = Vec<Vec<(Vec<f32>, Vec<f32>)>>;

impl<C> Tree<C> {
    fn chain(input: Shape, margin: usize, units: Vec<Unit<C>>, classifier: Linear) -> Self {
        let last = units.len().saturating_sub(1);
        let node = |(i, unit)| Node {
            unit,
            children: if i < last { vec![i + 1] } else { Vec::new() },
            leaf: (i == last).then(|| (0, classifier.clone())),
        };
        let nodes = units.into_iter().enumerate().map(node).collect();
        Self { input, margin, nodes, roots: vec![0], leaves: 1 }
    }
}

/// A network's units by reference.
fn borrowed<C>(net: &Net<C>) -> Vec<Unit<&C>> {
    units(net.blocks.iter().map(|block| match block {
        Block::Conv(c) => Block::Conv(c),
        Block::Residual { first, second, shortcut } => {
            Block::Residual { first, second, shortcut: shortcut.as_ref() }
        }
    }))
}

impl<'a> Tree<&'a BnConv> {
    /// One sub-network.
    pub fn of_subnet(net: &'a SubNet) -> Self {
        let margin = net.convs().map(|c| c.kernel / 2).max().unwrap_or(0);
        Self::chain(net.input, margin, borrowed(net), net.classifier.clone())
    }
}

impl<'a> Tree<&'a FoldedConv> {
    /// One folded network.
    pub fn of_folded(net: &'a FoldedNet) -> Self {
        let margin = net.convs().map(|c| c.kernel / 2).max().unwrap_or(0);
        Self::chain(net.input, margin, borrowed(net), net.classifier.clone())
    }
}

/// The largest padding of a space's convolutions.
pub(crate) fn margin(space: &Space<'_>) -> usize {
    space.layers.iter().map(|l| usize::from(l.kernel / 2)).max().unwrap_or(0)
}

/// A tree of sub-networks, and where each lies in it.
pub(crate) struct Forest {
    pub tree: Tree<BnConv>,
    /// The nodes of every sub-network, layer by layer.
    pub paths: Vec<Vec<usize>>,
    /// The leaf of every sub-network.
    pub leaf: Vec<usize>,
}

impl Forest {
    /// The tree of some plans; their first `shared` layers are merged where they are equal. A common
    /// prefix is found wherever it is, but the order of the plans is the order of evaluation.
    pub fn new(weights: &Weights, plans: &[Plan], shared: usize) -> Self {
        let space = weights.layout.space();
        let tree = Tree {
            input: space.input,
            margin: margin(&space),
            nodes: Vec::new(),
            roots: Vec::new(),
            leaves: 0,
        };
        let mut forest = Self { tree, paths: Vec::new(), leaf: Vec::new() };
        let mut keys: Vec<PlanLayer> = Vec::new();
        for plan in plans {
            forest.insert(weights, plan, shared, &mut keys);
        }
        forest
    }

    fn insert(&mut self, weights: &Weights, plan: &Plan, shared: usize, keys: &mut Vec<PlanLayer>) {
        let tree = &mut self.tree;
        let mut path: Vec<usize> = Vec::with_capacity(plan.layers.len());
        for key in plan.layers.iter().take(shared) {
            let siblings = path.last().map_or(&tree.roots, |&i| &tree.nodes[i].children);
            let Some(&i) = siblings.iter().find(|&&i| keys[i] == *key) else { break };
            path.push(i);
        }
        if path.len() == plan.layers.len() {
            let leaf = path.last().and_then(|&i| tree.nodes[i].leaf.as_ref());
            self.leaf.push(leaf.map_or(0, |l| l.0));
            self.paths.push(path);
            return;
        }
        let net = weights.subnet(plan);
        let rest = plan.layers.iter().zip(units(net.blocks)).skip(path.len());
        for (key, unit) in rest {
            let i = tree.nodes.len();
            match path.last() {
                Some(&parent) => tree.nodes[parent].children.push(i),
                None => tree.roots.push(i),
            }
            tree.nodes.push(Node { unit, children: Vec::new(), leaf: None });
            keys.push(*key);
            path.push(i);
        }
        if let Some(&last) = path.last() {
            tree.nodes[last].leaf = Some((tree.leaves, net.classifier));
        }
        self.leaf.push(tree.leaves);
        tree.leaves += 1;
        self.paths.push(path);
    }

    /// Statistics of the nodes from those of the sub-networks.
    pub fn statistics(&self, of: impl Fn(usize) -> BnStats) -> NodeStats {
        let mut all = vec![Vec::new(); self.tree.nodes.len()];
        for (network, path) in self.paths.iter().enumerate() {
            let mut layers = of(network).layers.into_iter();
            for &i in path {
                let convs = self.tree.nodes[i].unit.convs().count();
                all[i] = layers.by_ref().take(convs).collect();
            }
        }
        all
    }
}

impl Tree<BnConv> {
    /// Batch norm folded into every node, see [`SubNet::fold`].
    pub fn fold(&self, stats: &NodeStats) -> Tree<FoldedConv> {
        let node = |node: &Node<BnConv>, stats: &[(Vec<f32>, Vec<f32>)]| {
            let mut stats = stats.iter();
            let mut one = |conv: &BnConv| match stats.next() {
                Some((mean, var)) => fold(conv, mean, var),
                None => fold(conv, &[], &[]),
            };
            Node {
                unit: node.unit.map(&mut one),
                children: node.children.clone(),
                leaf: node.leaf.clone(),
            }
        };
        let nodes = self.nodes.iter().zip(stats).map(|(n, stats)| node(n, stats)).collect();
        let Self { input, margin, leaves, .. } = *self;
        Tree { input, margin, nodes, roots: self.roots.clone(), leaves }
    }

    /// Multiply-accumulates of all nodes together, without the classifiers.
    pub fn macs(&self) -> u64 {
        let shape = (usize::from(self.input.height), usize::from(self.input.width));
        let mut total = 0;
        let mut open: Vec<(usize, (usize, usize))> =
            self.roots.iter().map(|&i| (i, shape)).collect();
        while let Some((i, (mut h, mut w))) = open.pop() {
            let node = &self.nodes[i];
            for (n, conv) in node.unit.convs().enumerate() {
                if n == 0 {
                    (h, w) = (h.div_ceil(conv.stride), w.div_ceil(conv.stride));
                }
                total += (conv.weight.len() * h * w) as u64;
            }
            open.extend(node.children.iter().map(|&c| (c, (h, w))));
        }
        total
    }
}

//! Sub-networks as a tree of layers. Layers that several networks share are stored once.

use supernano_core::plan::{Plan, PlanLayer};
use supernano_core::space::{Layer, Padding, Shape, Space};

use super::folded::FoldedNet;
use super::layers::{Step, Visitor};
use super::net::{BnConv, BnStats, FoldedConv, Linear, Net};
use super::subnet::{SubNet, fold};
use super::walk::{TreeVisitor, walk};
use super::weights::Weights;
use crate::backend::LayerOp;

/// A layer of one or more networks.
#[derive(Clone, Debug)]
pub(crate) struct Node<C> {
    /// The operations of the layer in the order of execution. A layer that the networks leave out
    /// has none.
    pub steps: Vec<(Step, C)>,
    /// Nodes of the next layer that read this one.
    pub children: Vec<usize>,
    /// Number and classifier of the network that ends here.
    pub leaf: Option<(usize, Linear)>,
}

/// Networks that share their first layers, all with images of one shape. A single network is a tree
/// as well.
#[derive(Clone, Debug)]
pub(crate) struct Tree<C> {
    pub input: Shape,
    /// The largest padding of an operation, pixels.
    pub margin: usize,
    pub nodes: Vec<Node<C>>,
    /// Nodes of the first layer.
    pub roots: Vec<usize>,
    /// Number of networks.
    pub leaves: usize,
}

/// Mean and unbiased variance, each `[output]`, of the operations of every node; empty for a pool.
pub(crate) type NodeStats = Vec<Vec<(Vec<f32>, Vec<f32>)>>;

/// Groups operations by their layer.
fn by_layer<C>(steps: impl IntoIterator<Item = (Step, C)>) -> Vec<Vec<(Step, C)>> {
    let mut layers: Vec<Vec<(Step, C)>> = Vec::new();
    for (step, conv) in steps {
        match layers.last_mut() {
            Some(layer) if layer[0].0.site.layer() == step.site.layer() => layer.push((step, conv)),
            _ => layers.push(vec![(step, conv)]),
        }
    }
    layers
}

impl<'a, C> Tree<&'a C> {
    fn chain(net: &'a Net<C>, op: impl Fn(&C) -> LayerOp) -> Self {
        let margin = net.convs().map(|c| op(c).window().margin()).max().unwrap_or(0);
        let layers = by_layer(net.layers.executed().map(|(step, conv)| (*step, conv)));
        let last = layers.len().saturating_sub(1);
        let node = |(i, steps)| Node {
            steps,
            children: if i < last { vec![i + 1] } else { Vec::new() },
            leaf: (i == last).then(|| (0, net.classifier.clone())),
        };
        let nodes = layers.into_iter().enumerate().map(node).collect();
        Self { input: net.input, margin, nodes, roots: vec![0], leaves: 1 }
    }
}

impl<'a> Tree<&'a BnConv> {
    /// The tree of a single sub-network.
    pub fn of_subnet(net: &'a SubNet) -> Self {
        Self::chain(net, |c| c.op)
    }

    /// Statistics of the single sub-network, from those of the nodes.
    pub fn statistics(&self, found: NodeStats) -> BnStats {
        let steps = self.nodes.iter().flat_map(|node| &node.steps);
        let mut found: Vec<_> =
            steps.map(|(step, _)| step.index).zip(found.into_iter().flatten()).collect();
        found.sort_by_key(|(index, _)| *index);
        BnStats { layers: found.into_iter().map(|(_, stats)| stats).collect() }
    }
}

impl<'a> Tree<&'a FoldedConv> {
    /// The tree of a single folded network.
    pub fn of_folded(net: &'a FoldedNet) -> Self {
        Self::chain(net, |c| c.op)
    }
}

/// The largest padding of an operation in a space, pixels.
pub(crate) fn margin(space: &Space<'_>) -> usize {
    // half of a kernel, also where "same" padding of a strided layer needs less
    let of = |layer: &Layer<'_>| match layer.padding {
        Padding::Valid => 0,
        Padding::Half | Padding::Same => layer.kernel().into_iter().max().unwrap_or(0) / 2,
    };
    space.layers.iter().map(of).max().map_or(0, usize::from)
}

/// A tree of sub-networks, with the position of each network in it.
pub(crate) struct Forest {
    pub tree: Tree<BnConv>,
    /// Nodes of every sub-network, layer by layer.
    pub paths: Vec<Vec<usize>>,
    /// Leaf of every sub-network.
    pub leaf: Vec<usize>,
}

impl Forest {
    /// The tree of the networks of `plans`, which read images of one shape. Equal layers are merged
    /// among the first `shared`, for neighbours in `plans` and for networks that are further apart.
    /// Networks are evaluated in the order of `plans`.
    pub fn new(weights: &Weights, plans: &[Plan], shared: usize) -> Self {
        let space = &weights.layout.space();
        let tree = Tree {
            input: plans.first().map_or(space.input, |plan| plan.image),
            margin: margin(space),
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
            self.leaf.push(leaf.expect("all networks have as many layers").0);
            self.paths.push(path);
            return;
        }
        let Net { layers, classifier, .. } = weights.subnet(plan);
        let mut steps = by_layer(layers.into_executed()).into_iter().peekable();
        for (layer, key) in plan.layers.iter().enumerate() {
            let own = steps.next_if(|s| s[0].0.site.layer() == layer).unwrap_or_default();
            if layer < path.len() {
                continue;
            }
            let i = tree.nodes.len();
            match path.last() {
                Some(&parent) => tree.nodes[parent].children.push(i),
                None => tree.roots.push(i),
            }
            tree.nodes.push(Node { steps: own, children: Vec::new(), leaf: None });
            keys.push(*key);
            path.push(i);
        }
        if let Some(&last) = path.last() {
            tree.nodes[last].leaf = Some((tree.leaves, classifier));
        }
        self.leaf.push(tree.leaves);
        tree.leaves += 1;
        self.paths.push(path);
    }

    /// Statistics of the nodes; `of` returns those of a sub-network.
    pub fn statistics(&self, of: impl Fn(usize) -> BnStats) -> NodeStats {
        let mut all = vec![Vec::new(); self.tree.nodes.len()];
        for (network, path) in self.paths.iter().enumerate() {
            let found = of(network).layers;
            for &node in path {
                let steps = &self.tree.nodes[node].steps;
                all[node] = steps.iter().map(|(step, _)| found[step.index].clone()).collect();
            }
        }
        all
    }
}

impl Tree<BnConv> {
    /// Folds batch norm into every node, as [`SubNet::fold`] does.
    pub fn fold(&self, stats: &NodeStats) -> Tree<FoldedConv> {
        let node = |node: &Node<BnConv>, stats: &[(Vec<f32>, Vec<f32>)]| Node {
            steps: node
                .steps
                .iter()
                .zip(stats)
                .map(|((step, c), (mean, var))| (*step, fold(c, mean, var)))
                .collect(),
            children: node.children.clone(),
            leaf: node.leaf.clone(),
        };
        let nodes = self.nodes.iter().zip(stats).map(|(n, stats)| node(n, stats)).collect();
        let Self { input, margin, leaves, .. } = *self;
        Tree { input, margin, nodes, roots: self.roots.clone(), leaves }
    }

    /// Multiply-accumulates of all nodes for an image, without those of the classifiers.
    pub fn macs(&self) -> u64 {
        let mut macs = Macs(0);
        let input = (usize::from(self.input.height), usize::from(self.input.width));
        walk(self, input, &mut macs);
        macs.0
    }
}

/// Counts multiply-accumulates.
struct Macs(u64);

impl Visitor<BnConv> for Macs {
    /// Number of rows and columns.
    type FeatureMap = (usize, usize);

    fn conv(
        &mut self,
        _: &Step,
        conv: &BnConv,
        &(h, w): &Self::FeatureMap,
        _: Option<&Self::FeatureMap>,
    ) -> Self::FeatureMap {
        let [h, w] = conv.op.output(h, w);
        self.0 += (conv.weight.len() * h * w) as u64;
        (h, w)
    }
}

impl TreeVisitor<BnConv> for Macs {}

//! What the model knows of a sub-network: monotone features, none of which falls when a layer
//! becomes wider.

use supernano_core::arch::Arch;
use supernano_core::plan::{self, BranchScheme, Cost, Enhancement};
use supernano_core::space::Space;

/// Features of a layer's width w: -1/w, ln w, sqrt w. Each rises with w and is concave in it, so
/// that any sum with weights of 0 or more is.
pub const SHAPES: usize = 3;

/// Features of a pair of layers: two ways of saying that one narrow layer spoils the other's width.
pub const PAIR_SHAPES: usize = 2;

fn shapes(width: u16) -> [f64; SHAPES] {
    let w = f64::from(width);
    [-1.0 / w, w.ln(), w.sqrt()]
}

/// -1 / sqrt(v w), and ln of the harmonic sum, -ln(1/v + 1/w).
fn pair_shapes(v: u16, w: u16) -> [f64; PAIR_SHAPES] {
    let (v, w) = (f64::from(v), f64::from(w));
    [-1.0 / (v * w).sqrt(), -(1.0 / v + 1.0 / w).ln()]
}

/// Costs of the nominal widths, which a code says.
pub fn nominal_cost(space: &Space<'_>, arch: &Arch) -> Cost {
    plan::cost(space, &plan::resolve(space, arch, Enhancement::NONE, BranchScheme::Shared))
}

/// ln MACs and ln parameters of the nominal widths.
pub fn ln_costs(space: &Space<'_>, arch: &Arch) -> [f64; 2] {
    let Cost { macs, params } = nominal_cost(space, arch);
    [(macs as f64).ln(), (params as f64).ln()]
}

/// Nominal widths of the free layers.
pub fn widths(space: &Space<'_>, arch: &Arch) -> Vec<u16> {
    space.free_layers().map(|i| arch.nominal(space, i).0).collect()
}

/// Which features a model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Terms {
    /// ln MACs, ln parameters, and the shapes of its width for each free layer.
    Additive,
    /// The shapes of two widths for each pair of free layers as well.
    Pairs,
}

impl Terms {
    /// The features of a sub-network, not standardised: the two costs, the layers' shapes in
    /// order, the pairs' (first layer first).
    pub fn of(self, space: &Space<'_>, arch: &Arch) -> Vec<f64> {
        let widths = widths(space, arch);
        let mut all = ln_costs(space, arch).to_vec();
        all.extend(widths.iter().flat_map(|&w| shapes(w)));
        if self == Self::Pairs {
            for (a, &v) in widths.iter().enumerate() {
                all.extend(widths[a + 1..].iter().flat_map(|&w| pair_shapes(v, w)));
            }
        }
        all
    }

    /// Name of every feature, in the order of [`Self::of`]; layers are counted from 1.
    pub fn names(self, space: &Space<'_>) -> Vec<String> {
        let layers: Vec<usize> = space.free_layers().map(|i| i + 1).collect();
        let mut all = vec!["ln macs".to_owned(), "ln params".to_owned()];
        for l in &layers {
            all.extend(["-1/w", "ln w", "sqrt w"].map(|shape| format!("layer {l}: {shape}")));
        }
        if self == Self::Pairs {
            for (a, l) in layers.iter().enumerate() {
                for m in &layers[a + 1..] {
                    let shapes = ["-1/sqrt(v w)", "-ln(1/v + 1/w)"];
                    all.extend(shapes.map(|shape| format!("layers {l}, {m}: {shape}")));
                }
            }
        }
        all
    }
}

/// Where a column of [`Terms::of`] comes from: a cost, a layer's shape, or a pair's.
enum Column {
    Cost(usize),
    Layer(usize, usize),
    Pair(usize, usize, usize),
}

fn column(layers: usize, column: usize) -> Column {
    let Some(rest) = column.checked_sub(2) else { return Column::Cost(column) };
    let Some(rest) = rest.checked_sub(SHAPES * layers) else {
        return Column::Layer(rest / SHAPES, rest % SHAPES);
    };
    let (mut pair, shape) = (rest / PAIR_SHAPES, rest % PAIR_SHAPES);
    for a in 0..layers {
        let others = layers - a - 1;
        if pair < others {
            return Column::Pair(a, a + 1 + pair, shape);
        }
        pair -= others;
    }
    unreachable!("a column of these layers")
}

/// What every option of a layer contributes by itself, `[free layer][option]`, given columns and
/// their coefficients.
pub fn tables(
    space: &Space<'_>,
    coefficients: impl Iterator<Item = (usize, f64)>,
) -> Vec<Vec<f64>> {
    let layers: Vec<&[u16]> = space.free_layers().map(|i| space.layers[i].widths).collect();
    let mut tables: Vec<Vec<f64>> = layers.iter().map(|w| vec![0.0; w.len()]).collect();
    for (at, value) in coefficients {
        if let Column::Layer(layer, shape) = column(layers.len(), at) {
            let terms = tables[layer].iter_mut().zip(layers[layer]);
            terms.for_each(|(t, &w)| *t += value * shapes(w)[shape]);
        }
    }
    tables
}

/// What costs and pairs contribute.
pub fn beyond_layers(
    space: &Space<'_>,
    arch: &Arch,
    coefficients: impl Iterator<Item = (usize, f64)>,
) -> f64 {
    let widths = widths(space, arch);
    let mut costs = None;
    let term = |(at, value): (usize, f64)| match column(widths.len(), at) {
        Column::Cost(which) => value * costs.get_or_insert_with(|| ln_costs(space, arch))[which],
        Column::Layer(..) => 0.0,
        Column::Pair(a, b, shape) => value * pair_shapes(widths[a], widths[b])[shape],
    };
    coefficients.map(term).sum()
}

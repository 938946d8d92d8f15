//! Features of a sub-network. None of them decreases when an option becomes larger.
//!
//! Spaces of residual networks, whose choices are widths, have the features of their widths alone. All
//! others have those of [`choices`], which are 0 for left-out layers.

mod choices;

use supernano_core::arch::Arch;
use supernano_core::plan::{self, BranchScheme, Cost, Enhancement};
use supernano_core::space::Space;

pub use self::choices::sized_choices;

/// Features of a layer of width w: -1/w, ln w, sqrt w. Each increases with w and is concave, and so
/// is every sum with non-negative coefficients.
const SHAPES: usize = 3;

/// Features of a pair of layers of widths v and w: -1/sqrt(v w) and -ln(1/v + 1/w). In both of them
/// a narrow layer reduces the effect of the other one's width.
const PAIR_SHAPES: usize = 2;

/// Features in front of those of the layers: ln MACs and ln parameters.
const COSTS: usize = 2;

fn shapes(width: u16) -> [f64; SHAPES] {
    let w = f64::from(width);
    [-1.0 / w, w.ln(), w.sqrt()]
}

fn pair_shapes(v: u16, w: u16) -> [f64; PAIR_SHAPES] {
    let (v, w) = (f64::from(v), f64::from(w));
    [-1.0 / (v * w).sqrt(), -(1.0 / v + 1.0 / w).ln()]
}

/// ln MACs and ln parameters of the nominal widths.
pub fn ln_costs(space: &Space<'_>, arch: &Arch) -> [f64; COSTS] {
    let plan = plan::resolve(space, arch, Enhancement::NONE, BranchScheme::Shared);
    let Cost { macs, params } = plan::cost(space, &plan);
    [(macs as f64).ln(), (params as f64).ln()]
}

/// Nominal widths of the free layers, channels.
pub fn widths(space: &Space<'_>, arch: &Arch) -> Vec<u16> {
    space.free_layers().map(|i| arch.nominal(space, i).0).collect()
}

/// The set of features of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Terms {
    /// ln MACs, ln parameters, three features of each free layer's width, and one of each other
    /// choice.
    Additive,
    /// Those of `Additive`, and two features of each pair of free layers; with other choices than
    /// widths, of each pair in a stage.
    Pairs,
}

impl Terms {
    /// The features of a sub-network, not standardised, in the order costs, layers, pairs. Pairs are
    /// ordered by their first layer, then by their second.
    pub fn of(self, space: &Space<'_>, arch: &Arch) -> Vec<f64> {
        if !space.is_residual() {
            return choices::features(self, space, arch);
        }
        let widths = widths(space, arch);
        let mut features = ln_costs(space, arch).to_vec();
        features.extend(widths.iter().flat_map(|&w| shapes(w)));
        if self == Self::Pairs {
            for (a, &v) in widths.iter().enumerate() {
                features.extend(widths[a + 1..].iter().flat_map(|&w| pair_shapes(v, w)));
            }
        }
        features
    }

    /// Names of the features in the order of [`Self::of`]. Layers count from 1.
    pub fn names(self, space: &Space<'_>) -> Vec<String> {
        if !space.is_residual() {
            return choices::names(self, space);
        }
        let layers: Vec<usize> = space.free_layers().map(|i| i + 1).collect();
        let mut names = vec!["ln macs".to_owned(), "ln params".to_owned()];
        for l in &layers {
            names.extend(["-1/w", "ln w", "sqrt w"].map(|shape| format!("layer {l}: {shape}")));
        }
        if self == Self::Pairs {
            for (a, l) in layers.iter().enumerate() {
                for m in &layers[a + 1..] {
                    let shapes = ["-1/sqrt(v w)", "-ln(1/v + 1/w)"];
                    names.extend(shapes.map(|shape| format!("layers {l}, {m}: {shape}")));
                }
            }
        }
        names
    }
}

/// The meaning of an index into [`Terms::of`].
enum Feature {
    /// Index into [`ln_costs`].
    Cost(usize),
    /// Free layer, and index into its shapes.
    Layer(usize, usize),
    /// First and second free layer, and index into their shapes.
    Pair(usize, usize, usize),
}

impl Feature {
    /// The feature of a column, for a space with `layers` free layers.
    fn of(column: usize, layers: usize) -> Self {
        let Some(rest) = column.checked_sub(COSTS) else { return Self::Cost(column) };
        let Some(rest) = rest.checked_sub(SHAPES * layers) else {
            return Self::Layer(rest / SHAPES, rest % SHAPES);
        };
        let mut pair = rest / PAIR_SHAPES;
        for a in 0..layers {
            let others = layers - a - 1;
            if pair < others {
                return Self::Pair(a, a + 1 + pair, rest % PAIR_SHAPES);
            }
            pair -= others;
        }
        unreachable!("a feature of {layers} layers")
    }
}

/// Contribution of every option of a layer, `[free layer][option]`, from the coefficients of
/// columns. Empty for a space with other choices than widths.
pub fn tables(
    space: &Space<'_>,
    coefficients: impl Iterator<Item = (usize, f64)>,
) -> Vec<Vec<f64>> {
    if !space.is_residual() {
        return Vec::new();
    }
    let layers: Vec<&[u16]> = space.free_layers().map(|i| space.layers[i].widths).collect();
    let mut tables: Vec<Vec<f64>> = layers.iter().map(|w| vec![0.0; w.len()]).collect();
    for (column, value) in coefficients {
        if let Feature::Layer(layer, shape) = Feature::of(column, layers.len()) {
            for (term, &width) in tables[layer].iter_mut().zip(layers[layer]) {
                *term += value * shapes(width)[shape];
            }
        }
    }
    tables
}

/// Contribution of the costs and the pairs, from the coefficients of columns; with other choices than
/// widths, of all features.
pub fn beyond_layers(
    space: &Space<'_>,
    arch: &Arch,
    coefficients: impl Iterator<Item = (usize, f64)>,
) -> f64 {
    if !space.is_residual() {
        // The features of pairs follow all others, so they are computed for every set.
        let row = choices::features(Terms::Pairs, space, arch);
        return coefficients.map(|(column, value)| value * row[column]).sum();
    }
    let widths = widths(space, arch);
    let mut costs = None;
    let term = |(column, value): (usize, f64)| match Feature::of(column, widths.len()) {
        Feature::Cost(k) => value * costs.get_or_insert_with(|| ln_costs(space, arch))[k],
        Feature::Layer(..) => 0.0,
        Feature::Pair(a, b, shape) => value * pair_shapes(widths[a], widths[b])[shape],
    };
    coefficients.map(term).sum()
}

//! Local search: exchange of one layer's option, then of two layers' options at once.

use std::ops::Range;

use rayon::prelude::*;

use super::population::{Individual, Population};

impl Population<'_> {
    /// Takes the best exchange of one layer's option, or of two if no single one helps, until none
    /// improves the score. Returns every individual on the way and the number of sub-networks
    /// examined.
    pub fn climb(&self, start: Individual) -> (Vec<Individual>, u64) {
        let mut best = start;
        let mut path = vec![start];
        let mut examined = 0;
        let options: u64 = self.free.iter().map(|layer| u64::from(layer.options)).sum();
        let layers = self.free.len();
        loop {
            let single = self.exchanged(&best, 0..layers, None);
            examined += options * if single.is_some() { 1 } else { options / 2 };
            let better = single.or_else(|| {
                let pairs: Vec<Individual> = (0..layers)
                    .into_par_iter()
                    .filter_map(|i| self.exchanged(&best, i + 1..layers, Some(i)))
                    .collect();
                pairs.into_iter().min_by(Individual::order)
            });
            let Some(better) = better else { return (path, examined) };
            best = better;
            path.push(best);
        }
    }

    /// The best sub-network within the limits that differs from `from` in one layer of `layers`,
    /// and in `first` if it is given. Returns `None` if none has a better score than `from`.
    fn exchanged(
        &self,
        from: &Individual,
        layers: Range<usize>,
        first: Option<usize>,
    ) -> Option<Individual> {
        let mut best: Option<Individual> = None;
        let mut genes = from.genes;
        let first = first.map(|i| &self.free[i]);
        for option in 0..first.map_or(1, |layer| layer.options) {
            if let Some(first) = first {
                first.set(&mut genes, option);
            }
            for layer in &self.free[layers.clone()] {
                let before = layer.option(&genes);
                for other in (0..layer.options).filter(|&o| o != before) {
                    layer.set(&mut genes, other);
                    let Some(found) = self.look(genes) else { continue };
                    let beats = best.as_ref().unwrap_or(from);
                    if found.linear > beats.linear && self.limits.allow(found.costs) {
                        best = Some(found);
                    }
                }
                layer.set(&mut genes, before);
            }
        }
        best
    }
}

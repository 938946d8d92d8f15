//! Experimental designs: the selection of sub-networks to evaluate.

use nalgebra::{DMatrix, DVector};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::Terms;

/// Ridge strength of the information matrix, for standardised features.
const RIDGE: f64 = 1.0;

/// Selects `n` of `count` sub-networks at random. Returns ascending indices, all of them if `count`
/// is at most `n`.
pub fn random(count: usize, n: usize, seed: u64) -> Vec<usize> {
    let order = Key::new(seed).permutation(Purpose::Split, count);
    let mut chosen: Vec<usize> = order.into_iter().take(n).map(|i| i as usize).collect();
    chosen.sort_unstable();
    chosen
}

/// Selects `n` of the sub-networks by a greedy D-optimal design: each step takes the one with the
/// largest variance of prediction under the additive model. Returns ascending indices, all of them
/// if there are at most `n`.
pub fn informative(space: &Space<'_>, archs: &[Arch], n: usize) -> Vec<usize> {
    let mut rows: Vec<Vec<f64>> = archs.iter().map(|a| Terms::Additive.of(space, a)).collect();
    standardise(&mut rows);
    let p = rows.first().map_or(0, Vec::len);
    let x: Vec<DVector<f64>> = rows.into_iter().map(DVector::from_vec).collect();
    let mut inverse = DMatrix::<f64>::identity(p, p) / RIDGE;
    // Variance of prediction of each sub-network; -1 marks a selected one.
    let mut variance: Vec<f64> = x.iter().map(|x| x.norm_squared() / RIDGE).collect();
    let mut chosen = Vec::new();
    while chosen.len() < n.min(archs.len()) {
        let left = (0..archs.len()).filter(|&i| variance[i] >= 0.0);
        let largest = left.max_by(|&a, &b| variance[a].total_cmp(&variance[b]).then(b.cmp(&a)));
        let Some(next) = largest else { break };
        // Sherman-Morrison update of the inverse and of the variances.
        let direction = &inverse * &x[next];
        let factor = 1.0 / (1.0 + variance[next]);
        inverse.ger(-factor, &direction, &direction, 1.0);
        for (variance, x) in variance.iter_mut().zip(&x) {
            if *variance >= 0.0 {
                *variance = (*variance - factor * x.dot(&direction).powi(2)).max(0.0);
            }
        }
        variance[next] = -1.0;
        chosen.push(next);
    }
    chosen.sort_unstable();
    chosen
}

/// Scales every column to mean 0 and variance 1.
fn standardise(rows: &mut [Vec<f64>]) {
    let n = rows.len() as f64;
    for j in 0..rows.first().map_or(0, Vec::len) {
        let mean = rows.iter().map(|r| r[j]).sum::<f64>() / n;
        let variance = rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n;
        let scale = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
        for row in rows.iter_mut() {
            row[j] = (row[j] - mean) / scale;
        }
    }
}

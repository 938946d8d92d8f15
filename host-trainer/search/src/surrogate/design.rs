//! Which sub-networks to evaluate.

use nalgebra::{DMatrix, DVector};
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::Terms;

/// Strength of the ridge under which information is counted, for standardised features.
const RIDGE: f64 = 1.0;

/// `n` of the sub-networks at random, as ascending indices; all where there are no more.
pub fn random(count: usize, n: usize, seed: u64) -> Vec<usize> {
    let order = Key::new(seed).permutation(Purpose::Split, count);
    let mut chosen: Vec<usize> = order.into_iter().take(n).map(|i| i as usize).collect();
    chosen.sort_unstable();
    chosen
}

/// `n` of the sub-networks, one after the other the one of which the additive model would know the
/// least (greedy D-optimal design), as ascending indices; all where there are no more.
pub fn informative(space: &Space<'_>, archs: &[Arch], n: usize) -> Vec<usize> {
    let mut rows: Vec<Vec<f64>> = archs.iter().map(|a| Terms::Additive.of(space, a)).collect();
    standardise(&mut rows);
    let p = rows.first().map_or(0, Vec::len);
    let x: Vec<DVector<f64>> = rows.into_iter().map(DVector::from_vec).collect();
    let mut inverse = DMatrix::<f64>::identity(p, p) / RIDGE;
    let mut unknown: Vec<f64> = x.iter().map(|x| x.norm_squared() / RIDGE).collect();
    let mut chosen = Vec::new();
    while chosen.len() < n.min(archs.len()) {
        let left = (0..archs.len()).filter(|&i| unknown[i] >= 0.0);
        let Some(best) = left.max_by(|&a, &b| unknown[a].total_cmp(&unknown[b]).then(b.cmp(&a)))
        else {
            break;
        };
        let direction = &inverse * &x[best];
        let factor = 1.0 / (1.0 + unknown[best]);
        inverse.ger(-factor, &direction, &direction, 1.0);
        for (unknown, x) in unknown.iter_mut().zip(&x).filter(|(u, _)| **u >= 0.0) {
            *unknown = (*unknown - factor * x.dot(&direction).powi(2)).max(0.0);
        }
        unknown[best] = -1.0;
        chosen.push(best);
    }
    chosen.sort_unstable();
    chosen
}

fn standardise(rows: &mut [Vec<f64>]) {
    let n = rows.len() as f64;
    for j in 0..rows.first().map_or(0, Vec::len) {
        let mean = rows.iter().map(|r| r[j]).sum::<f64>() / n;
        let variance = rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n;
        let scale = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
        rows.iter_mut().for_each(|r| r[j] = (r[j] - mean) / scale);
    }
}

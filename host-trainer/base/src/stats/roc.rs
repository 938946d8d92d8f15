//! Areas under curves of binary decisions.

/// The area under the ROC curve: the probability that a positive item has a higher score than a
/// negative one, where equal scores count one half. `None` without items of both kinds.
///
/// # Shapes
/// `scores` and `positive` are `[items]`, in the same order.
pub fn auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let positives = positive.iter().filter(|&&p| p).count() as f64;
    let negatives = positive.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut below, mut sum) = (0.0, 0.0);
    for group in descending(scores, positive).chunk_by(|a, b| a.0 == b.0).rev() {
        let hits = group.iter().filter(|item| item.1).count() as f64;
        let misses = group.len() as f64 - hits;
        sum += hits * (below + misses / 2.0);
        below += misses;
    }
    Some(sum / (positives * negatives))
}

/// Standard error of an area under the ROC curve (Hanley and McNeil 1982, Eq. 1), for these numbers of
/// positive and negative items.
pub fn auc_se(auc: f64, positives: usize, negatives: usize) -> f64 {
    let (p, n) = (positives as f64, negatives as f64);
    let (one, two) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let variance =
        auc * (1.0 - auc) + (p - 1.0) * (one - auc * auc) + (n - 1.0) * (two - auc * auc);
    (variance.max(0.0) / (p * n)).sqrt()
}

/// Average precision: the mean over the positive items of the precision at their score. Items with
/// equal scores are retrieved together. `None` without a positive item.
///
/// # Shapes
/// `scores` and `positive` are `[items]`, in the same order.
pub fn average_precision(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let positives = positive.iter().filter(|&&p| p).count() as f64;
    let (mut seen, mut right, mut sum) = (0.0, 0.0, 0.0);
    for group in descending(scores, positive).chunk_by(|a, b| a.0 == b.0) {
        let hits = group.iter().filter(|item| item.1).count() as f64;
        seen += group.len() as f64;
        right += hits;
        sum += hits * right / seen;
    }
    (positives > 0.0).then_some(sum / positives)
}

/// The items from the highest score to the lowest.
fn descending(scores: &[f64], positive: &[bool]) -> Vec<(f64, bool)> {
    let mut items: Vec<(f64, bool)> =
        scores.iter().copied().zip(positive.iter().copied()).collect();
    items.sort_by(|a, b| b.0.total_cmp(&a.0));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: all pairs of a positive and a negative item.
    fn pairs(scores: &[f64], positive: &[bool]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, _) in positive.iter().enumerate().filter(|(_, p)| **p) {
            for (j, _) in positive.iter().enumerate().filter(|(_, p)| !**p) {
                count += 1.0;
                sum += match scores[i].total_cmp(&scores[j]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        sum / count
    }

    #[test]
    fn the_area_is_that_of_all_pairs() {
        let scores = [0.3, 0.1, 0.3, 0.9, 0.2, 0.3, 0.7, 0.1, 0.5];
        let positive = [true, false, false, true, false, true, false, false, true];
        let found = auc(&scores, &positive).unwrap();
        assert!((found - pairs(&scores, &positive)).abs() < 1e-12, "{found}");
        assert_eq!(auc(&[1.0, 2.0], &[false, true]), Some(1.0));
        assert_eq!(auc(&[1.0, 1.0], &[false, true]), Some(0.5));
        assert_eq!(auc(&[1.0, 2.0], &[true, true]), None);
        assert!(auc_se(0.8, 20, 30) > auc_se(0.8, 200, 300));
        assert_eq!(auc_se(1.0, 20, 30), 0.0);
    }

    #[test]
    fn the_average_precision_is_that_of_a_worked_example() {
        // Positive items at ranks 1, 3 and 4: (1/1 + 2/3 + 3/4) / 3.
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5];
        let positive = [true, false, true, true, false];
        let found = average_precision(&scores, &positive).unwrap();
        assert!((found - (1.0 + 2.0 / 3.0 + 0.75) / 3.0).abs() < 1e-12, "{found}");
        // Equal scores: the share of positive items.
        assert_eq!(average_precision(&[1.0; 4], &[true, false, false, false]), Some(0.25));
        assert_eq!(average_precision(&[1.0], &[false]), None);
    }
}

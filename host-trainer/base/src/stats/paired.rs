//! Differences of two accuracies on the same images.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, Normal};

/// Confidence of the intervals of differences and predictions, 0 to 1.
pub const CONFIDENCE: f64 = 0.95;

/// A difference with its interval at [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Difference {
    /// A difference with a symmetric interval.
    pub fn about(mean: f64, half_width: f64) -> Self {
        Self { mean, low: mean - half_width, high: mean + half_width }
    }

    /// Half the width of the interval.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// True if the interval contains 0.
    pub fn is_noise(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

/// The accuracy of `first` minus that of `second`, fractions from -1 to 1. Each element states
/// whether the answer for an image is right, in the same order of images. The interval is that of
/// Agresti and Min (2005): the adjusted Wald interval of matched pairs.
///
/// # Panics
/// If the two have different lengths.
pub fn paired(first: &[bool], second: &[bool]) -> Difference {
    assert_eq!(first.len(), second.len(), "answers for the same images");
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| **a && !**b).count() as f64;
    let (gained, lost) = (only(first, second), only(second, first));
    let mean = (gained - lost) / (first.len() as f64).max(1.0);
    // Half an image is added to each of the four combinations of right and wrong.
    let (n, gained, lost) = (first.len() as f64 + 2.0, gained + 0.5, lost + 0.5);
    let centre = (gained - lost) / n;
    let variance = (gained + lost) / n - centre.powi(2);
    let half = z() * (variance / n).sqrt();
    Difference { mean, low: (centre - half).min(mean), high: (centre + half).max(mean) }
}

/// The quantile of the standard normal distribution for a two-sided interval at [`CONFIDENCE`].
pub fn z() -> f64 {
    Normal::standard().inverse_cdf(0.5 + CONFIDENCE / 2.0)
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;
    use crate::rng::{Key, Purpose};

    #[test]
    fn equal_answers_differ_by_nothing() {
        let answers = [true, false, true, true];
        let found = paired(&answers, &answers);
        assert!(found.mean == 0.0 && found.is_noise());
        assert!(found.half_width() < 0.6);
    }

    #[test]
    fn a_large_difference_is_no_noise() {
        let (all, half): (Vec<bool>, Vec<bool>) = (0..200).map(|i| (true, i % 2 == 0)).unzip();
        let found = paired(&all, &half);
        assert!(found.mean == 0.5 && !found.is_noise() && found.low > 0.4 && found.high < 0.6);
        assert_eq!(paired(&half, &all).mean, -0.5);
    }

    /// Two networks whose answers agree on most images: the paired interval contains the true
    /// difference about as often as it says.
    #[test]
    fn intervals_cover_the_true_difference() {
        let mut rng = Key::new(3).rng(Purpose::Sample, 0);
        let covered = (0..1000)
            .filter(|_| {
                let (a, b): (Vec<bool>, Vec<bool>) = (0..300)
                    .map(|_| match rng.random::<f64>() {
                        x if x < 0.70 => (true, true),
                        x if x < 0.78 => (true, false),
                        x if x < 0.82 => (false, true),
                        _ => (false, false),
                    })
                    .unzip();
                let found = paired(&a, &b);
                found.low <= 0.04 && 0.04 <= found.high
            })
            .count();
        assert!((920..=980).contains(&covered), "{covered} of 1000");
    }
}

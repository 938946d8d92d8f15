//! Accuracies that are no better than guessing.

use super::accuracy_se;
use super::paired::z;
use crate::objective::ScoreMetric;

/// A sentence if networks have not learnt: the mean of `accuracies`, fractions over `images` images,
/// is not above chance by more than the noise of these images at 95 %. `who` is the subject, such as
/// `the supernet`. `None` if they have learnt, and without accuracies, images or classes.
pub fn not_learnt(who: &str, accuracies: &[f64], classes: usize, images: usize) -> Option<String> {
    if accuracies.is_empty() || images == 0 || classes == 0 {
        return None;
    }
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let chance = 1.0 / classes as f64;
    let noise = z() * accuracy_se(chance, images);
    let of = match accuracies.len() {
        1 => String::new(),
        n => format!(" of {n} sub-networks (mean)"),
    };
    (mean <= chance + noise).then(|| {
        format!(
            "{who} has not learnt: top-1{of} is {:.1} % on {images} images, and chance is \
             {:.1} +- {:.1} %",
            100.0 * mean,
            100.0 * chance,
            100.0 * noise
        )
    })
}

/// As [`not_learnt`], for scores of a metric: the mean is not above the score of an answer that does not
/// depend on the input.
pub fn score_not_learnt(who: &str, scores: &[f64], metric: ScoreMetric) -> Option<String> {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let (title, chance) = (metric.title(), metric.chance());
    let of = match scores.len() {
        1 => String::new(),
        n => format!(" of {n} sub-networks (mean)"),
    };
    let says = || {
        format!(
            "{who} has not learnt: {title}{of} is {mean:.3}, and an answer that is always the same \
             has {chance:.1}"
        )
    };
    (mean <= chance).then(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_no_better_than_a_constant_are_named() {
        let said = score_not_learnt("the supernet", &[-0.2, 0.1], ScoreMetric::R2).unwrap();
        let wanted = "the supernet has not learnt: R2 of 2 sub-networks (mean) is -0.050, and an \
                      answer that is always the same has 0.0";
        assert_eq!(said, wanted);
        assert_eq!(score_not_learnt("4-8", &[0.51], ScoreMetric::MacroAuc), None);
        assert!(score_not_learnt("4-8", &[0.5], ScoreMetric::MacroAuc).is_some());
        assert_eq!(score_not_learnt("4-8", &[], ScoreMetric::R2), None);
    }

    #[test]
    fn chance_is_named_and_skill_is_not() {
        let said = not_learnt("the supernet", &[0.012, 0.010], 100, 1000).unwrap();
        let wanted = "the supernet has not learnt: top-1 of 2 sub-networks (mean) is 1.1 % on 1000 \
                      images, and chance is 1.0 +- 0.6 %";
        assert_eq!(said, wanted);
        assert_eq!(not_learnt("the supernet", &[0.03, 0.02], 100, 1000), None);
        assert!(
            not_learnt("4-8", &[0.18], 10, 50).unwrap().starts_with("4-8 has not learnt: top-1 is")
        );
        assert_eq!(not_learnt("4-8", &[0.19], 10, 50), None);
        assert_eq!(not_learnt("4-8", &[], 10, 50), None);
    }
}

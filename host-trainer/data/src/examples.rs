//! The items of a training update: augmented images, and targets with label smoothing, weights of
//! classes and mixup.

use rand::distr::Distribution as _;
use rand_distr::Beta;
use rayon::prelude::*;
use supernano_base::config::{Augmentation, ClassWeights, LossConfig, WeightRule};
use supernano_base::objective::Objective;
use supernano_base::rng::{Key, Purpose};

use crate::Dataset;

/// What an update trains on.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Normalised images, `[n, channels, height, width]`.
    pub pixels: Vec<f32>,
    /// Classes, `[n]`.
    pub labels: Vec<u16>,
    /// Targets, `[n, outputs]`, each row times the weight of its item; none if the classes alone decide.
    pub targets: Vec<f32>,
    /// Weights of the losses of the items, `[n]`; none if all are 1.
    pub weights: Vec<f32>,
}

/// Makes the items of updates.
#[derive(Clone, Debug)]
pub struct ExampleMaker<'a> {
    dataset: &'a Dataset,
    augmentation: Augmentation,
    smoothing: f32,
    /// The weight of each class; none if all are 1.
    weights: Vec<f32>,
}

impl<'a> ExampleMaker<'a> {
    /// Items of a set with these settings.
    pub fn new(dataset: &'a Dataset, augmentation: Augmentation, loss: &LossConfig) -> Self {
        let smoothing = loss.label_smoothing;
        let weights = match &loss.class_weights {
            None => Vec::new(),
            Some(ClassWeights::Each(weights)) => weights.clone(),
            Some(ClassWeights::Rule(WeightRule::Balanced)) => balanced(dataset),
        };
        Self { dataset, augmentation, smoothing, weights }
    }

    /// The training items at `indices`. With mixup, item `k` of `n` is blended with item `n - 1 - k`; the
    /// share depends on `key` and on the item alone.
    pub fn examples(&self, indices: &[u32], key: Key) -> Examples {
        let dataset = self.dataset;
        let mut pixels = dataset.augmented(indices, &self.augmentation, key);
        let labels = dataset.labels(indices);
        let shares = self.shares(indices, key);
        let classes = dataset.objective == Objective::Classes;
        let soft = self.smoothing > 0.0 || !self.weights.is_empty() || !shares.is_empty();
        if classes && !soft {
            return Examples { pixels, labels, targets: Vec::new(), weights: Vec::new() };
        }
        blend(&mut pixels, &shares);
        let mut weights: Vec<f32> = match self.weights.is_empty() {
            true => Vec::new(),
            false => labels.iter().map(|&label| self.weights[usize::from(label)]).collect(),
        };
        let mut targets = match classes {
            true => self.rows(&labels),
            // Those of reconstructions are the blended images.
            false => dataset.targets(&dataset.train, indices, &pixels),
        };
        if dataset.objective != Objective::Reconstruction {
            blend(&mut targets, &shares);
        }
        blend(&mut weights, &shares);
        Examples { pixels, labels, targets, weights }
    }

    /// The target of each item, smoothed and times the weight of its class, `[n, classes]`.
    fn rows(&self, labels: &[u16]) -> Vec<f32> {
        let classes = self.dataset.classes.len();
        let mut rows = vec![self.smoothing / classes as f32; labels.len() * classes];
        for (row, &label) in rows.chunks_exact_mut(classes).zip(labels) {
            row[usize::from(label)] += 1.0 - self.smoothing;
            if let Some(weight) = self.weights.get(usize::from(label)) {
                row.iter_mut().for_each(|t| *t *= weight);
            }
        }
        rows
    }

    /// The share of each item in its blend, `[n]`; none without mixup.
    fn shares(&self, indices: &[u32], key: Key) -> Vec<f32> {
        let mixup = self.augmentation.mixup;
        let Some(beta) = (mixup > 0.0).then(|| Beta::new(mixup, mixup).ok()).flatten() else {
            return Vec::new();
        };
        let share = |&i: &u32| beta.sample(&mut key.rng(Purpose::Mix, i.into()));
        indices.iter().map(share).collect()
    }
}

/// Blends row `k` of `n` with row `n - 1 - k`, by the share of each row `k`. Without shares the rows stay.
fn blend(rows: &mut [f32], shares: &[f32]) {
    if shares.is_empty() || rows.is_empty() {
        return;
    }
    let n = shares.len();
    let size = rows.len() / n;
    let before = rows.to_vec();
    rows.par_chunks_exact_mut(size).enumerate().for_each(|(k, row)| {
        let other = &before[(n - 1 - k) * size..(n - k) * size];
        for (x, y) in row.iter_mut().zip(other) {
            *x = shares[k] * *x + (1.0 - shares[k]) * y;
        }
    });
}

/// The weight of each class under [`WeightRule::Balanced`].
fn balanced(dataset: &Dataset) -> Vec<f32> {
    let mut counts = vec![0usize; dataset.classes.len()];
    dataset.train.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let (n, classes) = (dataset.train.len() as f32, counts.len() as f32);
    counts.into_iter().map(|count| n / (classes * count.max(1) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use supernano_base::images::Images;
    use supernano_core::space::Shape;

    use super::*;

    /// Three classes with 3, 2 and 1 images of one pixel.
    fn dataset() -> Dataset {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let images = Images::new(shape, vec![0, 51, 102, 153, 204, 255], vec![0, 0, 0, 1, 1, 2]);
        Dataset {
            name: "t".into(),
            shape,
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            objective: Objective::Classes,
            train: images.clone(),
            validation: images.clone(),
            test: images,
            mean: vec![0.0],
            std: vec![1.0],
            front_end: None,
            window: None,
            notes: Vec::new(),
        }
    }

    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        let near = found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6);
        assert!(near, "{found:?} is not {expected:?}");
    }

    #[test]
    fn plain_items_have_classes_alone() {
        let data = dataset();
        let maker = ExampleMaker::new(&data, Augmentation::NONE, &LossConfig::default());
        let found = maker.examples(&[5, 1], Key::new(1));
        let expected = data.augmented(&[5, 1], &Augmentation::NONE, Key::new(1));
        assert_eq!((found.pixels, found.labels), (expected, vec![2, 0]));
        assert!(found.targets.is_empty() && found.weights.is_empty());
    }

    #[test]
    fn smoothing_and_weights_change_the_targets() {
        let data = dataset();
        let smooth = LossConfig { label_smoothing: 0.3, ..LossConfig::default() };
        let found =
            ExampleMaker::new(&data, Augmentation::NONE, &smooth).examples(&[3], Key::new(1));
        close(&found.targets, &[0.1, 0.8, 0.1]);
        let rule = ClassWeights::Rule(WeightRule::Balanced);
        let both = LossConfig { class_weights: Some(rule), ..smooth };
        // 6 / (3 x 3), 6 / (3 x 2) and 6 / (3 x 1): the mean over the six items is 1.
        let found =
            ExampleMaker::new(&data, Augmentation::NONE, &both).examples(&[0, 3, 5], Key::new(1));
        close(&found.weights, &[2.0 / 3.0, 1.0, 2.0]);
        close(&found.targets[..3], &[0.8 * 2.0 / 3.0, 0.2 / 3.0, 0.2 / 3.0]);
        close(&found.targets[6..], &[0.2, 0.2, 1.6]);
        let each = ClassWeights::Each(vec![1.0, 1.0, 5.0]);
        let each = LossConfig { class_weights: Some(each), ..LossConfig::default() };
        let found = ExampleMaker::new(&data, Augmentation::NONE, &each).examples(&[5], Key::new(1));
        assert_eq!((found.targets, found.weights), (vec![0.0, 0.0, 5.0], vec![5.0]));
    }

    #[test]
    fn mixup_blends_images_targets_and_weights_by_the_same_share() {
        let data = dataset();
        let mixup = Augmentation { mixup: 0.4, ..Augmentation::NONE };
        let each = ClassWeights::Each(vec![1.0, 2.0, 4.0]);
        let loss = LossConfig { class_weights: Some(each), ..LossConfig::default() };
        let maker = ExampleMaker::new(&data, mixup, &loss);
        let key = Key { epoch: 3, ..Key::new(7) };
        // Values 0 and 1 of the classes a and c: the blended value is the share of c.
        let found = maker.examples(&[0, 5], key);
        let [a, c] = [found.pixels[0], found.pixels[1]];
        assert!((0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&c) && a != 1.0 - c);
        close(&found.targets, &[1.0 - a, 0.0, 4.0 * a, 1.0 - c, 0.0, 4.0 * c]);
        close(&found.weights, &[1.0 + 3.0 * a, 1.0 + 3.0 * c]);
        assert_eq!(found, maker.examples(&[0, 5], key));
        // The item in the middle of an odd number is blended with itself.
        let found = maker.examples(&[0, 2, 5], key);
        assert_eq!((found.pixels[0], found.pixels[1]), (a, data.augmented(&[2], &mixup, key)[0]));
        assert_ne!(maker.examples(&[0, 5], Key::new(7)).pixels[0], a);
    }
}

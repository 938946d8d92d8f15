//! Pooling and the classifier.

use super::{Classifier, Map, Oracle, mulr};

impl Oracle {
    /// Logits `[classes]` of the last feature map.
    pub(super) fn classify(&self, classifier: &Classifier, map: &Map) -> Vec<i128> {
        let pooled = pooled(map);
        let row = map.channels.next_multiple_of(4);
        let mut logits = Vec::with_capacity(self.classes);
        for class in 0..self.classes {
            let mut acc = self.word(classifier.params + 4 * class);
            for (c, value) in pooled.iter().enumerate() {
                acc += self.byte(classifier.weights + class * row + c) * value;
            }
            assert!(acc.abs() < 1 << 31, "a sum leaves 32 bits");
            let multiplier = self.word(classifier.params + 4 * (self.classes + class));
            logits.push(mulr(acc, multiplier));
        }
        logits
    }
}

/// Sum of each channel over 2^s, rounded, with the smallest s for which pixels <= 256 * 2^s.
fn pooled(map: &Map) -> Vec<i128> {
    let pixels = (map.height * map.width) as i128;
    let mut shift = 0;
    while pixels > 256 << shift {
        shift += 1;
    }
    let unit: i128 = 1 << shift;
    let mut pooled = Vec::with_capacity(map.channels);
    for c in 0..map.channels {
        let sum: i128 = map.values.iter().skip(c).step_by(map.channels).sum();
        pooled.push((sum + unit / 2).div_euclid(unit));
    }
    pooled
}

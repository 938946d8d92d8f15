//! How good outputs are that are no classes: errors of numbers, and areas under curves of labels.

use serde::{Deserialize, Serialize};

use crate::images::Images;
use crate::objective::{Objective, ScoreMetric, Spread};
use crate::stats::roc::{auc, average_precision};

/// Measures of the outputs for labelled items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutputQuality {
    /// Number of items.
    pub items: usize,
    /// The score by which networks are compared, and what it is.
    pub score: f64,
    /// The metric of `score`.
    pub metric: Option<ScoreMetric>,
    /// Mean squared error over all items and outputs, in the square of the outputs' unit. Of
    /// reconstructions: of normalised inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
    /// Mean absolute error over all items and outputs, in the outputs' unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// Mean over the labels of the average precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_average_precision: Option<f64>,
    /// Of reconstructions: area under the ROC curve of the mean squared error of an item as the score of
    /// an anomaly. Without normal and anomalous items there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly_auc: Option<f64>,
    /// Measures of each output, if they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OneOutput>,
}

/// Measures of one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneOutput {
    /// Its name.
    pub name: String,
    /// Mean squared error, in the square of its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mse: Option<f64>,
    /// Mean absolute error, in its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// Area under the ROC curve of a label that some items have and some have not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Average precision of a label that some items have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_precision: Option<f64>,
}

/// The scale on which targets are compared, and the names of the outputs.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The meaning of the outputs.
    pub objective: Objective,
    /// Names of the outputs; none for reconstructions.
    pub names: Vec<String>,
    /// Mean of each channel, of pixel / 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of pixel / 255.
    pub std: Vec<f32>,
}

impl Measured {
    /// The measures of a network's integers, each in steps of `scale`; `None` for classes.
    ///
    /// # Shapes
    /// `logits` `[images.len(), outputs]`.
    pub fn integer_quality(
        &self,
        images: &Images,
        logits: &[i32],
        scale: f32,
    ) -> Option<OutputQuality> {
        let real = |&logit: &i32| f64::from(logit) * f64::from(scale);
        self.quality(images, &logits.iter().map(real).collect::<Vec<f64>>())
    }

    /// The measures of outputs in their unit; `None` for classes.
    ///
    /// # Shapes
    /// `outputs` `[images.len(), outputs]`.
    pub fn quality(&self, images: &Images, outputs: &[f64]) -> Option<OutputQuality> {
        let width = outputs.len() / images.len().max(1);
        let unit = |n: usize| vec![Spread { mean: 0.0, std: 1.0 }; n];
        match &self.objective {
            Objective::Classes => None,
            Objective::Labels => Some(self.of_labels(images, outputs, width)),
            Objective::Values(spreads) => {
                let targets: Vec<f64> = images.targets.iter().map(|&t| t.into()).collect();
                Some(self.of_values(images.len(), outputs, &targets, spreads))
            }
            Objective::Reconstruction => {
                let targets = self.inputs(images);
                let mut found = self.of_values(images.len(), outputs, &targets, &unit(width));
                let errors =
                    outputs.chunks_exact(width.max(1)).zip(targets.chunks_exact(width.max(1)));
                let errors: Vec<f64> = errors.map(|(a, b)| mean_square(a, b)).collect();
                let anomalous: Vec<bool> = images.labels.iter().map(|&l| l != 0).collect();
                found.anomaly_auc = auc(&errors, &anomalous);
                Some(found)
            }
        }
    }

    /// The normalised inputs, `[images, channels, height, width]`.
    fn inputs(&self, images: &Images) -> Vec<f64> {
        let channels = usize::from(images.shape.channels);
        let mut out = Vec::with_capacity(images.pixels.len());
        for i in 0..images.len() {
            let image = images.image(i);
            for (c, (&mean, &std)) in self.mean.iter().zip(&self.std).enumerate() {
                let own = image.iter().skip(c).step_by(channels.max(1));
                out.extend(own.map(|&p| f64::from((f32::from(p) / 255.0 - mean) / std)));
            }
        }
        out
    }

    fn of_values(
        &self,
        items: usize,
        outputs: &[f64],
        targets: &[f64],
        spreads: &[Spread],
    ) -> OutputQuality {
        let width = spreads.len().max(1);
        let column = |values: &[f64], o: usize| -> Vec<f64> {
            values.iter().skip(o).step_by(width).copied().collect()
        };
        let (mut error, mut spread) = (0.0, 0.0);
        let mut each = Vec::with_capacity(width);
        for (o, scale) in spreads.iter().enumerate() {
            let (found, wanted) = (column(outputs, o), column(targets, o));
            let mean = wanted.iter().sum::<f64>() / wanted.len().max(1) as f64;
            let own = mean_square(&found, &wanted);
            error += own / scale.std.powi(2);
            spread += mean_square(&wanted, &vec![mean; wanted.len()]) / scale.std.powi(2);
            let absolute = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).sum::<f64>();
            each.push((own, absolute / wanted.len().max(1) as f64));
        }
        let mean = |pick: fn(&(f64, f64)) -> f64| each.iter().map(pick).sum::<f64>() / width as f64;
        let named = self.names.iter().zip(&each).map(|(name, &(mse, mae))| OneOutput {
            name: name.clone(),
            mse: Some(mse),
            mae: Some(mae),
            auc: None,
            average_precision: None,
        });
        OutputQuality {
            items,
            // Equal targets have no variance; that of the training values stands in.
            score: 1.0 - error / if spread > 0.0 { spread } else { width as f64 },
            metric: Some(ScoreMetric::R2),
            mse: Some(mean(|e| e.0)),
            mae: Some(mean(|e| e.1)),
            outputs: named.collect(),
            ..OutputQuality::default()
        }
    }

    fn of_labels(&self, images: &Images, outputs: &[f64], width: usize) -> OutputQuality {
        let mut each = Vec::with_capacity(width);
        for o in 0..width {
            let scores: Vec<f64> = outputs.iter().skip(o).step_by(width).copied().collect();
            let has: Vec<bool> =
                images.targets.iter().skip(o).step_by(width).map(|&t| t > 0.5).collect();
            each.push(OneOutput {
                name: self.names.get(o).cloned().unwrap_or_else(|| o.to_string()),
                mse: None,
                mae: None,
                auc: auc(&scores, &has),
                average_precision: average_precision(&scores, &has),
            });
        }
        let mean = |pick: fn(&OneOutput) -> Option<f64>| {
            let found: Vec<f64> = each.iter().filter_map(pick).collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        };
        OutputQuality {
            items: images.len(),
            score: mean(|o| o.auc).unwrap_or(ScoreMetric::MacroAuc.chance()),
            metric: Some(ScoreMetric::MacroAuc),
            mean_average_precision: mean(|o| o.average_precision),
            outputs: each,
            ..OutputQuality::default()
        }
    }
}

/// Mean squared difference.
fn mean_square(a: &[f64], b: &[f64]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    sum / a.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use supernano_core::space::Shape;

    use super::*;

    fn images(pixels: Vec<u8>, labels: Vec<u16>, targets: Vec<f32>, channels: u16) -> Images {
        Images {
            shape: Shape { height: 1, width: 2, channels },
            pixels: pixels.into(),
            labels,
            targets,
        }
    }

    fn measured(objective: Objective, names: &[&str]) -> Measured {
        let names = names.iter().map(|&name| name.into()).collect();
        Measured { objective, names, mean: vec![0.0, 0.5], std: vec![1.0, 0.5] }
    }

    #[test]
    fn errors_of_numbers_are_in_their_units() {
        let spreads = vec![Spread { mean: 1.0, std: 1.0 }, Spread { mean: 20.0, std: 10.0 }];
        let objective = Objective::Values(spreads);
        let set = images(vec![0; 8], vec![0; 2], vec![0.0, 10.0, 2.0, 30.0], 2);
        let found = measured(objective.clone(), &["a", "b"])
            .quality(&set, &[0.0, 10.0, 1.0, 35.0])
            .unwrap();
        assert_eq!((found.mse, found.mae), (Some((0.5 + 12.5) / 2.0), Some((0.5 + 2.5) / 2.0)));
        // The errors 0.5 and 12.5 / 100 over the variances 1 and 1.
        assert!((found.score - (1.0 - 0.625 / 2.0)).abs() < 1e-12, "{}", found.score);
        assert_eq!(found.outputs[1].mae, Some(2.5));
        let perfect = measured(objective.clone(), &["a", "b"])
            .quality(&set, &[0.0, 10.0, 2.0, 30.0])
            .unwrap();
        assert_eq!((perfect.score, perfect.mse), (1.0, Some(0.0)));
    }

    #[test]
    fn anomalies_are_items_that_are_reconstructed_badly() {
        let set = images(vec![0, 255, 0, 255, 255, 0, 255, 0], vec![0, 1], Vec::new(), 2);
        let measured = measured(Objective::Reconstruction, &[]);
        // Channel 0 is 0 and 0, or 1 and 1; channel 1 is 1 and 1, or -1 and -1.
        let targets = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0];
        let perfect = measured.quality(&set, &targets).unwrap();
        assert_eq!((perfect.mse, perfect.anomaly_auc), (Some(0.0), Some(0.5)));
        let mut worse = targets;
        worse[4] = 3.0;
        let found = measured.quality(&set, &worse).unwrap();
        assert_eq!((found.mse, found.anomaly_auc), (Some(0.5), Some(1.0)));
    }

    #[test]
    fn labels_have_the_mean_of_their_areas() {
        let targets = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let set = images(vec![0; 6], vec![0; 3], targets, 1);
        let logits = [3.0, 1.0, -1.0, 0.0, 2.0, 5.0];
        let found = measured(Objective::Labels, &["a", "b"]).quality(&set, &logits).unwrap();
        // No item has the second label, so it has no area.
        assert_eq!((found.outputs[0].auc, found.outputs[1].auc), (Some(1.0), None));
        assert_eq!((found.score, found.mean_average_precision), (1.0, Some(1.0)));
    }
}

//! Losses on logits `[n, classes]`: Eq. 1 and 2 of arXiv 2108.05866, and their forms for networks whose
//! outputs are labels or values ([`Criterion`]).

use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion as _, Tensor, TensorData};
use supernano_core::space::Head;

/// Turns labels `[n]` into rows of 0 and 1, `[n, classes]`.
pub fn one_hot<B: Backend>(labels: &[u16], classes: usize, device: &B::Device) -> Tensor<B, 2> {
    let mut rows = vec![0.0f32; labels.len() * classes];
    for (row, &label) in rows.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(label)] = 1.0;
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

/// Soft targets of a teacher: `softmax(logits / temperature)`, `[n, classes]`.
pub fn soften<B: Backend>(logits: Tensor<B, 2>, temperature: f32) -> Tensor<B, 2> {
    softmax(logits / temperature, 1)
}

/// Targets with each row times the weight of its item, `[n]`; without weights they stay as they are. The
/// losses of classes are linear in their targets, so this weighs the losses.
pub fn weighted<B: Backend>(targets: Tensor<B, 2>, weights: &[f32]) -> Tensor<B, 2> {
    if weights.is_empty() {
        return targets;
    }
    let device = targets.device();
    let column = TensorData::new(weights.to_vec(), [weights.len(), 1]);
    targets * Tensor::from_data(column, &device)
}

/// Mean cross-entropy of the batch with targets `[n, classes]` at a temperature, nats. For soft
/// targets it has the same gradient as KL(target || student).
pub fn cross_entropy<B: Backend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 2>,
    temperature: f32,
) -> Tensor<B, 1> {
    let [n, _] = logits.dims();
    (log_softmax(logits / temperature, 1) * targets).sum() / -(n as f32)
}

/// Eq. 2: `(1 - alpha) CE(student, labels) + alpha CE(student / T, teacher)`.
pub fn distilled<B: Backend>(
    logits: Tensor<B, 2>,
    labels: Tensor<B, 2>,
    teacher: Option<Tensor<B, 2>>,
    alpha: f32,
    temperature: f32,
) -> Tensor<B, 1> {
    match teacher {
        None => cross_entropy(logits, labels, 1.0),
        Some(teacher) if temperature == 1.0 => {
            cross_entropy(logits, labels * (1.0 - alpha) + teacher * alpha, 1.0)
        }
        Some(teacher) => {
            cross_entropy(logits.clone(), labels, 1.0) * (1.0 - alpha)
                + cross_entropy(logits, teacher, temperature) * alpha
        }
    }
}

/// Mean binary cross-entropy over the batch and the labels, with targets from 0 to 1, `[n, labels]`, at
/// a temperature, nats.
pub fn binary_cross_entropy<B: Backend>(
    logits: Tensor<B, 2>,
    targets: Tensor<B, 2>,
    temperature: f32,
) -> Tensor<B, 1> {
    // -(t ln s(z) + (1 - t) ln s(-z)), with ln s(-z) = ln s(z) - z
    let z = logits / temperature;
    (z.clone() * (-targets + 1.0) - log_sigmoid(z)).mean()
}

/// Mean squared error over the batch and the outputs, `[n, outputs]`.
pub fn squared_error<B: Backend>(outputs: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
    let difference = outputs - targets;
    (difference.clone() * difference).mean()
}

/// The loss of a head: how far outputs are from targets, and from the outputs of a teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criterion(pub Head);

impl Criterion {
    /// The targets of images, `[n, outputs]`: `targets` if there are any, else 0 and 1 for `labels` of
    /// that many `outputs`.
    pub fn targets<B: Backend>(
        labels: &[u16],
        targets: &[f32],
        outputs: usize,
        device: &B::Device,
    ) -> Tensor<B, 2> {
        match targets {
            [] => one_hot(labels, outputs, device),
            _ => Tensor::from_data(
                TensorData::new(targets.to_vec(), [labels.len(), outputs]),
                device,
            ),
        }
    }

    /// The loss against the targets alone (Eq. 1).
    pub fn loss<B: Backend>(self, outputs: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        match self.0 {
            Head::Classes => cross_entropy(outputs, targets, 1.0),
            Head::Labels => binary_cross_entropy(outputs, targets, 1.0),
            Head::Values => squared_error(outputs, targets),
        }
    }

    /// The targets that a teacher gives: its probabilities at a temperature, or its values, which have no
    /// temperature.
    pub fn soften<B: Backend>(self, outputs: Tensor<B, 2>, temperature: f32) -> Tensor<B, 2> {
        match self.0 {
            Head::Classes => soften(outputs, temperature),
            Head::Labels => sigmoid(outputs / temperature),
            Head::Values => outputs,
        }
    }

    /// Eq. 2: `(1 - alpha) loss(student, targets) + alpha loss(student / T, teacher)`. Values have no
    /// temperature. The square errors against the targets and the teacher differ from that against their
    /// blend by a constant only, so the gradients are the same.
    pub fn distilled<B: Backend>(
        self,
        outputs: Tensor<B, 2>,
        targets: Tensor<B, 2>,
        teacher: Option<Tensor<B, 2>>,
        alpha: f32,
        temperature: f32,
    ) -> Tensor<B, 1> {
        let Some(teacher) = teacher else { return self.loss(outputs, targets) };
        match self.0 {
            Head::Classes => distilled(outputs, targets, Some(teacher), alpha, temperature),
            Head::Labels => {
                binary_cross_entropy(outputs.clone(), targets, 1.0) * (1.0 - alpha)
                    + binary_cross_entropy(outputs, teacher, temperature) * alpha
            }
            Head::Values => {
                squared_error(outputs.clone(), targets) * (1.0 - alpha)
                    + squared_error(outputs, teacher) * alpha
            }
        }
    }
}

/// Reads the value of a loss back; `None` if it is not finite.
pub fn finite<B: Backend>(value: &Tensor<B, 1>) -> Option<f64> {
    let value: f32 = value.clone().into_scalar().elem();
    value.is_finite().then_some(value.into())
}

#[cfg(test)]
mod tests;

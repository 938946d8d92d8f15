//! Losses on logits `[n, classes]`: Eq. 1 and 2 of arXiv 2108.05866.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion as _, Tensor, TensorData};

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

/// Reads the value of a loss back; `None` if it is not finite.
pub fn finite<B: Backend>(value: &Tensor<B, 1>) -> Option<f64> {
    let value: f32 = value.clone().into_scalar().elem();
    value.is_finite().then_some(value.into())
}

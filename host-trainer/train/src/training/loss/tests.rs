//! Losses and their gradients against plain f64.

use super::*;
use crate::backend::CpuAutodiff as B;

const N: usize = 3;
const OUTPUTS: usize = 4;
const HEADS: [Head; 3] = [Head::Classes, Head::Labels, Head::Values];

/// Values between -limit and limit that repeat nowhere.
fn values(seed: usize, limit: f64) -> Vec<f64> {
    let one = |i: usize| ((i * 7919 + seed * 104_729) % 1000) as f64 / 500.0 - 1.0;
    (0..N * OUTPUTS).map(|i| limit * one(i + 1)).collect()
}

/// Targets that suit a head.
fn targets(head: Head) -> Vec<f64> {
    let any = values(5, 1.0);
    match head {
        Head::Values => any,
        Head::Labels => any.iter().map(|v| f64::from(u8::from(*v > 0.0))).collect(),
        Head::Classes => {
            (0..N * OUTPUTS).map(|i| f64::from(u8::from(i % OUTPUTS == i / OUTPUTS))).collect()
        }
    }
}

fn probabilities(head: Head, row: &[f64], temperature: f64) -> Vec<f64> {
    let exp: Vec<f64> = row.iter().map(|z| (z / temperature).exp()).collect();
    match head {
        Head::Values => row.to_vec(),
        Head::Labels => exp.iter().map(|e| e / (1.0 + e)).collect(),
        Head::Classes => exp.iter().map(|e| e / exp.iter().sum::<f64>()).collect(),
    }
}

fn naive_loss(head: Head, z: &[f64], targets: &[f64], temperature: f64) -> f64 {
    let rows = z.chunks_exact(OUTPUTS).zip(targets.chunks_exact(OUTPUTS));
    let of_row = |(z, t): (&[f64], &[f64])| -> f64 {
        let p = probabilities(head, z, temperature);
        let terms = p.iter().zip(t).map(|(p, t)| match head {
            Head::Classes => -t * p.ln(),
            Head::Labels => -(t * p.ln() + (1.0 - t) * (1.0 - p).ln()),
            Head::Values => (p - t).powi(2),
        });
        let sum: f64 = terms.sum();
        if head == Head::Classes { sum } else { sum / OUTPUTS as f64 }
    };
    rows.map(of_row).sum::<f64>() / N as f64
}

fn naive(head: Head, z: &[f64], teacher: &[f64], alpha: f64, temperature: f64) -> f64 {
    let soft: Vec<f64> = teacher
        .chunks_exact(OUTPUTS)
        .flat_map(|row| probabilities(head, row, temperature))
        .collect();
    (1.0 - alpha) * naive_loss(head, z, &targets(head), 1.0)
        + alpha * naive_loss(head, z, &soft, temperature)
}

fn tensor(values: &[f64]) -> Tensor<B, 2> {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    Tensor::from_data(TensorData::new(values, [N, OUTPUTS]), &Default::default())
}

/// The value and the gradient of a loss.
fn found(z: &[f64], loss: impl Fn(Tensor<B, 2>) -> Tensor<B, 1>) -> (f64, Vec<f64>) {
    let z = tensor(z).require_grad();
    let value = loss(z.clone());
    let gradients = value.backward();
    let gradient = z.grad(&gradients).unwrap().into_data().iter::<f64>().collect();
    (finite(&value).unwrap(), gradient)
}

fn agrees(what: &str, z: &[f64], found: (f64, Vec<f64>), naive: impl Fn(&[f64]) -> f64) {
    const STEP: f64 = 1e-5;
    assert!((found.0 - naive(z)).abs() < 1e-5, "{what}: {} and {}", found.0, naive(z));
    for i in 0..z.len() {
        let moved = |by: f64| {
            let mut z = z.to_vec();
            z[i] += by;
            naive(&z)
        };
        let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!((found.1[i] - expected).abs() < 1e-5, "{what}, {i}: {} {expected}", found.1[i]);
    }
}

#[test]
fn losses_of_all_heads_and_their_gradients_are_those_of_plain_numbers() {
    let z = values(1, 4.0);
    for head in HEADS {
        let criterion = Criterion(head);
        let of = found(&z, |z| criterion.loss(z, tensor(&targets(head))));
        agrees(&format!("{head:?}"), &z, of, |z| naive_loss(head, z, &targets(head), 1.0));
    }
}

#[test]
fn distillation_of_all_heads_is_that_of_plain_numbers() {
    let (z, teacher) = (values(1, 4.0), values(2, 3.0));
    for head in HEADS {
        let criterion = Criterion(head);
        for (alpha, temperature) in [(0.3, 1.0), (0.8, 2.0), (1.0, 1.0), (0.0, 1.0)] {
            let soft = criterion.soften(tensor(&teacher), temperature);
            let loss = |z| {
                let soft = Some(soft.clone());
                criterion.distilled(z, tensor(&targets(head)), soft, alpha, temperature)
            };
            let (a, t) = (f64::from(alpha), f64::from(temperature));
            let what = format!("{head:?}, alpha {alpha}, temperature {temperature}");
            agrees(&what, &z, found(&z, loss), |z| naive(head, z, &teacher, a, t));
        }
    }
}

#[test]
fn large_outputs_of_labels_have_finite_losses() {
    let z: Vec<f64> = (0..N * OUTPUTS).map(|i| if i % 2 == 0 { 500.0 } else { -500.0 }).collect();
    let (loss, gradient) = found(&z, |z| binary_cross_entropy(z, tensor(&[0.0; N * OUTPUTS]), 1.0));
    // Half of the labels are wrong by 500 nats.
    assert_eq!(loss, 250.0);
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}

#[test]
fn targets_are_given_or_made_of_classes() {
    let device = Default::default();
    let given = Criterion::targets::<<B as burn::tensor::backend::AutodiffBackend>::InnerBackend>(
        &[0, 0],
        &[1.0, 2.0, 3.0, 4.0],
        2,
        &device,
    );
    assert_eq!(given.into_data().iter::<f32>().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
    let made = Criterion::targets::<B>(&[1, 0], &[], 2, &device);
    assert_eq!(made.into_data().iter::<f32>().collect::<Vec<_>>(), [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn a_weight_scales_the_loss_and_the_gradient_of_its_item() {
    let device = Default::default();
    let z = values(1, 3.0);
    let tensor = |v: &[f64]| {
        let v: Vec<f32> = v.iter().map(|&v| v as f32).collect();
        Tensor::<B, 2>::from_data(TensorData::new(v, [N, OUTPUTS]), &device)
    };
    let plain = tensor(&targets(Head::Classes));
    assert_eq!(weighted(plain.clone(), &[]).into_data(), plain.clone().into_data());
    let weights = [0.5f32, 2.0, 3.0];
    let logits = tensor(&z).require_grad();
    let loss = cross_entropy(logits.clone(), weighted(plain, &weights), 1.0);
    let found = finite(&loss).unwrap();
    let gradient = logits.grad(&loss.backward()).unwrap().into_data().to_vec::<f32>().unwrap();
    let mut expected = 0.0;
    for (i, row) in z.chunks_exact(OUTPUTS).enumerate() {
        let (p, weight) = (probabilities(Head::Classes, row, 1.0), f64::from(weights[i]));
        expected -= weight * p[i].ln() / N as f64;
        for (o, p) in p.iter().enumerate() {
            let slope = weight * (p - f64::from(u8::from(o == i))) / N as f64;
            let of = f64::from(gradient[i * OUTPUTS + o]);
            assert!((of - slope).abs() < 1e-6, "{i} {o}: {of} is not {slope}");
        }
    }
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

//! Comparisons of weights.

/// The largest difference of two values, or NaN if one is NaN.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
}

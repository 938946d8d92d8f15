use super::*;

/// A sine of `frequency` Hz.
fn sine(rate: u32, frequency: f64, count: usize) -> Vec<i16> {
    let angle = |n: usize| 2.0 * PI * frequency * n as f64 / f64::from(rate);
    (0..count).map(|n| (20_000.0 * angle(n).sin()).round() as i16).collect()
}

/// Largest difference away from the ends.
fn largest_difference(a: &[i16], b: &[i16]) -> i32 {
    let inner = |x: &[i16]| x[x.len() / 4..x.len() * 3 / 4].to_vec();
    inner(a).iter().zip(inner(b)).map(|(a, b)| (i32::from(*a) - i32::from(b)).abs()).max().unwrap()
}

#[test]
fn tones_below_both_halves_keep_their_shape() {
    let pairs =
        [(8000, 16_000), (44_100, 16_000), (16_000, 8000), (22_050, 44_100), (48_000, 7919)];
    for (from, to) in pairs {
        let filter = Resampler::new(from, to);
        let found = filter.run(&sine(from, 1000.0, from as usize / 2));
        let expected = sine(to, 1000.0, found.len());
        assert_eq!(found.len() as u64, filter.length(from as usize / 2), "{from} {to}");
        let difference = largest_difference(&found, &expected);
        assert!(difference < 40, "{from} to {to}: {difference}");
    }
}

#[test]
fn tones_above_half_the_new_rate_vanish() {
    let found = Resampler::new(44_100, 8000).run(&sine(44_100, 9000.0, 20_000));
    assert!(largest_difference(&found, &vec![0; found.len()]) < 40);
}

#[test]
fn equal_rates_change_nothing() {
    let samples = sine(8000, 100.0, 100);
    assert_eq!(Resampler::new(8000, 8000).run(&samples), samples);
    assert!(Resampler::new(8000, 16_000).run(&[]).is_empty());
    assert_eq!(Resampler::new(8000, 16_000).run(&[5]).len(), 2);
}

use super::*;

fn samples(values: Vec<f32>) -> Samples {
    let min = values.iter().copied().fold(0.0, f32::min);
    let max = values.iter().copied().fold(0.0, f32::max);
    Samples { values, min, max }
}

#[test]
fn a_lone_outlier_is_clipped_and_an_even_spread_is_not() {
    let even: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0).collect();
    let (affine, _) = samples(even.clone()).choose(RangeRule::Auto);
    assert!((affine.scale * 255.0 - 1.0).abs() < 0.05, "{affine:?}");
    let mut spiked = even;
    spiked.push(20.0);
    let s = samples(spiked);
    assert!((s.choose(RangeRule::Full).0.scale * 255.0 - 20.0).abs() < 0.1);
    let (affine, rule) = s.choose(RangeRule::Auto);
    assert!(s.error(affine) < s.error(s.full()), "{rule:?}");
    assert!(affine.scale * 255.0 < 10.0, "{affine:?}");
}

#[test]
fn the_ends_move_one_by_one() {
    // 0.1 % of the values far below, the rest evenly from 0 to 1
    let mut values: Vec<f32> = (0..20_000).map(|i| i as f32 / 20_000.0).collect();
    values.push(-8.0);
    let s = samples(values);
    let affine = s.least_error();
    let top = affine.scale * (127.0 - f32::from(affine.zero));
    assert!((top - 1.0).abs() < 0.1, "{affine:?}");
    assert!(affine.scale * 255.0 < 6.0, "{affine:?}");
}

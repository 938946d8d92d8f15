use super::*;

/// A million values evenly from 0 to 1, and one more.
fn with_outlier(outlier: f32) -> Samples {
    let mut values: Vec<f32> = (0..1_000_000).map(|i| i as f32 / 1e6).collect();
    values.push(outlier);
    Samples { values, min: outlier.min(0.0), max: outlier.max(1.0) }
}

#[test]
fn a_lone_outlier_is_clipped_and_an_even_spread_is_not() {
    let (params, _) = with_outlier(1.0).choose(RangeRule::Auto);
    assert!((params.scale * 255.0 - 1.0).abs() < 0.01, "{params:?}");
    let s = with_outlier(3.0);
    assert!((s.choose(RangeRule::Full).0.scale * 255.0 - 3.0).abs() < 0.01);
    let (params, rule) = s.choose(RangeRule::Auto);
    assert!(s.error(params) < 0.6 * s.error(s.full()), "{rule:?}");
    // (3 - h)^2 / 10^6 + h^2 / (12 255^2) is least at h = 1.31
    assert!((1.0..1.6).contains(&(params.scale * 255.0)), "{params:?}");
}

#[test]
fn the_ends_move_one_by_one() {
    let params = with_outlier(-2.0).least_error();
    let top = params.scale * (127.0 - f32::from(params.zero));
    assert!((top - 1.0).abs() < 0.05, "{params:?}");
    assert!(params.scale * 255.0 < 1.6, "{params:?}");
}

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

/// Values of `images` images of `planes` planes of `pixels` pixels. Only the last pixel of a plane is
/// large.
fn planes(images: usize, planes: usize, pixels: usize) -> Vec<f32> {
    (0..images * planes * pixels)
        .map(|i| if i % pixels == pixels - 1 { 4.0 } else { 0.1 })
        .collect()
}

/// Of maps of 64 channels of 25 x 5 pixels in batches of 64 images, every 125th value was a sample:
/// the first pixel of each plane.
#[test]
fn samples_take_every_pixel_and_every_channel() {
    for (channels, pixels) in [(64, 125), (3, 7), (1, 1001), (64, 64), (5, 4096), (1, 1), (9, 45)] {
        let mut samples = Samples::default();
        samples.add(&planes(64, channels, pixels), channels * pixels);
        let taken = samples.values.len() as f64;
        assert!(taken <= 8192.0, "{channels} x {pixels}: {taken}");
        let large = samples.values.iter().filter(|&&v| v > 1.0).count() as f64;
        let expected = taken / pixels as f64;
        assert!((large - expected).abs() <= 0.2 * expected + 2.0, "{pixels}: {large} of {taken}");
        let step = stride(64 * channels * pixels, channels * pixels);
        let mut seen = vec![false; channels * pixels];
        (0..channels * pixels).for_each(|i| seen[i * step % (channels * pixels)] = true);
        assert!(seen.iter().all(|&seen| seen), "{channels} x {pixels}");
    }
}

#[test]
fn a_small_part_of_large_pixels_is_not_clipped() {
    let mut samples = Samples::default();
    samples.add(&planes(64, 64, 125), 64 * 125);
    let (params, rule) = samples.choose(RangeRule::Auto);
    assert!((params.scale * 255.0 - 4.0).abs() < 0.1, "{rule:?} {params:?}");
}

use super::{mulr, multiplier, pool_shift, pooled, pooled_bound, requantise, sat8};

#[test]
fn products_round_half_up() {
    let half = 1 << 30;
    // 2 x 2^30 / 2^32 is half of the last place.
    assert_eq!(mulr(2, half), 1);
    assert_eq!(mulr(-2, half), 0);
    assert_eq!(mulr(1, half), 0);
    assert_eq!(mulr(-3, half), -1);
    assert_eq!(mulr(-1, half), 0);
    assert_eq!(mulr(i32::MIN, i32::MIN), 1 << 30);
    assert_eq!(mulr(i32::MAX, i32::MIN), -(1 << 30) + 1);
}

#[test]
fn saturation_and_the_two_slopes() {
    assert_eq!([-500, -128, 0, 127, 500].map(sat8), [-128, -128, 0, 127, 127]);
    let quarter = 1 << 30;
    assert_eq!(requantise(100, quarter, -quarter, 3), 28);
    assert_eq!(requantise(-100, quarter, -quarter, 3), 28);
    assert_eq!(requantise(-100, quarter, quarter, -128), -128);
}

#[test]
fn multipliers() {
    assert_eq!(multiplier(0.25), Some(1 << 30));
    assert_eq!(multiplier(-0.5), Some(i32::MIN));
    assert_eq!(multiplier(0.5), None);
    assert_eq!(multiplier(-0.51), None);
    assert_eq!(multiplier(f64::NAN), None);
    assert_eq!(multiplier(0.6 / 4_294_967_296.0), Some(1));
    assert_eq!(multiplier(-0.6 / 4_294_967_296.0), Some(-1));
}

#[test]
fn pooling_fits_16_bits() {
    for (pixels, shift) in [(1, 0), (64, 0), (256, 0), (257, 1), (512, 1), (1024, 2), (1025, 3)] {
        assert_eq!(pool_shift(pixels), shift);
        let ends = [-128, 127].map(|q| i64::from(pooled(q * pixels as i32, shift)));
        assert!(ends[0] < 0 && ends[1] > 0);
        assert!(ends.iter().all(|e| e.abs() <= pooled_bound(pixels)));
        assert!(pooled_bound(pixels) <= 32_768);
    }
}

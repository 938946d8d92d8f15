//! The two forms of the half product, and the transform of tones.

use super::*;

#[test]
fn both_forms_of_the_half_product_agree() {
    let values = [i32::MIN, i32::MIN + 1, -65537, -65536, -1, 0, 1, 65535, 65536, i32::MAX];
    for base in values {
        for offset in [-3, 0, 5, 32_767, -32_768, 1 << 20] {
            let b = base.wrapping_add(offset);
            for w in [i16::MIN, -32_767, -1, 0, 1, 2, 12_345, 32_767] {
                assert_eq!(half_short(b, w), half_long(b, w), "{b} {w}");
            }
        }
    }
}

#[test]
fn the_table_is_that_of_the_cosine() {
    for (i, &found) in COSINES.iter().enumerate() {
        let exact = 32768.0 * (core::f64::consts::PI * i as f64 / 512.0).cos();
        assert_eq!(i32::from(found), (exact.round() as i32).min(32767), "{i}");
    }
}

/// A complex tone of magnitude sqrt(2) 2^30 has one bin of that magnitude, and errors elsewhere.
#[test]
fn a_tone_has_one_bin() {
    for bits in [5, 7, 9] {
        let count = 1usize << bits;
        for bin in [0, 1, count / 4, count / 2 + 1, count - 1] {
            let tone = |n: usize| {
                let turn = core::f64::consts::TAU * (n * bin % count) as f64 / count as f64;
                let (sine, cosine) = (turn + core::f64::consts::FRAC_PI_4).sin_cos();
                let largest = 2f64.sqrt() * f64::from(1 << 30);
                [(cosine * largest) as i32, (sine * largest) as i32]
            };
            let order = |i: usize| i.reverse_bits() >> (usize::BITS - bits);
            let mut values: std::vec::Vec<Complex> = (0..count).map(|i| tone(order(i))).collect();
            transform(&mut values);
            for (k, &[re, im]) in values.iter().enumerate() {
                let expected = if k == bin { f64::from(1 << 30) } else { 0.0 };
                let error = (f64::from(re) - expected).hypot(f64::from(im) - expected);
                // Each of the stages rounds its twiddles by 2^-16.
                assert!(error < 2e-5 * f64::from(bits) * f64::from(1 << 30), "{bin} {k}: {error}");
            }
        }
    }
}

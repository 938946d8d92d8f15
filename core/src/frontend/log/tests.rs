//! The logarithm against floating point.

use super::*;

#[test]
fn powers_of_two_are_exact() {
    assert_eq!(log2(0), 0);
    for n in 0..64 {
        assert_eq!(log2(1 << n), n << 16);
    }
    assert_eq!(log2(u64::MAX), (64 << 16) - 1);
}

/// The interpolation errs by less than 2^-14, and the logarithm ascends.
#[test]
fn errors_are_small() {
    let (mut v, mut last) = (1u64, 0);
    while v < u64::MAX / 2 {
        let found = log2(v);
        let exact = (v as f64).log2() * 65536.0;
        assert!((f64::from(found) - exact).abs() < 5.0, "{v}: {found} {exact}");
        assert!(found >= last, "{v}");
        (v, last) = (v + 1 + v / 1000, found);
    }
}

#[test]
fn the_table_is_that_of_the_logarithm() {
    for (i, &found) in LOGARITHMS.iter().enumerate() {
        let exact = 65536.0 * (1.0 + i as f64 / 64.0).log2();
        assert_eq!(f64::from(found), exact.round(), "{i}");
    }
}

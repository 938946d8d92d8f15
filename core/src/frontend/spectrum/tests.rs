//! Magnitudes.

use super::*;

#[test]
fn both_square_roots_agree() {
    for root in [0u32, 1, 2, 181, 16_384, 32_767, 46_340] {
        for n in [root * root, (root * root).saturating_sub(1), root * root + root] {
            assert_eq!(by_digits(n), n.isqrt(), "{n}");
        }
    }
    let mut n = 1u32;
    while n < 1 << 31 {
        assert_eq!(by_digits(n), n.isqrt(), "{n}");
        n += 1 + n / 500;
    }
}

#[test]
fn small_magnitudes_are_exact_and_large_ones_keep_15_bits() {
    assert_eq!(magnitude([0, 0]), 0);
    assert_eq!(magnitude([3, -4]), 5);
    assert_eq!(magnitude([-32_767, 32_767]), 46_339);
    assert_eq!(magnitude([32_768, 0]), 32_768);
    assert_eq!(magnitude([32_769, 0]), 32_768);
    assert_eq!(magnitude([i32::MIN + 1, 0]), 32_767 << 16);
    assert_eq!(magnitude([i32::MAX, i32::MAX]), 46_339 << 16);
}

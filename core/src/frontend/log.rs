//! The binary logarithm, by a table of 64 segments with linear interpolation.

/// Fractional bits of a logarithm.
pub(super) const FRACTION: u32 = 16;
/// Bits of the index of a segment.
const INDEX: u32 = 6;
const SEGMENTS: usize = 1 << INDEX;
/// Bits that interpolate in a segment.
const BETWEEN: u32 = FRACTION - INDEX;

/// `round(2^16 log2(1 + i / 64))` for i from 0 to 64.
static LOGARITHMS: [u32; SEGMENTS + 1] = logarithms();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn logarithms() -> [u32; SEGMENTS + 1] {
    let mut table = [0; SEGMENTS + 1];
    let mut i = 0;
    while i <= SEGMENTS {
        let x = 1.0 + i as f64 / SEGMENTS as f64;
        table[i] = (65536.0 * natural(x) / core::f64::consts::LN_2 + 0.5) as u32;
        i += 1;
    }
    table
}

/// The natural logarithm of a number from 1 to 2, by the series of the inverse hyperbolic tangent.
/// Twenty terms leave an error below 1e-19.
const fn natural(x: f64) -> f64 {
    let y = (x - 1.0) / (x + 1.0);
    let (mut sum, mut power, mut n) = (0.0, y, 1.0);
    while n < 40.0 {
        sum += power / n;
        power *= y * y;
        n += 2.0;
    }
    2.0 * sum
}

/// log2(v) x 2^16, rounded down to a multiple of an interpolated step: at most 64 x 2^16. The
/// logarithm of 0 is that of 1.
#[inline(always)]
pub(super) fn log2(v: u64) -> i32 {
    let v = if v == 0 { 1 } else { v };
    let zeros = v.leading_zeros();
    // The 16 bits behind the leading one. The shift by up to 63 drops no bit that is set.
    let fraction = ((v << zeros) >> (63 - FRACTION)) as u32 & ((1 << FRACTION) - 1);
    let index = (fraction >> BETWEEN) as usize;
    let between = fraction & ((1 << BETWEEN) - 1);
    let entry = |i: usize| LOGARITHMS.get(i).copied().unwrap_or(0);
    let (low, high) = (entry(index), entry(index + 1));
    // The entries ascend by at most 1,466, so the product is below 2^21.
    let step = (high.wrapping_sub(low) * between + (1 << (BETWEEN - 1))) >> BETWEEN;
    (((63 - zeros) << FRACTION) + low + step) as i32
}

#[cfg(test)]
mod tests;

//! The rounding rule of all quantised arithmetic (`core/docs/quantization.md`).
//!
//! Every kernel, on hosts and on devices, computes the same integers as these functions. The
//! exporter makes multipliers with [`multiplier`].

/// The rounded high word of a product, floor((a m + 2^31) / 2^32): one `SMMULR` on a Cortex-M4.
#[inline(always)]
pub const fn mulr(a: i32, m: i32) -> i32 {
    ((a as i64 * m as i64 + (1 << 31)) >> 32) as i32
}

/// Saturates to 8 bits.
#[inline(always)]
pub const fn sat8(v: i32) -> i8 {
    if v < -128 {
        -128
    } else if v > 127 {
        127
    } else {
        v as i8
    }
}

/// Requantises a sum to the output's zero point. Sums from 0 on have the multiplier `positive`,
/// sums below 0 have `negative`. Multipliers are Q0.32: the real factor x 2^32.
#[inline(always)]
pub const fn requantise(sum: i32, positive: i32, negative: i32, zero: i8) -> i8 {
    sat8(zero as i32 + mulr(sum, if sum >= 0 { positive } else { negative }))
}

/// A real factor as a Q0.32 multiplier, rounded half away from zero; `None` for factors outside
/// [-0.5, 0.5) and for NaN.
pub fn multiplier(scale: f64) -> Option<i32> {
    let scaled = scale * 4_294_967_296.0;
    let rounded = if scaled >= 0.0 { scaled + 0.5 } else { scaled - 0.5 };
    // The cast truncates towards zero, which completes the rounding.
    (rounded > -2_147_483_649.0 && rounded < 2_147_483_648.0).then_some(rounded as i32)
}

/// Right shift of the pooled sum: the smallest `s` with `pixels <= 256 << s`.
pub const fn pool_shift(pixels: usize) -> u32 {
    let mut shift = 0;
    while pixels > 256 << shift {
        shift += 1;
    }
    shift
}

/// The pooled value of a channel, from the sum over all pixels.
#[inline(always)]
pub const fn pooled(sum: i32, shift: u32) -> i16 {
    ((sum + ((1 << shift) >> 1)) >> shift) as i16
}

/// Largest magnitude of a pooled value for a tensor with this many pixels.
pub const fn pooled_bound(pixels: usize) -> i64 {
    let shift = pool_shift(pixels);
    (128 * pixels as i64 + ((1 << shift) >> 1)) >> shift
}

#[cfg(test)]
mod tests;

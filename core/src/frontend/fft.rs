//! The Fourier transform of real samples, in 32-bit integers with 16-bit twiddles.
//!
//! N real values are transformed as N/2 complex ones. Every stage halves its result, so values never
//! grow: |z| <= sqrt(2) 2^30 at the start, a rounded twiddle has a magnitude of at most 1 + 2^-15,
//! and the floors of a stage add at most 5. After at most nine stages and the last step, every
//! component is below 1.0004 sqrt(2) 2^30 + 50 < 2^31.

/// Fewest points of a transform.
pub const MIN_FFT: usize = 64;
/// Most points of a transform.
pub const MAX_FFT: usize = 1024;

/// A complex value: real and imaginary part.
pub(super) type Complex = [i32; 2];

/// Entries of a quarter of the circle.
const QUARTER: usize = MAX_FFT / 4;

/// `round(2^15 cos(2 pi i / 1024))`, at most 32767, for i from 0 to 256.
static COSINES: [i16; QUARTER + 1] = cosines();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn cosines() -> [i16; QUARTER + 1] {
    let mut table = [0; QUARTER + 1];
    let mut i = 0;
    while i <= QUARTER {
        let angle = core::f64::consts::PI * i as f64 / (2 * QUARTER) as f64;
        let scaled = 32768.0 * cosine(angle) + 0.5;
        // The cast truncates a positive number, which completes the rounding; it saturates at 32767.
        table[i] = if scaled > 0.0 { scaled as i16 } else { 0 };
        i += 1;
    }
    table
}

/// The cosine of an angle from 0 to pi / 2, by its series. Ten terms leave an error below 1e-14.
const fn cosine(angle: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
    while n < 20.0 {
        term = -term * angle * angle / (n * (n + 1.0));
        sum += term;
        n += 2.0;
    }
    sum
}

/// The twiddle exp(-2 pi j i / 1024) as cosine and sine, for i from 1 to 255.
#[inline(always)]
fn twiddle(i: usize) -> (i16, i16) {
    // The mask shows the compiler that both entries exist.
    let i = i & (QUARTER - 1);
    let entry = |i: usize| COSINES.get(i).copied().unwrap_or(0);
    (entry(i), entry(QUARTER - i))
}

/// True if the core multiplies 32 by 32 bits in an instruction. Of the targets, only Armv6-M does
/// not. It is also the only one without atomic exchanges, which is the difference that Rust tells.
pub(super) const LONG_PRODUCTS: bool =
    cfg!(not(all(target_arch = "arm", not(target_has_atomic = "32"))));

/// floor(b w / 2^16): half of the product of a value and a twiddle.
#[inline(always)]
const fn half(b: i32, w: i16) -> i32 {
    if LONG_PRODUCTS { half_long(b, w) } else { half_short(b, w) }
}

/// One SMULWB with the DSP extension.
#[inline(always)]
const fn half_long(b: i32, w: i16) -> i32 {
    ((b as i64 * w as i64) >> 16) as i32
}

/// From products of 16 bits: b = 2^16 high + low with 0 <= low < 2^16, and both products have at most
/// 31 bits and a sign.
#[inline(always)]
const fn half_short(b: i32, w: i16) -> i32 {
    let (high, low) = (b >> 16, b & 0xffff);
    high * w as i32 + ((low * w as i32) >> 16)
}

/// Half of the product of a value and the twiddle c - j s.
#[inline(always)]
pub(super) const fn turned([re, im]: Complex, (c, s): (i16, i16)) -> Complex {
    [half(re, c) + half(im, s), half(im, c) - half(re, s)]
}

/// Half of a value.
#[inline(always)]
const fn halved([re, im]: Complex) -> Complex {
    [re >> 1, im >> 1]
}

/// The product of a value and -j.
#[inline(always)]
const fn quarter_turn([re, im]: Complex) -> Complex {
    [im, -re]
}

/// A butterfly: `a` becomes a / 2 + t, and `b` becomes a / 2 - t.
#[inline(always)]
fn butterfly(a: &mut Complex, b: &mut Complex, t: Complex) {
    let [re, im] = halved(*a);
    *a = [re + t[0], im + t[1]];
    *b = [re - t[0], im - t[1]];
}

/// Transforms values that lie in bit-reversed order. The result is the transform divided by the
/// number of values, which is a power of two from 4 on.
pub(super) fn transform(values: &mut [Complex]) {
    for four in values.as_chunks_mut::<4>().0 {
        let [a, b, c, d] = four;
        butterfly(a, b, halved(*b));
        butterfly(c, d, halved(*d));
        butterfly(a, c, halved(*c));
        butterfly(b, d, quarter_turn(halved(*d)));
    }
    // The logarithm of a quarter of a group. Groups grow from eight values to all.
    let mut bits = 1;
    while 2 << bits < values.len() {
        let mut rest = &mut *values;
        while let Some((group, after)) = rest.split_at_mut_checked(4 << bits) {
            stage(group, bits);
            rest = after;
        }
        bits += 1;
    }
}

/// Combines the transforms of two halves of `4 << bits` values.
#[inline(always)]
fn stage(group: &mut [Complex], bits: u32) {
    let quarter = 1 << bits;
    let parts = group.split_at_mut_checked(2 * quarter).and_then(|(a, b)| {
        Some((a.split_at_mut_checked(quarter)?, b.split_at_mut_checked(quarter)?))
    });
    let Some(((a0, a1), (b0, b1))) = parts else { return };
    let step = QUARTER >> bits;
    let pairs = a0.iter_mut().zip(b0).zip(a1.iter_mut().zip(b1));
    for (k, ((a, b), (c, d))) in pairs.enumerate() {
        let (t, u) = if k == 0 {
            (halved(*b), halved(*d))
        } else {
            let w = twiddle(k * step);
            (turned(*b, w), turned(*d, w))
        };
        butterfly(a, b, t);
        butterfly(c, d, quarter_turn(u));
    }
}

/// Bin `k` of the transform of N real values, divided by N, from the transform of N/2 complex ones.
/// `k` is at most N/2.
#[inline(always)]
pub(super) fn bin(values: &[Complex], k: usize) -> Complex {
    let half_turn = values.len();
    let value = |i: usize| values.get(i).copied().unwrap_or([0; 2]);
    let wrapped = |i: usize| if i == half_turn { 0 } else { i };
    let ([zr, zi], [yr, yi]) = (value(wrapped(k)), value(wrapped(half_turn.wrapping_sub(k))));
    let odd = [(zi >> 1) + (yi >> 1), (yr >> 1) - (zr >> 1)];
    let quarter = half_turn / 2;
    // The twiddle of a bin is at `k * 1024 / N`, and `quarter` is N / 4.
    let at = |k: usize| twiddle((k * QUARTER) >> quarter.trailing_zeros());
    let turned = match k {
        0 => halved(odd),
        _ if k == half_turn => halved([-odd[0], -odd[1]]),
        _ if k == quarter => quarter_turn(halved(odd)),
        _ if k < quarter => turned(odd, at(k)),
        _ => quarter_turn(turned(odd, at(k - quarter))),
    };
    [(zr >> 2) + (yr >> 2) + turned[0], (zi >> 2) - (yi >> 2) + turned[1]]
}

#[cfg(test)]
mod tests;

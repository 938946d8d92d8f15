//! From the samples of a frame to the logarithms of its mel bands.

use super::fft::{self, Complex};
use super::log::{FRACTION, log2};
use super::sound::Sound;

/// The scale of a window's samples, from their largest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Added to the sum of a band.
    floor: u64,
    /// Subtracted from the logarithm of a band.
    logarithm: i32,
}

impl Scale {
    /// The scale of a description for samples of which `peak`, 1 to 32768, is the largest. With
    /// 16 bits of `peak` and 32 bits of `floor`, the product has 48.
    ///
    /// A band's sum is the real sum x 2^(15 + 16) / N: 15 bits of the window, 16 bits of the weights
    /// and the divisor of the transform.
    pub fn new(sound: &Sound<'_>, peak: u16) -> Self {
        let floor = (u64::from(peak) * u64::from(sound.floor())) >> 8;
        let unit = (31 - sound.fft().trailing_zeros()) << FRACTION;
        Self { floor, logarithm: log2(peak.into()) + unit as i32 }
    }
}

/// Windows the samples, `[window]`, into complex values in bit-reversed order.
pub(super) fn load(sound: &Sound<'_>, samples: &[i16], values: &mut [Complex]) {
    let window = sound.window_table();
    // |sample| <= 2^15 and the coefficient is at most 2^15: the product is at most 2^30.
    let one = |i: usize| match (samples.get(i), window.get(i)) {
        (Some(&sample), Some(&w)) => i32::from(sample) * i32::from(w),
        _ => 0,
    };
    let unused = (values.len() as u32).leading_zeros() + 1;
    for (i, value) in values.iter_mut().enumerate() {
        let source = ((i as u32).reverse_bits() >> unused) as usize;
        *value = [one(2 * source), one(2 * source + 1)];
    }
}

/// The magnitude of a bin: the floor of the square root of the squares of both parts, of which 15
/// bits are kept. The parts are below 2^31.
#[inline(always)]
fn magnitude([re, im]: Complex) -> u32 {
    let (re, im) = (re.unsigned_abs(), im.unsigned_abs());
    // The smallest shift for which both are below 2^15, so that the sum of squares is below 2^31.
    let shift = 17u32.saturating_sub((re | im).leading_zeros());
    let (re, im) = (re >> shift, im >> shift);
    square_root(re * re + im * im) << shift
}

/// The floor of the square root of a number below 2^31.
#[inline(always)]
fn square_root(n: u32) -> u32 {
    // The library's function divides, which takes long on the cores without long products.
    if fft::LONG_PRODUCTS { n.isqrt() } else { by_digits(n) }
}

/// The floor of the square root of a number below 2^31, one binary digit after the other.
fn by_digits(mut rest: u32) -> u32 {
    let (mut root, mut digit) = (0, 1 << 30);
    while digit != 0 {
        let tried = root + digit;
        root >>= 1;
        if rest >= tried {
            rest -= tried;
            root += digit;
        }
        digit >>= 2;
    }
    root
}

/// Writes the logarithms `[bands]` of a frame's mel bands, in units of 2^-16.
///
/// A weight is below 2^16 and a magnitude below 2^31. A band has at most 513 bins, so its sum is
/// below 2^57, and the floor adds less than 2^40. A logarithm is at most 58 x 2^16. What `scale`
/// subtracts lies between 21 x 2^16 and 40 x 2^16. So the magnitude of the result is below 2^22.
pub(super) fn bands(sound: &Sound<'_>, scale: Scale, values: &[Complex], logarithms: &mut [i32]) {
    let edges = sound.edges();
    let mut weights = sound.weights().iter();
    let mut k = edges.first().map_or(0, |&first| usize::from(first));
    let mut rising = 0u64;
    // Segment i lies between the centres of bands i - 1 and i.
    let mut logarithms = core::iter::once(None).chain(logarithms.iter_mut().map(Some));
    for &end in edges.iter().skip(1) {
        let mut falling = rising;
        rising = 0;
        while k < usize::from(end) {
            let Some(&weight) = weights.next() else { break };
            let value = u64::from(magnitude(fft::bin(values, k)));
            let up = value * u64::from(weight);
            rising += up;
            falling += (value << 16) - up;
            k += 1;
        }
        if let Some(Some(logarithm)) = logarithms.next() {
            *logarithm = log2(falling + scale.floor) - scale.logarithm;
        }
    }
}

#[cfg(test)]
mod tests;

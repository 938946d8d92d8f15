//! Arithmetic on the two 16-bit halves of a word, named after instructions of Arm's DSP extension.

/// Sign-extends bytes 0 and 2 to the two halves.
#[inline(always)]
pub(crate) const fn sxtb16(word: u32) -> u32 {
    (word as i8 as i16 as u16 as u32) | ((((word >> 16) as i8 as i16 as u16) as u32) << 16)
}

/// Adds the products of both halves to `sum`.
#[inline(always)]
pub(crate) const fn smlad(a: u32, b: u32, sum: i32) -> i32 {
    let low = a as i16 as i32 * b as i16 as i32;
    let high = (a >> 16) as i16 as i32 * (b >> 16) as i16 as i32;
    sum.wrapping_add(low).wrapping_add(high)
}

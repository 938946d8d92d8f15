//! Cycles, in 32 bits.

/// Cycles from two counters of one crystal: `coarse` is right to a few microseconds in all 32
/// bits, `fine` to the cycle in its 24 bits.
pub const fn combine(coarse: u32, fine: u32) -> u32 {
    let difference = (fine.wrapping_sub(coarse) << 8) as i32 >> 8;
    coarse.wrapping_add_signed(difference)
}

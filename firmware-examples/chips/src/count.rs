//! Cycle counts of 32 bits.

/// Combines two cycle counters that the same crystal drives. `coarse` has 32 bits and an error of a
/// few microseconds. `fine` has 24 bits and no error.
pub const fn combine(coarse: u32, fine: u32) -> u32 {
    let difference = (fine.wrapping_sub(coarse) << 8) as i32 >> 8;
    coarse.wrapping_add_signed(difference)
}

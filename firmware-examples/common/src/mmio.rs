//! Registers of peripherals for which no access crate exists.

use core::ptr;

/// Bytes that the registers of one peripheral occupy.
const BLOCK: usize = 4096;

/// A peripheral with 32-bit registers.
#[derive(Debug)]
pub(crate) struct Peripheral(usize);

impl Peripheral {
    /// The peripheral whose registers begin at `base`.
    ///
    /// # Safety
    /// A peripheral must occupy the 4 KiB from `base` on, `base` must be a multiple of 4, and no read
    /// or write of its registers may change the program's memory.
    pub(crate) const unsafe fn new(base: u32) -> Self {
        Self(base as usize)
    }

    /// Reads the register at `OFFSET`.
    pub(crate) fn read<const OFFSET: usize>(&self) -> u32 {
        const { assert!(OFFSET < BLOCK && OFFSET.is_multiple_of(4)) };
        // SAFETY: the address is in the block and aligned, by the assertion and the contract of `new`
        unsafe { ptr::read_volatile((self.0 + OFFSET) as *const u32) }
    }

    /// Writes the register at `OFFSET`.
    pub(crate) fn write<const OFFSET: usize>(&self, value: u32) {
        const { assert!(OFFSET < BLOCK && OFFSET.is_multiple_of(4)) };
        // SAFETY: the address is in the block and aligned, by the assertion and the contract of `new`,
        // and the write does not change the program's memory
        unsafe { ptr::write_volatile((self.0 + OFFSET) as *mut u32, value) }
    }
}

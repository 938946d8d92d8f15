//! Clocks and serial ports of real chips.
//!
//! Each module sets up the chips of one family. The registers are those of the chip's peripheral
//! access crate, and every access goes through a [`Bus`]: the registers of the chip in firmware, a
//! model of the chip in the tests. The model refuses a wrong order of the steps.
//!
//! A Cargo feature selects a chip. Chips with different peripheral access crates can be selected
//! together, because the modules are independent. One build of an access crate knows one chip, so
//! two chips of the same crate need two builds.
#![cfg_attr(not(test), no_std)]

mod bus;
pub mod count;
#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
pub mod nrf52;
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
pub mod rp2;
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re"))]
pub mod stm32f4;
#[cfg(feature = "stm32h743zi")]
pub mod stm32h7;

pub use bus::{Bus, Readable, Register, Registers, Stuck, Writable};
pub use supernano_facts::Board;

/// Bit rate of every board's serial port, baud.
pub const BAUD: u32 = 115_200;

/// A chip on its board.
pub trait Chip {
    /// Board.
    const BOARD: Board;
    /// Clock rate of the core after a reset, Hz.
    const RESET_HZ: u32;

    /// Starts the clocks and returns the clock rate of the core, Hz.
    ///
    /// # Errors
    /// [`Stuck`] if a clock does not start. The core then runs at about [`Self::RESET_HZ`].
    fn start_clocks(bus: &mut impl Bus) -> Result<u32, Stuck>;

    /// Starts the serial port of a core that runs at `hz`.
    ///
    /// # Errors
    /// [`Stuck`] if a peripheral does not leave its reset.
    fn start_port(bus: &mut impl Bus, hz: u32) -> Result<(), Stuck>;

    /// Returns the next byte from the serial port, if there is one.
    fn receive(bus: &mut impl Bus) -> Option<u8>;

    /// Sends a byte over the serial port. Waits while the port is busy.
    fn send(bus: &mut impl Bus, byte: u8);
}

/// Starts the clocks and the serial port, and returns the clock rate of the core, Hz. If a clock
/// does not start, the port starts at the clock rate after a reset, so that the firmware can report
/// the failure.
///
/// # Errors
/// [`Stuck`] with the register that did not reach the expected state.
pub fn start<C: Chip>(bus: &mut impl Bus) -> Result<u32, Stuck> {
    let started = C::start_clocks(bus);
    C::start_port(bus, started.unwrap_or(C::RESET_HZ))?;
    started
}

#[cfg(test)]
mod tests;

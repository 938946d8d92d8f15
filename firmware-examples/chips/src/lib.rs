//! How a real chip is set up: clocks and serial port. A feature chooses the chip; its registers come from
//! its peripheral access crate, and every access goes through a [`Bus`]: on the chip that is the
//! registers themselves, in the tests a model that refuses a wrong order.
#![no_std]

mod bus;
pub mod count;

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
#[path = "nrf52.rs"]
mod chip;
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
#[path = "rp2.rs"]
mod chip;
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re"))]
#[path = "stm32f4.rs"]
mod chip;
#[cfg(feature = "stm32h743zi")]
#[path = "stm32h7.rs"]
mod chip;

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
pub use nrf_pac as pac;
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
pub use rp_pac as pac;
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re", feature = "stm32h743zi"))]
pub use stm32_metapac as pac;

#[cfg(not(any(
    feature = "nrf52833",
    feature = "nrf52840",
    feature = "rp2040",
    feature = "rp235x",
    feature = "stm32f407vg",
    feature = "stm32f446re",
    feature = "stm32h743zi"
)))]
compile_error!("a feature of supernano-chips must choose the chip");

pub use bus::{Bus, Registers, Stuck};
#[cfg(feature = "rp2040")]
pub use chip::microseconds;
pub use chip::{BOARD, RESET_HZ, receive, send};
pub use supernano_facts::Board;

/// Rate of every board's serial port, baud.
pub const BAUD: u32 = 115_200;

/// Sets up clocks and serial port and returns the core's rate, Hz. Where the clocks fail the port still
/// starts, for the rate after reset, so that it can be said.
///
/// # Errors
/// [`Stuck`], with the register that did not answer.
pub fn start(bus: &mut impl Bus) -> Result<u32, Stuck> {
    let started = chip::start_clocks(bus);
    chip::start_port(bus, started.unwrap_or(RESET_HZ))?;
    started
}

#[cfg(test)]
mod tests;

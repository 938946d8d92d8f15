//! What distinguishes real boards: memory, clocks and serial port, as numbers, and the steps that
//! set a chip up, over a [`Bus`]: on the chip that is its registers, in the tests a model that
//! refuses a wrong order.
#![no_std]

mod board;
mod bus;
pub mod count;
#[cfg(any(test, feature = "model"))]
pub mod model;
pub mod nrf52;
pub mod rp2;
pub mod stm32f4;
pub mod stm32h7;

pub use board::{
    BOARDS, Board, Counter, F4_DISCOVERY, MICROBIT_V2, NRF52840_DK, NUCLEO_F446RE, NUCLEO_H743ZI,
    PICO, PICO2, Region, Setup,
};
pub use bus::{Bus, Stuck};

/// Rate of every board's serial port, baud.
pub const BAUD: u32 = 115_200;

#[cfg(test)]
mod tests;

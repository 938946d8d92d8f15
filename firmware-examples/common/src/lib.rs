//! The parts that the firmware of all boards shares. A board's package names its chip or machine and
//! the sizes of its buffers.
#![no_std]

mod agent;
mod built_in;
mod classify;
mod counter;
mod listen;
mod mmio;
pub mod mps2;
pub mod nrf51;
mod placed;
mod real;
pub mod report;
mod rtt;
mod stack;
mod text;

pub use agent::{Port, serve};
pub use built_in::classify_built_in;
pub use classify::classify;
pub use cortex_m::singleton;
pub use cortex_m_rt::entry;
pub use counter::{Counter, counted};
pub use listen::listen;
pub use placed::{flashed, loaded};
pub use real::{OnBoard, Real};
pub use stack::{depth, free};
pub use supernano_chips as chips;
pub use supernano_runtime::Memory;

#[cfg(feature = "log")]
use defmt_semihosting as _;

/// Stops the program.
pub fn halt() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::bkpt();
    }
}

//! What the boards' firmware shares. A board's own package names its machine and its memory.
#![no_std]

mod agent;
mod builtin;
mod classify;
pub mod mps2;
pub mod nrf51;
#[cfg(feature = "real")]
mod real;
mod rtt;
mod stack;
mod text;

pub use agent::{Port, serve};
pub use builtin::{builtin, stuck};
pub use classify::classify;
#[cfg(feature = "real")]
pub use real::{Real, placed};
pub use stack::{depth, free};

/// The agent of an MPS2 machine: `agent!(M4 { blob: KiB, arena: KiB, image: KiB, placed: KiB })`
/// defines its entry point. The four sizes are those of the buffers, and of the memory at
/// [`mps2::Machine::PLACED`].
#[macro_export]
macro_rules! agent {
    ($machine:ident { blob: $blob:literal, arena: $arena:literal, image: $image:literal,
        placed: $placed:literal $(,)? }) => {
        #[$crate::entry]
        fn main() -> ! {
            let (Some(blob), Some(arena), Some(image)) = (
                $crate::singleton!(: [u32; $blob << 8] = [0; $blob << 8]),
                $crate::singleton!(: [u32; $arena << 8] = [0; $arena << 8]),
                $crate::singleton!(: [u8; $image << 10] = [0; $image << 10]),
            ) else {
                // Only a second call of the entry point comes here.
                loop {}
            };
            let board = $crate::mps2::Mps2::<$crate::mps2::$machine>::start();
            let placed = $crate::mps2::placed::<$crate::mps2::$machine>($placed << 8);
            $crate::serve(board, $crate::Memory { blob, arena, image, placed })
        }
    };
}

/// The built-in network on an MPS2 machine: `classify_builtin!(M4)` defines its entry point.
#[macro_export]
macro_rules! classify_builtin {
    ($machine:ident) => {
        #[$crate::entry]
        fn main() -> ! {
            $crate::builtin(&$crate::mps2::Mps2::<$crate::mps2::$machine>::start(), None)
        }
    };
}

/// True where a board counts cycles, false where instructions.
fn cycles<B: supernano_runtime::Board>() -> bool {
    matches!(B::UNIT, supernano_core::wire::Unit::Cycles)
}

pub use cortex_m::singleton;
pub use cortex_m_rt::entry;
pub use supernano_runtime::Memory;

#[cfg(feature = "log")]
use defmt_semihosting as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::bkpt();
    }
}

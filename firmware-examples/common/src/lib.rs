//! What the boards' firmware shares. A board's own package names its machine and its memory.
#![no_std]

mod agent;
mod classify;
pub mod mps2;
pub mod nrf51;
mod stack;

pub use agent::{Port, serve};
pub use classify::classify;
pub use stack::depth;

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

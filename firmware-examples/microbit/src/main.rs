//! Classifies on a micro:bit, a Cortex-M0 with 16 KiB of RAM: network and images lie in its flash
//! from 128 KiB on.
#![no_std]
#![no_main]

use supernano_board::nrf51::Uart;

/// Flash that holds network and images.
const PLACED: usize = 0x2_0000;
const PLACED_WORDS: usize = (128 << 10) / 4;

#[supernano_board::entry]
fn main() -> ! {
    // SAFETY: flash beyond the program (see memory.x), which nothing writes
    let flash = unsafe { core::slice::from_raw_parts(PLACED as *const u32, PLACED_WORDS) };
    if let Some(memory) = supernano_board::singleton!(: [u32; 2560] = [0; 2560]) {
        supernano_board::classify(&Uart::start(), flash, memory);
    }
    loop {
        core::hint::spin_loop();
    }
}

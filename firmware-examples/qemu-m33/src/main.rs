//! Agent for QEMU's `mps2-an505`, a Cortex-M33 in secure state.
#![no_std]
#![no_main]

use supernano_board::mps2;

enum Machine {}

impl mps2::Machine for Machine {
    const CHIP: &'static str = "mps2-an505";
    const CORE: &'static str = "cortex-m33";
    const CLOCK_HZ: u32 = 20_000_000;
    const UART: usize = 0x5020_0000;
    const TIMER: usize = 0x5000_0000;
    const PLACED: usize = 0x8000_0000;
}

supernano_board::agent!(Machine { blob: 1536, arena: 512, image: 256, placed: 16384 });

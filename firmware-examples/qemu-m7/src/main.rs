//! Agent for QEMU's `mps2-an500`, a Cortex-M7.
#![no_std]
#![no_main]

use supernano_board::mps2;

enum Machine {}

impl mps2::Machine for Machine {
    const CHIP: &'static str = "mps2-an500";
    const CORE: &'static str = "cortex-m7";
    const CLOCK_HZ: u32 = 25_000_000;
    const UART: usize = 0x4000_4000;
    const TIMER: usize = 0x4000_0000;
    const PLACED: usize = 0x6000_0000;
}

supernano_board::agent!(Machine { blob: 1536, arena: 512, image: 256, placed: 16384 });

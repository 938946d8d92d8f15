//! Classifies images on a BBC micro:bit v1, a Cortex-M0 with 16 KiB of RAM. The network and the images
//! lie in the upper half of its flash.
#![no_std]
#![no_main]

use supernano_board::nrf51::Uart;
use supernano_board::{classify, entry, halt, loaded, singleton};

/// Working memory of the network.
const WORDS: usize = 2560;

#[entry]
fn main() -> ! {
    if let Some(memory) = singleton!(: [u32; WORDS] = [0; WORDS]) {
        classify(&Uart::start(), loaded(), memory);
    }
    halt()
}

//! Classifies six images on QEMU's `mps3-an547`. Prints class, logits and instructions of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

use supernano_board::mps2::{M55, Mps2};
use supernano_board::{classify_built_in, entry};

#[entry]
fn main() -> ! {
    classify_built_in(&Mps2::<M55>::start(), Ok(()))
}

//! Listens to a built-in recording on QEMU's `mps3-an547`: features, then a network, continuously.
#![no_std]
#![no_main]

use supernano_board::mps2::{M55, Mps2};
use supernano_board::{entry, listen};

#[entry]
fn main() -> ! {
    listen(&Mps2::<M55>::start())
}

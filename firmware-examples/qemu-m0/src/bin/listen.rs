//! Listens to a built-in recording on QEMU's `mps2-an385`: features, then a network, continuously.
#![no_std]
#![no_main]

use supernano_board::mps2::{M0, Mps2};
use supernano_board::{entry, listen};

#[entry]
fn main() -> ! {
    listen(&Mps2::<M0>::start())
}

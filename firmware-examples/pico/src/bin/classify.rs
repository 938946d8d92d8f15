//! Classifies six images on a Raspberry Pi Pico. Prints class, logits and cycles of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

use supernano_board::chips::rp2::Rp2;
use supernano_board::{Real, classify_built_in, entry};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Rp2>::start();
    classify_built_in(&board, clocks)
}

//! Classifies six images on a BBC micro:bit v2. Prints class, logits and cycles of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

use supernano_board::chips::nrf52::Nrf52;
use supernano_board::{Real, classify_built_in, entry};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Nrf52>::start();
    classify_built_in(&board, clocks)
}

//! Classifies six images on an ST NUCLEO-H743ZI. Prints class, logits and cycles of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

use supernano_board::chips::stm32h7::Stm32H7;
use supernano_board::{Real, classify_built_in, entry};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Stm32H7>::start();
    classify_built_in(&board, clocks)
}

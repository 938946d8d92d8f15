//! Classifies six images on an STM32F4-Discovery. Prints class, logits and cycles of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

use supernano_board::chips::stm32f4::Stm32F4;
use supernano_board::{Real, classify_built_in, entry};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Stm32F4>::start();
    classify_built_in(&board, clocks)
}

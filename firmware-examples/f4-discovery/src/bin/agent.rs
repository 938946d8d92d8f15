//! The agent of an STM32F4-Discovery. It answers on the serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

use supernano_board::chips::stm32f4::Stm32F4;
use supernano_board::{Real, buffers, entry, flashed, report, serve};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Stm32F4>::start();
    if let Err(stuck) = clocks {
        // Counts at an unknown clock rate have no meaning.
        report::stuck(&board, stuck);
    }
    let memory = buffers!(blob: 24 KiB, arena: 64 KiB, image: 8 KiB, placed: flashed());
    serve(board, memory)
}

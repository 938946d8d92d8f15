//! The agent of an ST NUCLEO-H743ZI. It answers on the serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

use supernano_board::chips::stm32h7::Stm32H7;
use supernano_board::{Real, buffers, entry, flashed, report, serve};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Stm32H7>::start();
    if let Err(stuck) = clocks {
        // Counts at an unknown clock rate have no meaning.
        report::stuck(&board, stuck);
    }
    let memory = buffers!(blob: 256 KiB, arena: 192 KiB, image: 32 KiB, placed: flashed());
    serve(board, memory)
}

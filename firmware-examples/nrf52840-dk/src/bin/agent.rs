//! The agent of an nRF52840-DK. It answers on the serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

use supernano_board::chips::nrf52::Nrf52;
use supernano_board::{Real, buffers, entry, flashed, report, serve};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Nrf52>::start();
    if let Err(stuck) = clocks {
        // Counts at an unknown clock rate have no meaning.
        report::stuck(&board, stuck);
    }
    let memory = buffers!(blob: 96 KiB, arena: 96 KiB, image: 16 KiB, placed: flashed());
    serve(board, memory)
}

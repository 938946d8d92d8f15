//! The agent of a Raspberry Pi Pico 2. It answers on the serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

use supernano_board::chips::rp2::Rp2;
use supernano_board::{Real, buffers, entry, flashed, report, serve};

#[entry]
fn main() -> ! {
    let (board, clocks) = Real::<Rp2>::start();
    if let Err(stuck) = clocks {
        // Counts at an unknown clock rate have no meaning.
        report::stuck(&board, stuck);
    }
    let memory = buffers!(blob: 224 KiB, arena: 208 KiB, image: 32 KiB, placed: flashed());
    serve(board, memory)
}

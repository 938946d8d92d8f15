//! The agent of QEMU's `mps2-an385`, a Cortex-M3 that runs code for Cortex-M0.
#![no_std]
#![no_main]

use supernano_board::mps2::{M0, Mps2};
use supernano_board::{buffers, entry, loaded, serve};

#[entry]
fn main() -> ! {
    let board = Mps2::<M0>::start();
    let memory = buffers!(blob: 1536 KiB, arena: 512 KiB, image: 256 KiB, placed: loaded());
    serve(board, memory)
}

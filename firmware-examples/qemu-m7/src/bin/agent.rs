//! The agent of QEMU's `mps2-an500`, a Cortex-M7.
#![no_std]
#![no_main]

use supernano_board::mps2::{M7, Mps2};
use supernano_board::{buffers, entry, loaded, serve};

#[entry]
fn main() -> ! {
    let board = Mps2::<M7>::start();
    let memory = buffers!(blob: 1536 KiB, arena: 512 KiB, image: 256 KiB, placed: loaded());
    serve(board, memory)
}

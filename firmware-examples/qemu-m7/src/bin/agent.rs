//! The agent of QEMU's `mps2-an500`, a Cortex-M7.
#![no_std]
#![no_main]

use supernano_board::mps2::{M7, Mps2};
use supernano_board::{buffers, entry, serve};

#[entry]
fn main() -> ! {
    let board = Mps2::<M7>::start();
    serve(board, buffers!(blob: 1536 KiB, arena: 512 KiB, image: 256 KiB))
}

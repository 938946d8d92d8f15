//! The agent of QEMU's `mps3-an547`, a Cortex-M55 in secure state.
#![no_std]
#![no_main]

use supernano_board::mps2::{M55, Mps2};
use supernano_board::{buffers, entry, loaded, serve};

#[entry]
fn main() -> ! {
    let board = Mps2::<M55>::start();
    let memory = buffers!(blob: 1536 KiB, arena: 512 KiB, image: 256 KiB, placed: loaded());
    serve(board, memory)
}

//! Agent for QEMU's `mps2-an386`, a Cortex-M4.
#![no_std]
#![no_main]

supernano_board::agent!(M4 { blob: 1536, arena: 512, image: 256, placed: 16384 });

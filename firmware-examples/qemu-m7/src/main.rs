//! Agent for QEMU's `mps2-an500`, a Cortex-M7.
#![no_std]
#![no_main]

supernano_board::agent!(M7 { blob: 1536, arena: 512, image: 256, placed: 16384 });

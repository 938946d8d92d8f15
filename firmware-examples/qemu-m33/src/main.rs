//! Agent for QEMU's `mps2-an505`, a Cortex-M33 in secure state.
#![no_std]
#![no_main]

supernano_board::agent!(M33 { blob: 1536, arena: 512, image: 256, placed: 16384 });

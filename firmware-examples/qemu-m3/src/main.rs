//! Agent for QEMU's `mps2-an385`, a Cortex-M3.
#![no_std]
#![no_main]

supernano_board::agent!(M3 { blob: 1536, arena: 512, image: 256, placed: 16384 });

//! Agent for QEMU's `mps2-an385`, a Cortex-M3; the code is that of a Cortex-M0.
#![no_std]
#![no_main]

supernano_board::agent!(M0 { blob: 1536, arena: 512, image: 256, placed: 16384 });

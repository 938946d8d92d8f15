//! Agent for a Raspberry Pi Pico 2: answers on its serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

supernano_board::real!(agent { blob: 224, arena: 208, image: 32 });

//! Agent for a Raspberry Pi Pico: answers on its serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

supernano_board::real!(agent { blob: 96, arena: 96, image: 16 });

//! Agent for a Raspberry Pi Pico: answers on its serial port (`docs/boards.md`).
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

supernano_board::real!(PICO, agent { blob: 96, arena: 96, image: 16 });

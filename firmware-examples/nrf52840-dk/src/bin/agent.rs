//! Agent for an nRF52840-DK: answers on its serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(agent { blob: 96, arena: 96, image: 16 });

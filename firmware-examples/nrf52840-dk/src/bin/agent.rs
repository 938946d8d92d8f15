//! Agent for an nRF52840-DK: answers on its serial port (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(NRF52840_DK, agent { blob: 96, arena: 96, image: 16 });

//! Agent for an STM32F4-Discovery: answers on its serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(agent { blob: 24, arena: 64, image: 8 });

//! Agent for an ST NUCLEO-H743ZI: answers on its serial port and over RTT (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(agent { blob: 256, arena: 192, image: 32 });

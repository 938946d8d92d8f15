//! Agent for an ST NUCLEO-H743ZI: answers on its serial port (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(NUCLEO_H743ZI, agent { blob: 256, arena: 192, image: 32 });

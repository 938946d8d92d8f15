//! Agent for an ST NUCLEO-F446RE: answers on its serial port (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(NUCLEO_F446RE, agent { blob: 24, arena: 64, image: 8 });

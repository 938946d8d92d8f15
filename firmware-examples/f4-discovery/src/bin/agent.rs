//! Agent for an STM32F4-Discovery: answers on its serial port (`docs/boards.md`).
#![no_std]
#![no_main]

supernano_board::real!(F4_DISCOVERY, agent { blob: 24, arena: 64, image: 8 });

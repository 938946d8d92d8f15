//! Classifies on an STM32F4-Discovery: network and image are built in.
#![no_std]
#![no_main]

supernano_board::real!(F4_DISCOVERY, classify);

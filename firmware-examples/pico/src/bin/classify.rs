//! Classifies on a Raspberry Pi Pico: network and image are built in.
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

supernano_board::real!(PICO, classify);

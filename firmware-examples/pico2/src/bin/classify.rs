//! Classifies on a Raspberry Pi Pico 2: network and images are built in.
#![no_std]
#![no_main]

#[path = "../boot.rs"]
mod boot;

supernano_board::real!(classify);

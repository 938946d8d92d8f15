//! Classifies on an nRF52840-DK: network and images are built in.
#![no_std]
#![no_main]

supernano_board::real!(classify);

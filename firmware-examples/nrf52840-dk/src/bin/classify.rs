//! Classifies on an nRF52840-DK: network and image are built in.
#![no_std]
#![no_main]

supernano_board::real!(NRF52840_DK, classify);

//! Classifies on a BBC micro:bit v2: network and image are built in.
#![no_std]
#![no_main]

supernano_board::real!(MICROBIT_V2, classify);

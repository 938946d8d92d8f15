//! Classifies on a BBC micro:bit v2: network and images are built in.
#![no_std]
#![no_main]

supernano_board::real!(classify);

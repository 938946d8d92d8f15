//! Classifies on an ST NUCLEO-F446RE: network and image are built in.
#![no_std]
#![no_main]

supernano_board::real!(NUCLEO_F446RE, classify);

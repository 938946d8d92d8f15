//! Classifies on an ST NUCLEO-F446RE: network and images are built in.
#![no_std]
#![no_main]

supernano_board::real!(classify);

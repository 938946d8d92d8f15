//! Classifies on an ST NUCLEO-H743ZI: network and image are built in.
#![no_std]
#![no_main]

supernano_board::real!(NUCLEO_H743ZI, classify);

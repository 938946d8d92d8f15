//! Classifies on an ST NUCLEO-H743ZI: network and images are built in.
#![no_std]
#![no_main]

supernano_board::real!(classify);

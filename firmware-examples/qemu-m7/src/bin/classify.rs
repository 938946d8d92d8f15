//! Classifies on the emulated machine: network and images are built in.
#![no_std]
#![no_main]

supernano_board::classify_builtin!(M7);

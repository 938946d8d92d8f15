//! Classifies on an STM32F4-Discovery: network and images are built in.
#![no_std]
#![no_main]

supernano_board::real!(classify);

//! The nRF51's UART, to send only.

use core::ptr;

use crate::Port;

const BASE: usize = 0x4000_2000;
const START: usize = 0x008;
const SENT: usize = 0x11c;
const ENABLE: usize = 0x500;
const TXD_PIN: usize = 0x50c;
const TXD: usize = 0x51c;
const BAUD: usize = 0x524;

/// A UART that has been started.
#[derive(Debug)]
pub struct Uart(());

fn write(offset: usize, value: u32) {
    // SAFETY: only called with registers of the UART
    unsafe { ptr::write_volatile((BASE + offset) as *mut u32, value) }
}

impl Uart {
    /// Starts it at 115,200 baud, on the micro:bit's pin to USB.
    pub fn start() -> Self {
        write(TXD_PIN, 24);
        write(BAUD, 0x01d7_e000);
        write(ENABLE, 4);
        write(START, 1);
        Self(())
    }
}

impl Port for Uart {
    fn receive(&self) -> Option<u8> {
        None
    }

    fn send(&self, byte: u8) {
        write(SENT, 0);
        write(TXD, u32::from(byte));
        // SAFETY: a register of the UART
        while unsafe { ptr::read_volatile((BASE + SENT) as *const u32) } == 0 {}
    }
}

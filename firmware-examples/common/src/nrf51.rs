//! The transmitter of the nRF51's UART.

use crate::Port;
use crate::mmio::Peripheral;

const START: usize = 0x008;
const SENT: usize = 0x11c;
const ENABLE: usize = 0x500;
const TXD_PIN: usize = 0x50c;
const TXD: usize = 0x51c;
const BAUD: usize = 0x524;

// SAFETY: the nRF51 Series Reference Manual gives UART0 this address; the UART has no DMA
const UART0: Peripheral = unsafe { Peripheral::new(0x4000_2000) };

/// The started UART.
#[derive(Debug)]
pub struct Uart(());

impl Uart {
    /// Starts the UART at 115,200 baud, on the micro:bit's pin to USB.
    pub fn start() -> Self {
        UART0.write::<TXD_PIN>(24);
        UART0.write::<BAUD>(0x01d7_e000);
        UART0.write::<ENABLE>(4);
        UART0.write::<START>(1);
        Self(())
    }
}

impl Port for Uart {
    fn receive(&self) -> Option<u8> {
        None
    }

    fn send(&self, byte: u8) {
        UART0.write::<SENT>(0);
        UART0.write::<TXD>(byte.into());
        while UART0.read::<SENT>() == 0 {}
    }
}

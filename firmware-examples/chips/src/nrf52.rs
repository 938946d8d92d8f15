//! nRF52833 and nRF52840: 64 MHz from the crystal, instruction cache, UART 0.

use crate::{Bus, Stuck};

pub(crate) const HFCLKSTART: u32 = 0x4000_0000;
pub(crate) const HFCLKSTARTED: u32 = 0x4000_0100;
pub(crate) const ICACHECNF: u32 = 0x4001_e540;
const GPIO: u32 = 0x5000_0000;
const UART: u32 = 0x4000_2000;
const RECEIVED: u32 = UART + 0x108;
const SENT: u32 = UART + 0x11c;
pub(crate) const BAUDRATE: u32 = UART + 0x524;

/// Clock of the core, Hz: fixed, from the crystal as from the internal oscillator.
pub const HZ: u32 = 64_000_000;

/// Pins of the serial port: number within a port, plus 32 for port 1.
#[derive(Clone, Copy, Debug)]
pub struct Pins {
    /// Sends; a pin of port 0.
    pub send: u32,
    /// Receives.
    pub receive: u32,
}

/// Starts crystal and instruction cache.
///
/// # Errors
/// [`Stuck`] where the crystal does not start; the internal oscillator goes on.
pub fn start(bus: &mut impl Bus) -> Result<(), Stuck> {
    bus.write(ICACHECNF, 1);
    bus.write(HFCLKSTARTED, 0);
    bus.write(HFCLKSTART, 1);
    bus.wait(HFCLKSTARTED, 1, 1)
}

/// Register that configures a pin.
pub(crate) const fn pin(number: u32) -> u32 {
    GPIO + 0x700 + number / 32 * 0x300 + number % 32 * 4
}

/// Starts the UART.
pub fn start_port(bus: &mut impl Bus, pins: Pins) {
    bus.write(GPIO + 0x508, 1 << pins.send); // idle is high
    bus.write(pin(pins.send), 3);
    bus.write(pin(pins.receive), 3 << 2); // an input, pulled up
    bus.write(UART + 0x50c, pins.send);
    bus.write(UART + 0x514, pins.receive);
    bus.write(BAUDRATE, 0x01d7_e000);
    bus.write(UART + 0x500, 4);
    bus.write(UART, 1);
    bus.write(UART + 0x008, 1);
}

/// The next byte received, if any.
pub fn receive(bus: &mut impl Bus) -> Option<u8> {
    (bus.read(RECEIVED) != 0).then(|| {
        bus.write(RECEIVED, 0);
        bus.read(UART + 0x518) as u8
    })
}

/// Sends a byte and waits until it has left.
pub fn send(bus: &mut impl Bus, byte: u8) {
    bus.write(SENT, 0);
    bus.write(UART + 0x51c, u32::from(byte));
    while bus.read(SENT) == 0 {}
}

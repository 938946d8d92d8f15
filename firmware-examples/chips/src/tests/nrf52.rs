//! nRF52833 and nRF52840. Their core's rate is fixed, so that no order is wrong.

use nrf_pac::UART0;

use super::model::Model;
use crate::RESET_HZ;

const HFCLKSTART: u32 = 0x4000_0000;
const HFCLKSTARTED: u32 = 0x4000_0100;
const RECEIVED: u32 = 0x4000_2108;
const SENT: u32 = 0x4000_211c;

/// Registers that say that a clock runs.
pub const CLOCKS: [u32; 1] = [HFCLKSTARTED];
/// Registers without which the set-up must fail.
pub const STEPS: [u32; 1] = [HFCLKSTART];
/// Nothing depends on the crystal but its accuracy.
pub const WAITS: bool = false;
const RECEIVING: u32 = if cfg!(feature = "nrf52833") { 0x5000_0a20 } else { 0x5000_0720 };
/// Registers after the set-up: crystal, cache, pins, port.
pub const MANUAL: [(u32, u32); 9] = [
    (HFCLKSTART, 1),
    (0x4001_e540, 1),
    (0x5000_0508, 1 << 6),
    (0x5000_0718, 3),
    (RECEIVING, 3 << 2),
    (0x4000_250c, 6),
    (0x4000_2514, if cfg!(feature = "nrf52833") { 40 } else { 8 }),
    (0x4000_2500, 4),
    (0x4000_2000, 1),
];

pub fn reset(_: &mut Model) {}

/// What reading says.
pub fn says(model: &mut Model, address: u32) -> u32 {
    match address {
        HFCLKSTARTED if model.settled(nrf_pac::CLOCK.events_hfclkstarted()) => {
            model.word(HFCLKSTART)
        }
        HFCLKSTARTED => 0,
        SENT => u32::from(model.settled(UART0.events_txdrdy())),
        RECEIVED => model.word(RECEIVED),
        _ => model.word(address),
    }
}

pub fn wrote(model: &mut Model, _: u32) {
    model.core_hz = RESET_HZ;
}

/// The port's rate, baud.
pub fn rate(model: &Model) -> u32 {
    let factor = model.get(UART0.baudrate()).0;
    ((u64::from(factor) * 16_000_000) >> 32) as u32
}

/// A byte arrives.
pub fn arrives(model: &mut Model, byte: u8) {
    model.set(UART0.events_rxdrdy(), 1);
    model.set(UART0.rxd(), nrf_pac::uart::regs::Rxd(byte.into()));
}

/// The byte sent last.
pub fn sent(model: &Model) -> u32 {
    model.get(UART0.txd()).0
}

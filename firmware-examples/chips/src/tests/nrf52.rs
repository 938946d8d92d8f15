//! nRF52833 and nRF52840. The clock rate of the core is fixed, so no order of the steps is wrong.

use nrf_pac::UART0;

use super::model::{Model, Modelled};
use crate::Chip as _;
use crate::nrf52::Nrf52;

const HFCLKSTART: u32 = 0x4000_0000;
const HFCLKSTARTED: u32 = 0x4000_0100;
const RECEIVED: u32 = 0x4000_2108;
const SENT: u32 = 0x4000_211c;
const RECEIVING: u32 = if cfg!(feature = "nrf52833") { 0x5000_0a20 } else { 0x5000_0720 };

impl Modelled for Nrf52 {
    const CLOCKS: &[u32] = &[HFCLKSTARTED];
    const STEPS: &[u32] = &[HFCLKSTART];
    /// Only the accuracy depends on the crystal.
    const WAITS: bool = false;
    /// Crystal, cache, pins and port.
    const MANUAL: &[(u32, u32)] = &[
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

    fn reset(_: &mut Model<Self>) {}

    fn value_at(model: &mut Model<Self>, address: u32) -> u32 {
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

    fn wrote(model: &mut Model<Self>, _: u32) {
        model.core_hz = Self::RESET_HZ;
    }

    fn rate(model: &Model<Self>) -> u32 {
        let factor = model.get(UART0.baudrate()).0;
        ((u64::from(factor) * 16_000_000) >> 32) as u32
    }

    fn arrives(model: &mut Model<Self>, byte: u8) {
        model.set(UART0.events_rxdrdy(), 1);
        model.set(UART0.rxd(), nrf_pac::uart::regs::Rxd(byte.into()));
    }

    fn sent(model: &Model<Self>) -> u32 {
        model.get(UART0.txd()).0
    }
}

suite!(Nrf52);

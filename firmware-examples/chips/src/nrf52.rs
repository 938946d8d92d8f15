//! nRF52833 and nRF52840: 64 MHz from the crystal, instruction cache, UART 0.

use nrf_pac::gpio::vals::{Dir, Input, Pull};
use nrf_pac::uart::vals::{Baudrate, Enable};
use nrf_pac::{CLOCK, NVMC, P0, UART0, gpio};

use crate::{Board, Bus, Chip, Stuck};

/// Pin of port 0 that sends.
const SEND: u8 = 6;
/// Pin that receives, of port 0 or 1.
const RECEIVE: u8 = 8;
/// The port of the pin that receives is port 1.
const PORT_1: bool = cfg!(feature = "nrf52833");
const PORT: gpio::Gpio = if PORT_1 { nrf_pac::P1 } else { P0 };

/// The selected chip of the family.
#[derive(Debug)]
pub enum Nrf52 {}

impl Chip for Nrf52 {
    #[cfg(feature = "nrf52840")]
    const BOARD: Board = supernano_facts::NRF52840_DK;
    #[cfg(feature = "nrf52833")]
    const BOARD: Board = supernano_facts::MICROBIT_V2;

    /// The clock rate is fixed. The crystal and the internal oscillator give the same one.
    const RESET_HZ: u32 = 64_000_000;

    /// Starts the crystal and the instruction cache. If the crystal does not start, the core keeps
    /// the internal oscillator.
    fn start_clocks(bus: &mut impl Bus) -> Result<u32, Stuck> {
        bus.write(NVMC.icachecnf(), |w| w.set_cacheen(true));
        bus.write_value(CLOCK.events_hfclkstarted(), 0);
        bus.write_value(CLOCK.tasks_hfclkstart(), 1);
        bus.wait(CLOCK.events_hfclkstarted(), |started| started == 1)?;
        Ok(Self::RESET_HZ)
    }

    /// Starts the UART. Its bit rate does not depend on the clock of the core, and no step waits.
    fn start_port(bus: &mut impl Bus, _hz: u32) -> Result<(), Stuck> {
        bus.write(P0.outset(), |w| w.set_pin(SEND.into(), true)); // an idle line is high
        bus.write(P0.pin_cnf(SEND.into()), |w| {
            w.set_dir(Dir::Output);
            w.set_input(Input::Disconnect);
        });
        bus.write(PORT.pin_cnf(RECEIVE.into()), |w| {
            w.set_dir(Dir::Input);
            w.set_input(Input::Connect);
            w.set_pull(Pull::Pullup);
        });
        bus.write(UART0.psel().txd(), |w| w.set_pin(SEND));
        bus.write(UART0.psel().rxd(), |w| {
            w.set_pin(RECEIVE);
            w.set_port(PORT_1);
        });
        bus.write(UART0.baudrate(), |w| w.set_baudrate(Baudrate::Baud115200));
        bus.write(UART0.enable(), |w| w.set_enable(Enable::Enabled));
        bus.write_value(UART0.tasks_startrx(), 1);
        bus.write_value(UART0.tasks_starttx(), 1);
        Ok(())
    }

    fn receive(bus: &mut impl Bus) -> Option<u8> {
        (bus.read(UART0.events_rxdrdy()) != 0).then(|| {
            bus.write_value(UART0.events_rxdrdy(), 0);
            bus.read(UART0.rxd()).rxd()
        })
    }

    fn send(bus: &mut impl Bus, byte: u8) {
        bus.write_value(UART0.events_txdrdy(), 0);
        bus.write(UART0.txd(), |w| w.set_txd(byte));
        while bus.read(UART0.events_txdrdy()) == 0 {}
    }
}

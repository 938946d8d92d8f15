//! A real board: its port and its cycle counter.

use cortex_m::Peripherals;
use supernano_chips::{Chip, Registers, Stuck};
use supernano_core::wire::CountUnit;
use supernano_runtime::Board;

use crate::{Counter, Port};

/// The parts of a chip that belong to its core.
pub trait OnBoard: Chip {
    /// Cycle counter.
    type Counter: Counter;

    /// Switches on the caches of the core, if it has any.
    fn prepare(_core: &mut Peripherals) {}
}

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
impl OnBoard for supernano_chips::nrf52::Nrf52 {
    type Counter = crate::counter::dwt::Dwt;
}

#[cfg(feature = "rp2040")]
impl OnBoard for supernano_chips::rp2::Rp2 {
    type Counter = crate::counter::systick::Systick;
}

#[cfg(feature = "rp235x")]
impl OnBoard for supernano_chips::rp2::Rp2 {
    type Counter = crate::counter::dwt::Dwt;
}

#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re"))]
impl OnBoard for supernano_chips::stm32f4::Stm32F4 {
    type Counter = crate::counter::dwt::Dwt;
}

#[cfg(feature = "stm32h743zi")]
impl OnBoard for supernano_chips::stm32h7::Stm32H7 {
    type Counter = crate::counter::dwt::Dwt;

    fn prepare(core: &mut Peripherals) {
        core.SCB.enable_icache();
        core.SCB.enable_dcache(&mut core.CPUID);
    }
}

/// A started board.
#[derive(Debug)]
pub struct Real<C: OnBoard> {
    /// Clock rate of the core, Hz.
    hz: u32,
    counter: C::Counter,
}

impl<C: OnBoard> Real<C> {
    /// Starts clocks, caches, port and counter. The board works even if a clock does not start; the
    /// second value then has the register of that clock.
    pub fn start() -> (Self, Result<(), Stuck>) {
        let started = supernano_chips::start::<C>(&mut Registers);
        let hz = started.unwrap_or(C::RESET_HZ);
        if let Some(mut core) = Peripherals::take() {
            C::prepare(&mut core);
            C::Counter::start(&mut core);
        }
        (Self { hz, counter: C::Counter::new(hz) }, started.map(|_| ()))
    }
}

impl<C: OnBoard> Port for Real<C> {
    fn receive(&self) -> Option<u8> {
        C::receive(&mut Registers)
    }

    fn send(&self, byte: u8) {
        C::send(&mut Registers, byte);
    }
}

impl<C: OnBoard> Board for Real<C> {
    const CHIP: &'static str = C::BOARD.chip.name;
    const CORE: &'static str = C::BOARD.chip.core.name();
    const UNIT: CountUnit = CountUnit::Cycles;

    fn clock_hz(&self) -> u32 {
        self.hz
    }

    fn count(&self) -> u32 {
        self.counter.now()
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| f())
    }

    fn free_ram(&self) -> u32 {
        crate::free()
    }

    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        cortex_m::interrupt::free(|masked| crate::depth(masked, f))
    }
}

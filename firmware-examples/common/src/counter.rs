//! Counters of clock cycles.

use cortex_m::Peripherals;
use supernano_runtime::Board;

/// A counter of the core's clock cycles, modulo 2^32.
pub trait Counter {
    /// Starts the counter.
    fn start(core: &mut Peripherals);

    /// The started counter of a core with this clock rate, Hz.
    fn new(hz: u32) -> Self;

    /// Cycles.
    fn now(&self) -> u32;
}

/// Runs `f` with interrupts masked. Returns its result and its count, in the board's unit.
pub fn counted<B: Board, R>(board: &B, f: impl FnOnce() -> R) -> (R, u32) {
    board.masked(|| {
        let start = board.count();
        let result = f();
        (result, board.count().wrapping_sub(start))
    })
}

/// The counter of the data watchpoint and trace unit. Armv6-M has none.
#[cfg(any(
    feature = "nrf52833",
    feature = "nrf52840",
    feature = "rp235x",
    feature = "stm32f407vg",
    feature = "stm32f446re",
    feature = "stm32h743zi"
))]
pub mod dwt {
    use cortex_m::Peripherals;
    use cortex_m::peripheral::DWT;

    use super::Counter;

    /// The counter.
    #[derive(Debug)]
    pub struct Dwt(());

    impl Counter for Dwt {
        fn start(core: &mut Peripherals) {
            core.DCB.enable_trace();
            DWT::unlock(); // only some cores have this lock
            core.DWT.set_cycle_count(0);
            core.DWT.enable_cycle_counter();
        }

        fn new(_hz: u32) -> Self {
            Self(())
        }

        fn now(&self) -> u32 {
            DWT::cycle_count()
        }
    }
}

/// SysTick, which counts cycles in 24 bits, extended by the RP2040's timer, which counts microseconds
/// in 32 bits.
#[cfg(feature = "rp2040")]
pub mod systick {
    use cortex_m::Peripherals;
    use cortex_m::peripheral::{SYST, syst::SystClkSource};
    use supernano_chips::count::combine;
    use supernano_chips::{Registers, rp2};

    use super::Counter;

    /// SysTick counts down from this value.
    const RELOAD: u32 = 0xff_ffff;

    /// The two counters.
    #[derive(Debug)]
    pub struct Systick {
        hz: u32,
        /// Microseconds and cycles at the start.
        base: (u32, u32),
    }

    impl Counter for Systick {
        fn start(core: &mut Peripherals) {
            core.SYST.set_clock_source(SystClkSource::Core);
            core.SYST.set_reload(RELOAD);
            core.SYST.clear_current();
            core.SYST.enable_counter();
        }

        fn new(hz: u32) -> Self {
            Self { hz, base: (rp2::microseconds(&mut Registers), cycles()) }
        }

        fn now(&self) -> u32 {
            let passed = rp2::microseconds(&mut Registers).wrapping_sub(self.base.0);
            let coarse = passed.wrapping_mul(self.hz / 1_000_000);
            combine(coarse, cycles().wrapping_sub(self.base.1))
        }
    }

    fn cycles() -> u32 {
        RELOAD - SYST::get_current()
    }
}

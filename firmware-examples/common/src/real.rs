//! A real board: its port, its counter, and the network in its flash.

#[cfg(not(feature = "systick"))]
use cortex_m::peripheral::DWT;
#[cfg(feature = "systick")]
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use supernano_chips::{BOARD, RESET_HZ, Registers, Stuck};
use supernano_core::wire::Unit;

use crate::Port;

/// Most that SysTick counts from.
#[cfg(feature = "systick")]
const RELOAD: u32 = 0xff_ffff;

/// The board, started.
#[derive(Debug)]
pub struct Real {
    /// Rate of the core, Hz.
    hz: u32,
    /// Microseconds and SysTick at the start.
    #[cfg(feature = "systick")]
    base: (u32, u32),
}

impl Real {
    /// Sets up clocks, caches, port and counter; also says which clock did not start.
    pub fn start() -> (Self, Result<(), Stuck>) {
        let started = supernano_chips::start(&mut Registers);
        let hz = started.unwrap_or(RESET_HZ);
        if let Some(mut core) = cortex_m::Peripherals::take() {
            #[cfg(feature = "caches")]
            {
                core.SCB.enable_icache();
                core.SCB.enable_dcache(&mut core.CPUID);
            }
            #[cfg(not(feature = "systick"))]
            {
                core.DCB.enable_trace();
                DWT::unlock(); // a lock that only some cores have
                core.DWT.set_cycle_count(0);
                core.DWT.enable_cycle_counter();
            }
            #[cfg(feature = "systick")]
            {
                core.SYST.set_clock_source(SystClkSource::Core);
                core.SYST.set_reload(RELOAD);
                core.SYST.clear_current();
                core.SYST.enable_counter();
            }
        }
        #[cfg(feature = "systick")]
        let this = Self { hz, base: (microseconds(), ticks()) };
        #[cfg(not(feature = "systick"))]
        let this = Self { hz };
        (this, started.map(|_| ()))
    }

    #[cfg(not(feature = "systick"))]
    fn cycles(&self) -> u32 {
        DWT::cycle_count()
    }

    #[cfg(feature = "systick")]
    fn cycles(&self) -> u32 {
        let passed = microseconds().wrapping_sub(self.base.0);
        let coarse = passed.wrapping_mul(self.hz / 1_000_000);
        supernano_chips::count::combine(coarse, ticks().wrapping_sub(self.base.1))
    }
}

#[cfg(feature = "systick")]
fn microseconds() -> u32 {
    supernano_chips::microseconds(&mut Registers)
}

#[cfg(feature = "systick")]
fn ticks() -> u32 {
    RELOAD - SYST::get_current()
}

impl Port for Real {
    fn receive(&self) -> Option<u8> {
        supernano_chips::receive(&mut Registers)
    }

    fn send(&self, byte: u8) {
        supernano_chips::send(&mut Registers, byte);
    }
}

impl supernano_runtime::Board for Real {
    const CHIP: &'static str = BOARD.chip;
    const CORE: &'static str = BOARD.core;
    const UNIT: Unit = Unit::Cycles;

    fn clock_hz(&self) -> u32 {
        self.hz
    }

    fn count(&self) -> u32 {
        self.cycles()
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| f())
    }

    fn free_ram(&self) -> u32 {
        crate::free()
    }

    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        cortex_m::interrupt::free(|_| crate::depth(f))
    }
}

unsafe extern "C" {
    static __supernano_blob_start: u32;
    static __supernano_blob_end: u32;
}

/// The region of flash that may hold a network (`core/docs/wire-format.md`, "placed").
pub fn placed() -> &'static [u32] {
    let (start, end) = (&raw const __supernano_blob_start, &raw const __supernano_blob_end);
    // SAFETY: the linker's symbols bound a region of the flash that the program never writes
    unsafe { core::slice::from_raw_parts(start, (end as usize - start as usize) / 4) }
}

/// Defines a board's entry point: `real!(agent { blob: KiB, arena: KiB, image: KiB })` with the sizes of
/// the agent's buffers, or `real!(classify)`.
#[macro_export]
macro_rules! real {
    (classify) => {
        #[$crate::entry]
        fn main() -> ! {
            let (board, started) = $crate::Real::start();
            $crate::builtin(&board, started.err().map(|stuck| stuck.address))
        }
    };
    (agent { blob: $blob:literal, arena: $arena:literal, image: $image:literal $(,)? }) => {
        #[$crate::entry]
        fn main() -> ! {
            let (Some(blob), Some(arena), Some(image)) = (
                $crate::singleton!(: [u32; $blob << 8] = [0; $blob << 8]),
                $crate::singleton!(: [u32; $arena << 8] = [0; $arena << 8]),
                $crate::singleton!(: [u8; $image << 10] = [0; $image << 10]),
            ) else {
                // Only a second call of the entry point comes here.
                loop {}
            };
            let (board, started) = $crate::Real::start();
            if let Err(stuck) = started {
                $crate::stuck(&board, stuck.address)
            }
            $crate::serve(board, $crate::Memory { blob, arena, image, placed: $crate::placed() })
        }
    };
}

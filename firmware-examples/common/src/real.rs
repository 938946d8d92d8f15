//! A real board: its registers, its port, its counter, and the network in its flash.

use core::marker::PhantomData;
use core::ptr;

use supernano_chips::{Board, Bus, Counter, Stuck, count};
use supernano_core::wire::Unit;

use crate::Port;

/// The chip's registers.
#[derive(Debug)]
pub struct Registers;

impl Bus for Registers {
    fn read(&mut self, address: u32) -> u32 {
        // SAFETY: only called with registers of the chip that the firmware is built for
        unsafe { ptr::read_volatile(address as usize as *const u32) }
    }

    fn write(&mut self, address: u32, value: u32) {
        // SAFETY: only called with registers of the chip that the firmware is built for
        unsafe { ptr::write_volatile(address as usize as *mut u32, value) }
    }
}

/// The board that a firmware is built for.
pub trait Chosen {
    /// Which.
    const BOARD: Board;
}

/// A board whose port has been started.
#[derive(Debug)]
pub struct Real<C> {
    /// Microseconds and SysTick at the start, where they count.
    base: (u32, u32),
    board: PhantomData<C>,
}

const DEMCR: u32 = 0xe000_edfc;
const DWT_CTRL: u32 = 0xe000_1000;
const DWT_CYCCNT: u32 = 0xe000_1004;
const DWT_LAR: u32 = 0xe000_1fb0;
const SYST_CSR: u32 = 0xe000_e010;
const SYST_RVR: u32 = 0xe000_e014;
const SYST_CVR: u32 = 0xe000_e018;

impl<C: Chosen> Real<C> {
    /// Sets up clocks, caches, port and counter; also says which clock did not start.
    pub fn start() -> (Self, Result<(), Stuck>) {
        let bus = &mut Registers;
        let started = C::BOARD.start(bus);
        #[cfg(feature = "caches")]
        caches();
        let mut this = Self { base: (0, 0), board: PhantomData };
        match C::BOARD.counter {
            Counter::Dwt => {
                bus.modify(DEMCR, 0, 1 << 24);
                bus.write(DWT_LAR, 0xc5ac_ce55); // a lock that only some cores have
                bus.write(DWT_CYCCNT, 0);
                bus.modify(DWT_CTRL, 0, 1);
            }
            Counter::SysTick(microseconds) => {
                bus.write(SYST_RVR, 0xff_ffff);
                bus.write(SYST_CVR, 0);
                bus.write(SYST_CSR, 5);
                this.base = (bus.read(microseconds), ticks(bus));
            }
        }
        (this, started)
    }
}

fn ticks(bus: &mut Registers) -> u32 {
    0xff_ffff - (bus.read(SYST_CVR) & 0xff_ffff)
}

#[cfg(feature = "caches")]
fn caches() {
    // SAFETY: called once, before anything else uses the core's peripherals
    let mut core = unsafe { cortex_m::Peripherals::steal() };
    core.SCB.enable_icache();
    core.SCB.enable_dcache(&mut core.CPUID);
}

impl<C: Chosen> Port for Real<C> {
    fn receive(&self) -> u8 {
        loop {
            if let Some(byte) = C::BOARD.receive(&mut Registers) {
                return byte;
            }
        }
    }

    fn send(&self, byte: u8) {
        C::BOARD.send(&mut Registers, byte);
    }
}

impl<C: Chosen> supernano_runtime::Board for Real<C> {
    const CHIP: &'static str = C::BOARD.chip;
    const CORE: &'static str = C::BOARD.core;
    const CLOCK_HZ: u32 = C::BOARD.clock_hz();
    const UNIT: Unit = Unit::Cycles;

    fn count(&self) -> u32 {
        let bus = &mut Registers;
        match C::BOARD.counter {
            Counter::Dwt => bus.read(DWT_CYCCNT),
            Counter::SysTick(microseconds) => {
                let passed = bus.read(microseconds).wrapping_sub(self.base.0);
                let coarse = passed.wrapping_mul(C::BOARD.clock_hz() / 1_000_000);
                count::combine(coarse, ticks(bus).wrapping_sub(self.base.1))
            }
        }
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

/// Defines a board's entry point: `real!(NAME, agent { blob: KiB, arena: KiB, image: KiB })` with the
/// sizes of the agent's buffers, or `real!(NAME, classify)`; NAME is a constant of
/// `supernano_chips`.
#[macro_export]
macro_rules! real {
    ($name:ident, classify) => {
        $crate::real!(@chosen $name);

        #[$crate::entry]
        fn main() -> ! {
            let (board, started) = $crate::Real::<Chosen>::start();
            $crate::builtin(&board, started.err().map(|stuck| stuck.address))
        }
    };
    ($name:ident, agent { blob: $blob:literal, arena: $arena:literal, image: $image:literal $(,)? }) => {
        $crate::real!(@chosen $name);

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
            let (board, started) = $crate::Real::<Chosen>::start();
            if let Err(stuck) = started {
                $crate::stuck(&board, stuck.address)
            }
            $crate::serve(board, $crate::Memory { blob, arena, image, placed: $crate::placed() })
        }
    };
    (@chosen $name:ident) => {
        /// The board that this firmware is for.
        enum Chosen {}

        impl $crate::Chosen for Chosen {
            const BOARD: $crate::chips::Board = $crate::chips::$name;
        }
    };
}

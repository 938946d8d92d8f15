//! QEMU's MPS2 and MPS3 machines: a CMSDK UART, and a timer that counts instructions.
//!
//! With `-icount shift=6` an instruction takes 64 ns of virtual time. A timer with a clock rate of
//! `f` Hz then counts `ticks * 10^9 / (64 f)` instructions: 0.625 for each tick at 25 MHz and 0.78125
//! at 20 MHz. A CMSDK timer has 32 bits and is reset before each measurement, so it can count 2.7 thousand
//! million instructions, more than any network here takes.

use core::marker::PhantomData;

use supernano_core::wire::CountUnit;
use supernano_facts::{self as facts, Timer};
use supernano_runtime::Board;

use crate::Port;
use crate::mmio::Peripheral;

/// A machine of QEMU.
///
/// # Safety
/// The program runs on this machine only, and `FACTS` has the addresses of its CMSDK UART and of its
/// timer.
pub unsafe trait Machine {
    /// Names, clock rate and addresses.
    const FACTS: facts::Machine;
}

macro_rules! machines {
    ($($(#[$doc:meta])* $name:ident = $facts:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        // SAFETY: QEMU's documentation of the machine gives these addresses
        unsafe impl Machine for $name {
            const FACTS: facts::Machine = facts::$facts;
        }
    )*};
}

machines! {
    /// A Cortex-M3 that runs code for Cortex-M0.
    M0 = QEMU_M0;
    /// A Cortex-M3.
    M3 = QEMU_M3;
    /// A Cortex-M4.
    M4 = QEMU_M4;
    /// A Cortex-M7.
    M7 = QEMU_M7;
    /// A Cortex-M33 in secure state.
    M33 = QEMU_M33;
    /// A Cortex-M55 in secure state.
    M55 = QEMU_M55;
}

/// Registers of the CMSDK timer.
mod timer {
    pub const CONTROL: usize = 0x00;
    pub const VALUE: usize = 0x04;
    pub const RELOAD: usize = 0x08;
}

/// Registers of the system counter.
mod system {
    pub const CONTROL: usize = 0x00;
    pub const LOW: usize = 0x08;
    pub const HIGH: usize = 0x0c;
}

/// Registers of the UART.
mod uart {
    pub const DATA: usize = 0x00;
    pub const STATE: usize = 0x04;
    pub const CONTROL: usize = 0x08;
    pub const BAUD: usize = 0x10;
}

/// A started machine.
#[derive(Debug)]
pub struct Mps2<M>(PhantomData<M>);

impl<M: Machine> Mps2<M> {
    // SAFETY: the contract of `Machine`; a CMSDK UART has no DMA
    const UART: Peripheral = unsafe { Peripheral::new(M::FACTS.uart) };
    // SAFETY: the contract of `Machine`; a timer has no DMA
    const TIMER: Peripheral = unsafe { Peripheral::new(Self::TIMER_ADDRESS) };
    const TIMER_ADDRESS: u32 = match M::FACTS.timer {
        Timer::Cmsdk(address) | Timer::System(address) => address,
    };

    /// Starts the UART and the timer.
    pub fn start() -> Self {
        Self::UART.write::<{ uart::BAUD }>(16); // the smallest divisor
        Self::UART.write::<{ uart::CONTROL }>(3); // transmit and receive
        match M::FACTS.timer {
            Timer::Cmsdk(_) => {
                Self::TIMER.write::<{ timer::CONTROL }>(0);
                Self::TIMER.write::<{ timer::RELOAD }>(u32::MAX);
                Self::TIMER.write::<{ timer::VALUE }>(u32::MAX);
                Self::TIMER.write::<{ timer::CONTROL }>(1);
            }
            Timer::System(_) => Self::TIMER.write::<{ system::CONTROL }>(1),
        }
        Self(PhantomData)
    }

    /// Ticks since the start of the timer.
    fn ticks() -> u64 {
        match M::FACTS.timer {
            Timer::Cmsdk(_) => (u32::MAX - Self::TIMER.read::<{ timer::VALUE }>()).into(),
            Timer::System(_) => {
                // The low word wraps every two minutes of virtual time, far from the two reads of
                // a measurement: the high word is read first and never changes in between.
                let high = u64::from(Self::TIMER.read::<{ system::HIGH }>());
                (high << 32) | u64::from(Self::TIMER.read::<{ system::LOW }>())
            }
        }
    }
}

impl<M: Machine> Port for Mps2<M> {
    fn receive(&self) -> Option<u8> {
        let full = Self::UART.read::<{ uart::STATE }>() & 2 != 0;
        full.then(|| Self::UART.read::<{ uart::DATA }>() as u8)
    }

    fn send(&self, byte: u8) {
        while Self::UART.read::<{ uart::STATE }>() & 1 != 0 {}
        Self::UART.write::<{ uart::DATA }>(byte.into());
    }
}

/// Instructions in a second of virtual time.
const A_SECOND: u32 = 1_000_000_000 / 64;

const fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

impl<M: Machine> Board for Mps2<M> {
    const CHIP: &'static str = M::FACTS.board;
    const CORE: &'static str = M::FACTS.core;
    const UNIT: CountUnit = CountUnit::Instructions;

    fn clock_hz(&self) -> u32 {
        M::FACTS.clock_hz
    }

    fn count(&self) -> u32 {
        // `instructions` for every `ticks`, in lowest terms. `ticks` is a power of two.
        let instructions = const { A_SECOND / greatest_divisor(A_SECOND, M::FACTS.clock_hz) };
        let ticks = const { M::FACTS.clock_hz / greatest_divisor(A_SECOND, M::FACTS.clock_hz) };
        (Self::ticks() * u64::from(instructions) / u64::from(ticks)) as u32
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| {
            if matches!(M::FACTS.timer, Timer::Cmsdk(_)) {
                Self::TIMER.write::<{ timer::VALUE }>(u32::MAX); // far from its end
            }
            f()
        })
    }

    fn free_ram(&self) -> u32 {
        crate::free()
    }

    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        cortex_m::interrupt::free(|masked| crate::depth(masked, f))
    }
}

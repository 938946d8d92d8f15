//! QEMU's MPS2 machines: a CMSDK UART, and a CMSDK timer that counts instructions.
//!
//! Under `-icount shift=6` an instruction takes 64 ns of virtual time, so a timer of `CLOCK_HZ`
//! counts `ticks * 10^9 / (64 CLOCK_HZ)` instructions: 5/8 of a tick at 25 MHz, 50/64 at 20 MHz.
//! The timer has 32 bits and is set back before every measurement, so it ends 2.7 thousand million
//! instructions later, beyond any network here.

use core::marker::PhantomData;
use core::ptr;

use supernano_core::wire::Unit;
use supernano_runtime::Board;

use crate::Port;

/// A machine's addresses and names.
pub trait Machine {
    /// QEMU's name of it.
    const CHIP: &'static str;
    /// Core whose code runs on it.
    const CORE: &'static str;
    /// Clock of timer and UART, Hz.
    const CLOCK_HZ: u32;
    /// Base of the UART's registers.
    const UART: usize;
    /// Base of the timer's registers.
    const TIMER: usize;
    /// 16 MiB of PSRAM, which QEMU's `-device loader` can fill before the start.
    const PLACED: usize;
}

macro_rules! machines {
    ($($(#[$doc:meta])* $name:ident: $chip:literal, $core:literal, $clock:literal,
        $uart:literal, $timer:literal, $placed:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl Machine for $name {
            const CHIP: &'static str = $chip;
            const CORE: &'static str = $core;
            const CLOCK_HZ: u32 = $clock;
            const UART: usize = $uart;
            const TIMER: usize = $timer;
            const PLACED: usize = $placed;
        }
    )*};
}

machines! {
    /// A Cortex-M3 that runs code for Cortex-M0: it executes that unchanged.
    M0: "mps2-an385", "cortex-m0 code on a cortex-m3", 25_000_000,
        0x4000_4000, 0x4000_0000, 0x2100_0000;
    /// A Cortex-M3.
    M3: "mps2-an385", "cortex-m3", 25_000_000, 0x4000_4000, 0x4000_0000, 0x2100_0000;
    /// A Cortex-M4.
    M4: "mps2-an386", "cortex-m4", 25_000_000, 0x4000_4000, 0x4000_0000, 0x2100_0000;
    /// A Cortex-M7.
    M7: "mps2-an500", "cortex-m7", 25_000_000, 0x4000_4000, 0x4000_0000, 0x6000_0000;
    /// A Cortex-M33 in secure state; the addresses are those of the secure aliases.
    M33: "mps2-an505", "cortex-m33", 20_000_000, 0x5020_0000, 0x5000_0000, 0x8000_0000;
}

/// A machine that has been started.
#[derive(Debug)]
pub struct Mps2<M>(PhantomData<M>);

/// The words at [`Machine::PLACED`], so many.
pub fn placed<M: Machine>(words: usize) -> &'static [u32] {
    // SAFETY: plain memory of the machine that nothing writes after the start
    unsafe { core::slice::from_raw_parts(M::PLACED as *const u32, words) }
}

fn read(base: usize, offset: usize) -> u32 {
    // SAFETY: only called with registers of a machine's UART and timer
    unsafe { ptr::read_volatile((base + offset) as *const u32) }
}

fn write(base: usize, offset: usize, value: u32) {
    // SAFETY: only called with registers of a machine's UART and timer
    unsafe { ptr::write_volatile((base + offset) as *mut u32, value) }
}

const fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// Registers of the timer.
const VALUE: usize = 0x04;
const RELOAD: usize = 0x08;
/// Registers of the UART.
const DATA: usize = 0x00;
const STATE: usize = 0x04;
const BAUD: usize = 0x10;
/// Register of both.
const UART_CONTROL: usize = 0x08;
const TIMER_CONTROL: usize = 0x00;

impl<M: Machine> Mps2<M> {
    /// Starts UART and timer.
    pub fn start() -> Self {
        write(M::UART, BAUD, 16); // as fast as it goes
        write(M::UART, UART_CONTROL, 3); // transmit and receive
        write(M::TIMER, TIMER_CONTROL, 0);
        write(M::TIMER, RELOAD, u32::MAX);
        write(M::TIMER, VALUE, u32::MAX);
        write(M::TIMER, TIMER_CONTROL, 1);
        Self(PhantomData)
    }
}

impl<M: Machine> Port for Mps2<M> {
    fn receive(&self) -> Option<u8> {
        (read(M::UART, STATE) & 2 != 0).then(|| read(M::UART, DATA) as u8)
    }

    fn send(&self, byte: u8) {
        while read(M::UART, STATE) & 1 != 0 {}
        write(M::UART, DATA, u32::from(byte));
    }
}

impl<M: Machine> Board for Mps2<M> {
    const CHIP: &'static str = M::CHIP;
    const CORE: &'static str = M::CORE;
    const UNIT: Unit = Unit::Instructions;

    fn clock_hz(&self) -> u32 {
        M::CLOCK_HZ
    }

    fn count(&self) -> u32 {
        // Instructions for every so many ticks, in lowest terms: the divisor is a power of two.
        let factor =
            const { 1_000_000_000 / 64 / greatest_divisor(1_000_000_000 / 64, M::CLOCK_HZ) };
        let ticks = const { M::CLOCK_HZ / greatest_divisor(1_000_000_000 / 64, M::CLOCK_HZ) };
        let count = u32::MAX - read(M::TIMER, VALUE);
        (u64::from(count) * u64::from(factor) / u64::from(ticks)) as u32
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| {
            write(M::TIMER, VALUE, u32::MAX); // far from its end
            f()
        })
    }

    fn free_ram(&self) -> u32 {
        crate::free()
    }

    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        cortex_m::interrupt::free(|_| crate::depth(f))
    }
}

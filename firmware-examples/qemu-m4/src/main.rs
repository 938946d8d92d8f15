//! Agent for QEMU's `mps2-an386`: protocol on UART 0, counts from CMSDK timer 0.
//!
//! Under `-icount shift=6` an instruction takes 64 ns of virtual time and the 25 MHz timer ticks
//! every 40 ns, so `ticks * 5 / 8` is the number of retired instructions.
#![no_std]
#![no_main]

use core::ptr;

use cortex_m_rt::entry;
use supernano_core::wire::Unit;
use supernano_runtime::{Agent, Board, Memory};

const UART: usize = 0x4000_4000;
const TIMER: usize = 0x4000_0000;
/// 16 MiB of PSRAM, which QEMU's `-device loader` can fill before the start.
const PLACED: usize = 0x2100_0000;
const PLACED_WORDS: usize = (16 << 20) / 4;

static mut BLOB: [u32; (1536 << 10) / 4] = [0; (1536 << 10) / 4];
static mut ARENA: [u32; (512 << 10) / 4] = [0; (512 << 10) / 4];
static mut IMAGE: [u8; 256 << 10] = [0; 256 << 10];

/// A register of a peripheral.
fn register(base: usize, offset: usize) -> *mut u32 {
    (base + offset) as *mut u32
}

fn read(base: usize, offset: usize) -> u32 {
    // SAFETY: only called with registers of the machine's UART and timer
    unsafe { ptr::read_volatile(register(base, offset)) }
}

fn write(base: usize, offset: usize, value: u32) {
    // SAFETY: only called with registers of the machine's UART and timer
    unsafe { ptr::write_volatile(register(base, offset), value) }
}

struct Mps2;

impl Mps2 {
    /// Starts UART and timer.
    fn start() -> Self {
        write(UART, 0x10, 16); // BAUDDIV: as fast as it goes
        write(UART, 0x08, 3); // CTRL: transmit and receive
        write(TIMER, 0x00, 0);
        write(TIMER, 0x08, u32::MAX); // RELOAD
        write(TIMER, 0x04, u32::MAX); // VALUE
        write(TIMER, 0x00, 1);
        Self
    }
}

impl Board for Mps2 {
    const CHIP: &'static str = "mps2-an386";
    const CORE: &'static str = "cortex-m4";
    const CLOCK_HZ: u32 = 25_000_000;
    const UNIT: Unit = Unit::Instructions;

    fn count(&self) -> u32 {
        let ticks = u32::MAX - read(TIMER, 0x04);
        (u64::from(ticks) * 5 / 8) as u32
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        cortex_m::interrupt::free(|_| {
            write(TIMER, 0x04, u32::MAX); // far from its end
            f()
        })
    }
}

#[entry]
fn main() -> ! {
    // SAFETY: `main` runs once and nothing else names the three buffers; the PSRAM is plain
    // memory that nothing writes
    let memory = unsafe {
        Memory {
            blob: &mut *ptr::addr_of_mut!(BLOB),
            arena: &mut *ptr::addr_of_mut!(ARENA),
            image: &mut *ptr::addr_of_mut!(IMAGE),
            placed: core::slice::from_raw_parts(PLACED as *const u32, PLACED_WORDS),
        }
    };
    let mut agent = Agent::new(Mps2::start(), memory);
    loop {
        while read(UART, 0x04) & 2 == 0 {}
        let byte = read(UART, 0x00) as u8;
        for &byte in agent.receive(byte) {
            while read(UART, 0x04) & 1 != 0 {}
            write(UART, 0x00, u32::from(byte));
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::bkpt();
    }
}

//! A model of the chip: the registers that were written, what those say that follow from them, and a
//! refusal, by panic, of a core clock that flash, voltage or PLL do not allow at that moment.

extern crate std;

use std::collections::BTreeMap;

use super::chip;
use crate::pac::common::{Access, Read, Reg, Write};
use crate::{Bus, RESET_HZ, Stuck};

/// Reads of a status before it says ready: a set-up that does not wait never sees it.
const SETTLES: u32 = 3;

/// A chip.
#[derive(Debug)]
pub struct Model {
    words: BTreeMap<u32, u32>,
    /// Reads of a register since it was written.
    reads: BTreeMap<u32, u32>,
    /// A register that reads as 0.
    pub dead: Option<u32>,
    /// Clock of the core, Hz.
    pub core_hz: u32,
}

/// Address of a register.
pub fn address<T: Copy, A: Access>(register: Reg<T, A>) -> u32 {
    register.as_ptr() as usize as u32
}

#[expect(unsafe_code, reason = "no trait says that the access crates' types are 32 bits")]
fn from_word<T: Copy>(word: u32) -> T {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: the registers used here are transparent wrappers of `u32`, or `u32`
    unsafe { std::mem::transmute_copy(&word) }
}

#[expect(unsafe_code, reason = "no trait says that the access crates' types are 32 bits")]
fn to_word<T: Copy>(value: T) -> u32 {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: the registers used here are transparent wrappers of `u32`, or `u32`
    unsafe { std::mem::transmute_copy(&value) }
}

impl Model {
    /// The chip after its reset.
    pub fn new() -> Self {
        let (words, reads) = (BTreeMap::new(), BTreeMap::new());
        let mut model = Self { words, reads, dead: None, core_hz: RESET_HZ };
        chip::reset(&mut model);
        model
    }

    /// What a register holds, whatever reading it would say.
    pub fn get<T: Copy, A: Access>(&self, register: Reg<T, A>) -> T {
        from_word(self.word(address(register)))
    }

    /// As [`Self::get`], by address.
    pub fn word(&self, address: u32) -> u32 {
        self.words.get(&address).copied().unwrap_or(0)
    }

    /// Puts a value into a register without a write.
    pub fn set<T: Copy, A: Access>(&mut self, register: Reg<T, A>, value: T) {
        self.words.insert(address(register), to_word(value));
    }

    /// What a register says was waited for long enough to be true.
    pub fn settled<T: Copy, A: Access>(&self, register: Reg<T, A>) -> bool {
        self.reads.get(&address(register)).is_some_and(|&n| n >= SETTLES)
    }

    /// What a register says must be waited for anew.
    pub fn unsettle<T: Copy, A: Access>(&mut self, register: Reg<T, A>) {
        self.reads.insert(address(register), 0);
    }
}

impl Bus for Model {
    fn read<T: Copy, A: Read>(&mut self, register: Reg<T, A>) -> T {
        let address = address(register);
        *self.reads.entry(address).or_default() += 1;
        from_word(if self.dead == Some(address) { 0 } else { chip::says(self, address) })
    }

    fn write_value<T: Copy, A: Write>(&mut self, register: Reg<T, A>, value: T) {
        self.unsettle(register);
        self.set(register, value);
        chip::wrote(self, address(register));
    }
}

/// A chip to which the writes of one register are lost.
#[derive(Debug)]
pub struct Losing {
    /// The chip.
    pub model: Model,
    /// The register.
    pub address: u32,
}

impl Bus for Losing {
    fn read<T: Copy, A: Read>(&mut self, register: Reg<T, A>) -> T {
        self.model.read(register)
    }

    fn write_value<T: Copy, A: Write>(&mut self, register: Reg<T, A>, value: T) {
        if address(register) != self.address {
            self.model.write_value(register, value);
        }
    }
}

/// A chip that is never waited for.
#[derive(Debug)]
pub struct Hasty(pub Model);

impl Bus for Hasty {
    fn read<T: Copy, A: Read>(&mut self, register: Reg<T, A>) -> T {
        self.0.read(register)
    }

    fn write_value<T: Copy, A: Write>(&mut self, register: Reg<T, A>, value: T) {
        self.0.write_value(register, value);
    }

    fn wait<T: Copy, A: Read>(&mut self, _: Reg<T, A>, _: impl Fn(T) -> bool) -> Result<(), Stuck> {
        Ok(())
    }
}

//! A model of a chip. It stores written registers, derives the registers that depend on them, and
//! panics if the core switches to a clock that flash, voltage or PLL do not allow at that moment.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use crate::{Bus, Chip, Readable, Register, Stuck, Writable};

/// Reads of a status register before it reports `ready`. A set-up that does not wait never sees it.
const SETTLES: u32 = 3;

/// A chip with a model.
pub trait Modelled: Chip + Sized {
    /// Registers that report that a clock runs.
    const CLOCKS: &[u32];
    /// Registers without which the set-up must fail.
    const STEPS: &[u32];
    /// The set-up must fail if it does not wait.
    const WAITS: bool;
    /// Addresses and values of registers after the set-up, from the reference manual.
    const MANUAL: &[(u32, u32)];

    /// Gives registers their values after a reset.
    fn reset(model: &mut Model<Self>);

    /// Value that a read of an address returns.
    fn value_at(model: &mut Model<Self>, address: u32) -> u32;

    /// Reacts to the write of an address.
    fn wrote(model: &mut Model<Self>, address: u32);

    /// Bit rate of the port, baud.
    fn rate(model: &Model<Self>) -> u32;

    /// Puts a byte into the receiver.
    fn arrives(model: &mut Model<Self>, byte: u8);

    /// The byte that was sent last.
    fn sent(model: &Model<Self>) -> u32;
}

/// The state of a chip.
#[derive(Debug)]
pub struct Model<C> {
    words: BTreeMap<u32, u32>,
    /// Reads of each register since its last write.
    reads: BTreeMap<u32, u32>,
    /// A register that always reads as 0.
    pub dead: Option<u32>,
    /// Clock rate of the core, Hz.
    pub core_hz: u32,
    chip: PhantomData<C>,
}

#[expect(unsafe_code, reason = "the access crates offer no conversion from u32")]
fn from_word<T: Copy>(word: u32) -> T {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: `T` is the value type of a 32-bit register of an access crate: `u32` or a transparent
    // wrapper of it, for which every bit pattern is valid. The size is checked above.
    unsafe { std::mem::transmute_copy(&word) }
}

#[expect(unsafe_code, reason = "the access crates offer no conversion to u32")]
fn to_word<T: Copy>(value: T) -> u32 {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: as in `from_word`; the type has no padding, so all four bytes are initialised
    unsafe { std::mem::transmute_copy(&value) }
}

impl<C: Modelled> Model<C> {
    /// The chip after a reset.
    pub fn new() -> Self {
        let (words, reads) = (BTreeMap::new(), BTreeMap::new());
        let mut model = Self { words, reads, dead: None, core_hz: C::RESET_HZ, chip: PhantomData };
        C::reset(&mut model);
        model
    }

    /// The stored value of a register. A read through the bus may return another one.
    pub fn get<R: Register>(&self, register: R) -> R::Value {
        from_word(self.word(register.address()))
    }

    /// As [`Self::get`], by address.
    pub fn word(&self, address: u32) -> u32 {
        self.words.get(&address).copied().unwrap_or(0)
    }

    /// Stores a value without the effects of a write.
    pub fn set<R: Register>(&mut self, register: R, value: R::Value) {
        self.words.insert(register.address(), to_word(value));
    }

    /// True if the set-up has read the register often enough for its status to become true.
    pub fn settled<R: Register>(&self, register: R) -> bool {
        self.reads.get(&register.address()).is_some_and(|&n| n >= SETTLES)
    }

    /// Resets the status of a register: the set-up must wait for it again.
    pub fn unsettle<R: Register>(&mut self, register: R) {
        self.reads.insert(register.address(), 0);
    }
}

impl<C: Modelled> Bus for Model<C> {
    fn read<R: Readable>(&mut self, register: R) -> R::Value {
        let address = register.address();
        *self.reads.entry(address).or_default() += 1;
        from_word(if self.dead == Some(address) { 0 } else { C::value_at(self, address) })
    }

    fn write_value<R: Writable>(&mut self, register: R, value: R::Value) {
        self.unsettle(register);
        self.set(register, value);
        C::wrote(self, register.address());
    }
}

/// A chip that loses the writes of one register.
#[derive(Debug)]
pub struct Losing<C> {
    /// The chip.
    pub model: Model<C>,
    /// Address of the register.
    pub address: u32,
}

impl<C: Modelled> Bus for Losing<C> {
    fn read<R: Readable>(&mut self, register: R) -> R::Value {
        self.model.read(register)
    }

    fn write_value<R: Writable>(&mut self, register: R, value: R::Value) {
        if register.address() != self.address {
            self.model.write_value(register, value);
        }
    }
}

/// A chip whose set-up never waits.
#[derive(Debug)]
pub struct Hasty<C>(pub Model<C>);

impl<C: Modelled> Bus for Hasty<C> {
    fn read<R: Readable>(&mut self, register: R) -> R::Value {
        self.0.read(register)
    }

    fn write_value<R: Writable>(&mut self, register: R, value: R::Value) {
        self.0.write_value(register, value);
    }

    fn wait<R: Readable>(&mut self, _: R, _: impl Fn(R::Value) -> bool) -> Result<(), Stuck> {
        Ok(())
    }
}

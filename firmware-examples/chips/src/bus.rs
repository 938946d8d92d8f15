//! Registers of the peripheral access crates, and the trait through which the set-up reaches them.

/// Reads of a register before [`Bus::wait`] gives up.
const MAX_READS: u32 = 1_000_000;

/// A register did not reach the state that the set-up waits for. The reason may be a missing
/// crystal, or an emulator without clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Address of the register.
    pub address: u32,
}

/// A register of a peripheral access crate.
pub trait Register: Copy {
    /// Type of its value.
    type Value: Copy;

    /// Address.
    fn address(self) -> u32;
}

/// A register that can be read.
pub trait Readable: Register {
    /// Reads the register of the chip.
    fn get(self) -> Self::Value;
}

/// A register that can be written.
pub trait Writable: Register {
    /// Writes the register of the chip.
    fn set(self, value: Self::Value);
}

/// Implements the three traits for the registers of one peripheral access crate. Each crate has its
/// own copy of these types.
#[allow(unused_macros, reason = "a build may have no chip")]
macro_rules! registers_of {
    ($access:ident) => {
        impl<T: Copy, A: $access::common::Access> Register for $access::common::Reg<T, A> {
            type Value = T;

            fn address(self) -> u32 {
                self.as_ptr() as usize as u32
            }
        }

        impl<T: Copy, A: $access::common::Read> Readable for $access::common::Reg<T, A> {
            fn get(self) -> T {
                self.read()
            }
        }

        impl<T: Copy, A: $access::common::Write> Writable for $access::common::Reg<T, A> {
            fn set(self, value: T) {
                self.write_value(value);
            }
        }
    };
}

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
registers_of!(nrf_pac);
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
registers_of!(rp_pac);
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re", feature = "stm32h743zi"))]
registers_of!(stm32_metapac);

/// Access to registers: those of the chip, or those of a model in the tests.
pub trait Bus {
    /// Reads a register.
    fn read<R: Readable>(&mut self, register: R) -> R::Value;

    /// Writes a register.
    fn write_value<R: Writable>(&mut self, register: R, value: R::Value);

    /// Writes a register. Fields that `set` does not set are 0.
    fn write<R: Writable>(&mut self, register: R, set: impl FnOnce(&mut R::Value))
    where
        R::Value: Default,
    {
        let mut value = R::Value::default();
        set(&mut value);
        self.write_value(register, value);
    }

    /// Changes some fields of a register.
    fn modify<R: Readable + Writable>(&mut self, register: R, change: impl FnOnce(&mut R::Value)) {
        let mut value = self.read(register);
        change(&mut value);
        self.write_value(register, value);
    }

    /// Waits until `ready` is true for the value of a register.
    ///
    /// # Errors
    /// [`Stuck`] after a million reads.
    fn wait<R: Readable>(
        &mut self,
        register: R,
        ready: impl Fn(R::Value) -> bool,
    ) -> Result<(), Stuck> {
        for _ in 0..MAX_READS {
            if ready(self.read(register)) {
                return Ok(());
            }
        }
        Err(Stuck { address: register.address() })
    }
}

/// The registers of the chip on which the program runs.
#[derive(Debug)]
pub struct Registers;

impl Bus for Registers {
    fn read<R: Readable>(&mut self, register: R) -> R::Value {
        register.get()
    }

    fn write_value<R: Writable>(&mut self, register: R, value: R::Value) {
        register.set(value);
    }
}

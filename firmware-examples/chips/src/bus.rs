//! Registers of the chip's peripheral access crate.

use crate::pac::common::{Read, Reg, Write};

/// Reads of a register before it is given up.
const PATIENCE: u32 = 1_000_000;

/// A register that never said what was waited for: no crystal, say, or an emulator without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Its address.
    pub address: u32,
}

/// Address of a register.
pub(crate) fn address<T: Copy, A: Read>(register: Reg<T, A>) -> u32 {
    register.as_ptr() as usize as u32
}

/// What registers are reached through.
pub trait Bus {
    /// Reads a register.
    fn read<T: Copy, A: Read>(&mut self, register: Reg<T, A>) -> T;

    /// Writes a register.
    fn write_value<T: Copy, A: Write>(&mut self, register: Reg<T, A>, value: T);

    /// Writes a register: 0 in all that `set` leaves alone.
    fn write<T: Copy + Default, A: Write>(
        &mut self,
        register: Reg<T, A>,
        set: impl FnOnce(&mut T),
    ) {
        let mut value = T::default();
        set(&mut value);
        self.write_value(register, value);
    }

    /// Changes some fields of a register.
    fn modify<T: Copy, A: Read + Write>(
        &mut self,
        register: Reg<T, A>,
        change: impl FnOnce(&mut T),
    ) {
        let mut value = self.read(register);
        change(&mut value);
        self.write_value(register, value);
    }

    /// Waits until a register says `ready`.
    ///
    /// # Errors
    /// [`Stuck`] after a million reads.
    fn wait<T: Copy, A: Read>(
        &mut self,
        register: Reg<T, A>,
        ready: impl Fn(T) -> bool,
    ) -> Result<(), Stuck> {
        for _ in 0..PATIENCE {
            if ready(self.read(register)) {
                return Ok(());
            }
        }
        Err(Stuck { address: address(register) })
    }
}

/// The registers of the chip that the firmware is built for.
#[derive(Debug)]
pub struct Registers;

impl Bus for Registers {
    fn read<T: Copy, A: Read>(&mut self, register: Reg<T, A>) -> T {
        register.read()
    }

    fn write_value<T: Copy, A: Write>(&mut self, register: Reg<T, A>, value: T) {
        register.write_value(value);
    }
}

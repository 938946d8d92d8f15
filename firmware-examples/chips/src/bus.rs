//! Registers by address.

/// Reads of a register before it is given up.
const PATIENCE: u32 = 1_000_000;

/// A register that never said what was waited for: no crystal, say, or an emulator without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Its address.
    pub address: u32,
}

/// 32-bit registers.
pub trait Bus {
    /// Reads the register at an address.
    fn read(&mut self, address: u32) -> u32;

    /// Writes the register at an address.
    fn write(&mut self, address: u32, value: u32);

    /// Clears some bits of a register and sets others.
    fn modify(&mut self, address: u32, clear: u32, set: u32) {
        let value = self.read(address);
        self.write(address, value & !clear | set);
    }

    /// Waits until the masked bits have a value.
    ///
    /// # Errors
    /// [`Stuck`] after a million reads.
    fn wait(&mut self, address: u32, mask: u32, value: u32) -> Result<(), Stuck> {
        for _ in 0..PATIENCE {
            if self.read(address) & mask == value {
                return Ok(());
            }
        }
        Err(Stuck { address })
    }
}

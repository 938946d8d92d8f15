//! Wait states and line buffers of the chips whose flash is modelled.

use crate::Chip;

/// The flash of a chip at the chip's highest clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashTiming {
    /// Cycles that the core waits for a line.
    pub wait_states: u32,
    /// Bytes of a line.
    pub line_bytes: u32,
    /// Lines of code in the buffer.
    pub code_lines: u32,
    /// Lines of constants in the buffer.
    pub constant_lines: u32,
}

impl FlashTiming {
    /// The accelerator of the STM32F4 at its highest clock: lines of 128 bits, 64 of code and 8 of
    /// constants.
    pub const STM32F4: Self =
        Self { wait_states: 5, line_bytes: 16, code_lines: 64, constant_lines: 8 };
}

const fn stm32f4(wait_states: u32) -> FlashTiming {
    FlashTiming { wait_states, ..FlashTiming::STM32F4 }
}

/// Chips by name. The sources are ST's reference manuals RM0090, RM0368, RM0383 and RM0390: wait
/// states at the highest clock and 2.7 to 3.6 V.
const TIMINGS: [(&str, FlashTiming); 7] = [
    ("STM32F401CCUx", stm32f4(2)),
    ("STM32F401RETx", stm32f4(2)),
    ("STM32F407VGTx", stm32f4(5)),
    ("STM32F411CEUx", stm32f4(3)),
    ("STM32F411RETx", stm32f4(3)),
    ("STM32F429ZITx", stm32f4(5)),
    ("STM32F446RETx", stm32f4(5)),
];

impl Chip {
    /// The flash of this chip; `None` if it is not modelled.
    pub fn flash_timing(&self) -> Option<FlashTiming> {
        TIMINGS.iter().find(|(name, _)| *name == self.name).map(|(_, timing)| *timing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CHIPS;

    #[test]
    fn every_timing_belongs_to_a_chip() {
        let timed = CHIPS.iter().filter(|chip| chip.flash_timing().is_some());
        assert_eq!(timed.count(), TIMINGS.len());
    }
}

//! A model of the chips: the registers that were written, what those say that follow from them, and a
//! refusal, by panic, of a core clock that flash or voltage do not allow at that moment. It decodes
//! clocks from registers alone.

extern crate std;

use std::collections::BTreeMap;

use crate::{Board, Bus, Setup, nrf52, rp2, stm32f4, stm32h7};

type Registers = BTreeMap<u32, u32>;

fn get(registers: &Registers, address: u32) -> u32 {
    registers.get(&address).copied().unwrap_or(0)
}

fn field(value: u32, low: u32, width: u32) -> u32 {
    value >> low & ((1 << width) - 1)
}

/// A board's chip.
#[derive(Debug)]
pub struct Model {
    board: Board,
    registers: Registers,
    /// A register that reads as 0.
    pub dead: Option<u32>,
    /// Clock of the core, Hz; 0 where nobody knows it.
    pub core_hz: u32,
}

impl Model {
    /// The chip after its reset.
    pub fn new(board: Board) -> Self {
        let (mut registers, mut core_hz) = (Registers::new(), 0);
        match board.setup {
            Setup::Stm32F4(_) => core_hz = stm32f4::RESET_HZ,
            Setup::Stm32H7(_) => core_hz = stm32h7::RESET_HZ,
            Setup::Nrf52(_) => {}
            Setup::Rp2(chip) => {
                registers.insert(chip.resets, u32::MAX >> 3);
                registers.insert(chip.pll + 4, 0x2d);
            }
        }
        Self { board, registers, dead: None, core_hz }
    }

    /// What was written to a register.
    pub fn written(&self, address: u32) -> u32 {
        get(&self.registers, address)
    }

    /// STM32F4: the flash's limit at 2.7 V and more is 30 MHz a wait state, 168 MHz are the limit
    /// without over-drive and 180 MHz with it.
    fn f4(&mut self, max: u32) {
        let r = &self.registers;
        if field(get(r, stm32f4::CFGR), 0, 2) != 2 {
            return;
        }
        let pll = get(r, stm32f4::PLLCFGR);
        assert_eq!(field(get(r, stm32f4::CR), 24, 1), 1, "PLL off");
        assert_eq!(field(pll, 22, 1), 1, "not from the external clock");
        let input = 8_000_000 / field(pll, 0, 6);
        assert!((1_000_000..=2_000_000).contains(&input), "PLL input {input} Hz");
        let vco = input * field(pll, 6, 9);
        assert!((100_000_000..=432_000_000).contains(&vco), "VCO {vco} Hz");
        let core = vco / (2 * (field(pll, 16, 2) + 1));
        let power = get(r, stm32f4::PWR_CR);
        assert_eq!(field(power, 14, 1), 1, "voltage scale");
        assert_eq!(field(get(r, stm32f4::APB1ENR), 28, 1), 1, "power block without clock");
        let limit = if field(power, 16, 2) == 3 { 180_000_000 } else { 168_000_000 };
        assert!(core <= limit && core == max, "core {core} Hz");
        let acr = get(r, stm32f4::ACR);
        assert_eq!(field(acr, 0, 4), (core - 1) / 30_000_000, "wait states");
        assert_eq!(field(acr, 8, 3), 7, "prefetch and caches");
        let cfgr = get(r, stm32f4::CFGR);
        assert_eq!(field(cfgr, 4, 4), 0, "AHB");
        assert_eq!((field(cfgr, 10, 3), field(cfgr, 13, 3)), (5, 4), "APB1 / 4, APB2 / 2");
        assert!(core / 4 <= 45_000_000 && core / 2 <= 90_000_000);
        self.core_hz = core;
    }

    /// STM32H743, RM0433 table 17, scale 1: 2 wait states and delay 2 from 185 to 210 MHz of AXI.
    fn h7(&mut self) {
        let r = &self.registers;
        if field(get(r, stm32h7::CFGR), 0, 3) != 3 {
            return;
        }
        assert_eq!(field(get(r, stm32h7::PWR_CR3), 0, 2), 2, "supply");
        assert_eq!(field(get(r, stm32h7::PWR_D3CR), 14, 2), 3, "voltage scale 1");
        let select = get(r, stm32h7::PLLCKSELR);
        assert_eq!(field(select, 0, 2), 2, "not from the external clock");
        let input = 8_000_000 / field(select, 4, 6);
        let range = field(get(r, stm32h7::PLLCFGR), 2, 2);
        assert_eq!(range, 2, "input range 4 to 8 MHz");
        assert!((4_000_000..=8_000_000).contains(&input), "PLL input {input} Hz");
        let dividers = get(r, stm32h7::PLL1DIVR);
        let vco = input * (field(dividers, 0, 9) + 1);
        assert!((192_000_000..=836_000_000).contains(&vco), "VCO {vco} Hz");
        let core = vco / (field(dividers, 9, 7) + 1);
        assert_eq!(core, 400_000_000);
        assert_eq!(field(get(r, stm32h7::D1CFGR), 0, 4), 8, "AXI a half");
        assert!((185_000_000..=210_000_000).contains(&(core / 2)));
        assert_eq!(get(r, stm32h7::ACR), 0x22, "wait states and delay");
        assert_eq!(field(get(r, stm32h7::D2CFGR), 4, 3), 4, "APB1 a half of AXI");
        self.core_hz = core;
    }

    fn rp2(&mut self, chip: &rp2::Chip) {
        let r = &self.registers;
        if get(r, chip.clocks + 0x3c) & 0xe1 != 1 {
            return;
        }
        assert_eq!(get(r, chip.crystal) >> 12, 0xfab, "crystal off");
        assert_eq!(get(r, chip.clocks + 0x30), 2, "reference not from the crystal");
        assert_eq!(get(r, chip.resets) & chip.pll_reset, 0, "PLL in reset");
        assert_eq!(get(r, chip.pll + 4) & 0x29, 0, "PLL powered down");
        let vco = 12_000_000 / field(get(r, chip.pll), 0, 6) * get(r, chip.pll + 8);
        assert!((750_000_000..=1_600_000_000).contains(&vco), "VCO {vco} Hz");
        let dividers = get(r, chip.pll + 12);
        let (one, two) = (field(dividers, 16, 3), field(dividers, 12, 3));
        assert!(one >= two && two >= 1);
        self.core_hz = vco / one / two;
    }
}

impl Bus for Model {
    fn read(&mut self, address: u32) -> u32 {
        let value = get(&self.registers, address);
        if self.dead == Some(address) {
            return 0;
        }
        let power = |bits| get(&self.registers, stm32f4::PWR_CR) & bits;
        match (self.board.setup, address) {
            (Setup::Stm32F4(_), stm32f4::CR) | (Setup::Stm32H7(_), stm32h7::CR) => {
                value | (value & 0x0101_0000) << 1
            }
            (Setup::Stm32F4(_), stm32f4::CFGR) => value & !12 | (value & 3) << 2,
            (Setup::Stm32F4(_), stm32f4::PWR_CSR) => power(3 << 16),
            (Setup::Stm32H7(_), stm32h7::CFGR) => value & !0x38 | (value & 7) << 3,
            (Setup::Stm32H7(_), stm32h7::PWR_CSR1) => 1 << 13,
            (Setup::Stm32H7(_), stm32h7::PWR_D3CR) => value | 1 << 13,
            (Setup::Nrf52(_), nrf52::HFCLKSTARTED) => get(&self.registers, nrf52::HFCLKSTART),
            (Setup::Rp2(chip), _) => {
                let r = &self.registers;
                if address == chip.resets + 8 {
                    !get(r, chip.resets)
                } else if address == chip.crystal + 4 {
                    u32::from(get(r, chip.crystal) >> 12 == 0xfab) << 31
                } else if address == chip.clocks + 0x38 {
                    1 << (get(r, chip.clocks + 0x30) & 3)
                } else if address == chip.clocks + 0x44 {
                    1 << (get(r, chip.clocks + 0x3c) & 1)
                } else if address == chip.pll {
                    value | u32::from(get(r, chip.pll + 4) & 0x21 == 0) << 31
                } else {
                    value
                }
            }
            _ => value,
        }
    }

    fn write(&mut self, address: u32, value: u32) {
        self.registers.insert(address, value);
        match self.board.setup {
            Setup::Stm32F4(clocks) => self.f4(clocks.core()),
            Setup::Stm32H7(_) => self.h7(),
            Setup::Nrf52(_) => {}
            Setup::Rp2(chip) => self.rp2(&chip),
        }
    }
}

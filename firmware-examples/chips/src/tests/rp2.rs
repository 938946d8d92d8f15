//! RP2040 and RP2350, from the data sheets of the chips.

use rp_pac::clocks::vals::{ClkRefCtrlSrc, ClkSysCtrlAuxsrc, ClkSysCtrlSrc};
use rp_pac::resets::regs::Peripherals;
use rp_pac::xosc::vals::Enable;
use rp_pac::{CLOCKS as BLOCK, PLL_SYS, RESETS, UART0, XOSC, pll, uart};

use super::model::{Model, Modelled};
use crate::Register as _;
use crate::rp2::Rp2;

const OLD: bool = cfg!(feature = "rp2040");

/// Address or value for the selected chip.
const fn at(rp2040: u32, rp2350: u32) -> u32 {
    if OLD { rp2040 } else { rp2350 }
}

const CLOCK: u32 = at(0x4000_8000, 0x4001_0000);
const CRYSTAL: u32 = at(0x4002_4000, 0x4004_8000);
const PLL: u32 = at(0x4002_8000, 0x4005_0000);
const RESET: u32 = at(0x4000_c000, 0x4002_0000);
const UART: u32 = at(0x4003_4000, 0x4007_0000);
const REFERENCE: u32 = CLOCK + 0x30;
const SYSTEM: u32 = CLOCK + 0x3c;

impl Modelled for Rp2 {
    const CLOCKS: &[u32] = &[CRYSTAL + 4, PLL];
    const STEPS: &[u32] = &[SYSTEM, REFERENCE, CRYSTAL, PLL + 4, PLL + 8, PLL + 12, RESET];
    const WAITS: bool = true;
    const MANUAL: &[(u32, u32)] = &[
        (PLL, 1),
        (PLL + 4, 4),
        (PLL + 8, at(133, 125)),
        (PLL + 12, at(0x6_2000, 0x5_2000)),
        (CRYSTAL, 0xfa_baa0),
        (REFERENCE, 2),
        (SYSTEM, 1),
        (CLOCK + 0x48, 1 << 11),
        (at(0x4001_4004, 0x4002_8004), 2),
        (at(0x4001_400c, 0x4002_800c), 2),
        (at(0x4001_c008, 0x4003_8008), 0x5a),
        (UART + 0x2c, 0x70),
        (UART + 0x30, 0x301),
        // The timer of the RP2040 counts microseconds of the crystal.
        (at(0x4005_802c, CRYSTAL), at(0x20c, 0xfa_baa0)),
    ];

    fn reset(model: &mut Model<Self>) {
        model.set(RESETS.reset(), Peripherals(u32::MAX >> 3));
        model.set(PLL_SYS.pwr(), pll::regs::Pwr(0x2d));
        model.set(UART0.uartfr(), uart::regs::Uartfr(1 << 4));
    }

    fn value_at(model: &mut Model<Self>, address: u32) -> u32 {
        let value = model.word(address);
        if address == RESET + 8 {
            return !model.word(RESET);
        }
        if address == CRYSTAL + 4 {
            let runs = model.get(XOSC.ctrl()).enable() == Enable::ENABLE;
            return u32::from(runs && model.settled(XOSC.status())) << 31;
        }
        if address == REFERENCE + 8 {
            return 1 << (model.word(REFERENCE) & 3);
        }
        if address == SYSTEM + 8 {
            return 1 << (model.word(SYSTEM) & 1);
        }
        if address == PLL {
            let power = model.get(PLL_SYS.pwr());
            let locked = !power.pd() && !power.vcopd() && model.settled(PLL_SYS.cs());
            return value | u32::from(locked) << 31;
        }
        if address == UART {
            model.set(UART0.uartfr(), uart::regs::Uartfr(1 << 4));
        }
        value
    }

    fn wrote(model: &mut Model<Self>, written: u32) {
        if [PLL + 4, PLL + 8].contains(&written) && model.get(PLL_SYS.pwr()).postdivpd() {
            model.unsettle(PLL_SYS.cs());
        }
        let system = model.get(BLOCK.clk_sys_ctrl());
        if system.src() != ClkSysCtrlSrc::CLKSRC_CLK_SYS_AUX {
            return;
        }
        assert_eq!(system.auxsrc(), ClkSysCtrlAuxsrc::CLKSRC_PLL_SYS);
        assert!(model.get(XOSC.ctrl()).enable() == Enable::ENABLE, "crystal off");
        assert!(model.settled(XOSC.status()), "crystal not waited for");
        assert_eq!(model.get(BLOCK.clk_ref_ctrl()).src(), ClkRefCtrlSrc::XOSC_CLKSRC);
        assert!(!model.get(RESETS.reset()).pll_sys(), "PLL in reset");
        let power = model.get(PLL_SYS.pwr());
        assert!(!power.pd() && !power.vcopd() && !power.postdivpd(), "PLL powered down");
        assert!(model.settled(PLL_SYS.cs()), "PLL not waited for");
        assert_ne!(written, PLL_SYS.prim().address(), "PLL changed while it runs");
        let divider = u32::from(model.get(PLL_SYS.cs()).refdiv());
        let vco = 12_000_000 / divider * u32::from(model.get(PLL_SYS.fbdiv_int()).fbdiv_int());
        assert!((750_000_000..=1_600_000_000).contains(&vco), "VCO {vco} Hz");
        let dividers = model.get(PLL_SYS.prim());
        let (one, two) = (u32::from(dividers.postdiv1()), u32::from(dividers.postdiv2()));
        assert!(one >= two && two >= 1, "dividers {one} and {two}");
        model.core_hz = vco / one / two;
    }

    fn rate(model: &Model<Self>) -> u32 {
        let divint = u32::from(model.get(UART0.uartibrd()).baud_divint());
        let divfrac = u32::from(model.get(UART0.uartfbrd()).baud_divfrac());
        model.core_hz * 4 / (64 * divint + divfrac)
    }

    fn arrives(model: &mut Model<Self>, byte: u8) {
        model.set(UART0.uartfr(), uart::regs::Uartfr(0));
        model.set(UART0.uartdr(), uart::regs::Uartdr(byte.into()));
    }

    fn sent(model: &Model<Self>) -> u32 {
        model.get(UART0.uartdr()).0
    }
}

suite!(Rp2);

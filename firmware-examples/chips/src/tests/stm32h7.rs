//! STM32H743: RM0433.

use stm32_metapac::rcc::vals::{Hpre, Pllrge, Pllsrc, Pllvcosel, Ppre, Sw};
use stm32_metapac::{DBGMCU, FLASH, PWR, RCC, SYSCFG, USART3, dbgmcu, usart};

use super::model::{Model, Modelled};
use crate::stm32h7::{REVISION_V, Stm32H7};
use crate::{BAUD, Register as _, start};

const CR: u32 = 0x5802_4400;
const CFGR: u32 = 0x5802_4410;
const CSR1: u32 = 0x5802_4804;
const D3CR: u32 = 0x5802_4818;
const ACR: u32 = 0x5200_2000;
const ISR: u32 = 0x4000_481c;

fn revision(model: &mut Model<Stm32H7>, revision: u16) {
    let mut id = dbgmcu::regs::Idc(0x450);
    id.set_rev_id(revision);
    model.set(DBGMCU.idc(), id);
}

/// Wait states and programming delay for a clock rate of the AXI bus, Hz, and a voltage scale
/// (RM0433, table 17).
fn flash(axi: u32, scale: u8) -> (u8, u8) {
    match axi.div_ceil(1_000_000) {
        0..=70 => (0, 0),
        71..=140 => (1, 1),
        141..=185 => (2, 1),
        186..=210 => (2, 2),
        211..=225 => (3, 2),
        226..=240 if scale == 0 => (4, 2),
        _ => panic!("AXI {axi} Hz in scale {scale}"),
    }
}

impl Modelled for Stm32H7 {
    const CLOCKS: &[u32] = &[CR];
    /// Seven registers of RCC, the flash, the voltage and the over-drive.
    const STEPS: &[u32] = &[
        CR,
        CFGR,
        0x5802_4418,
        0x5802_441c,
        0x5802_4428,
        0x5802_442c,
        0x5802_4430,
        0x5802_44f4,
        ACR,
        0x5802_480c,
        D3CR,
        0x5800_042c,
    ];
    const WAITS: bool = true;
    /// A chip of revision V.
    const MANUAL: &[(u32, u32)] = &[
        (0x5802_4428, 0x22),
        (0x5802_442c, 0x1_0008),
        (0x5802_4430, 0x0101_02ef),
        (0x5802_4418, 0x48),
        (0x5802_441c, 0x440),
        (0x5802_4420, 0x40),
        (ACR, 0x24),
        (D3CR, 0xc000),
        (0x5800_042c, 1),
        (0x5802_0c00, 0xa_0000),
        (0x5802_0c24, 0x77),
    ];

    fn reset(model: &mut Model<Self>) {
        revision(model, REVISION_V);
        model.set(USART3.isr(), usart::regs::Isr(0xc0));
    }

    fn value_at(model: &mut Model<Self>, address: u32) -> u32 {
        let value = model.word(address);
        match address {
            CR if model.settled(RCC.cr()) => value | (value & 0x0101_0000) << 1,
            CFGR => value & !0x38 | (value & 7) << 3,
            CSR1 => 1 << 13,
            D3CR if model.settled(PWR.d3cr()) => value | 1 << 13,
            ISR => {
                model.set(USART3.isr(), usart::regs::Isr(value & !0x20));
                value
            }
            _ => value,
        }
    }

    /// The limit is 400 MHz at scale 1 and 480 MHz at scale 0, which only revision V allows.
    fn wrote(model: &mut Model<Self>, written: u32) {
        if written == SYSCFG.pwrcr().address() {
            assert!(model.get(RCC.apb4enr()).syscfgen(), "SYSCFG without clock");
            assert!(model.settled(PWR.d3cr()), "scale 1 not waited for");
            model.unsettle(PWR.d3cr());
        }
        let cfgr = model.get(RCC.cfgr());
        if cfgr.sw() != Sw::PLL1_P {
            return;
        }
        let cr3 = model.get(PWR.cr3());
        assert!(cr3.ldoen() && !cr3.bypass(), "supply");
        assert_eq!(model.get(PWR.d3cr()).vos().to_bits(), 3, "voltage scale 1");
        assert!(model.settled(PWR.d3cr()), "voltage not waited for");
        let scale = 1 - model.get(SYSCFG.pwrcr()).oden();
        let new = model.get(DBGMCU.idc()).rev_id() == REVISION_V;
        assert!(scale == 1 || new, "over-drive on an old chip");
        let cr = model.get(RCC.cr());
        assert!(cr.hseon() && cr.hsebyp() && cr.pllon(0), "PLL off");
        assert!(model.settled(RCC.cr()), "PLL not waited for");
        let (select, pll) = (model.get(RCC.pllckselr()), model.get(RCC.pllcfgr()));
        assert_eq!(select.pllsrc(), Pllsrc::HSE);
        let input = 8_000_000 / u32::from(select.divm(0).to_bits());
        assert!((4_000_000..=8_000_000).contains(&input), "PLL input {input} Hz");
        assert_eq!((pll.pllrge(0), pll.pllvcosel(0)), (Pllrge::RANGE4, Pllvcosel::WIDE_VCO));
        assert!(pll.divpen(0), "no output");
        let dividers = model.get(RCC.plldivr(0));
        let vco = input * (u32::from(dividers.plln().to_bits()) + 1);
        let most = if new { 960_000_000 } else { 836_000_000 };
        assert!((192_000_000..=most).contains(&vco), "VCO {vco} Hz");
        let core = vco / (u32::from(dividers.pllp().to_bits()) + 1);
        assert!(core <= if scale == 0 { 480_000_000 } else { 400_000_000 }, "core {core} Hz");
        let d1 = model.get(RCC.d1cfgr());
        assert_eq!((d1.d1cpre(), d1.hpre(), d1.d1ppre()), (Hpre::DIV1, Hpre::DIV2, Ppre::DIV2));
        let acr = model.get(FLASH.acr());
        assert_eq!((acr.latency(), acr.wrhighfreq()), flash(core / 2, scale), "wait states");
        assert_eq!(model.get(RCC.d2cfgr()).d2ppre1(), Ppre::DIV2);
        assert!(core / 4 <= if scale == 0 { 120_000_000 } else { 100_000_000 });
        model.core_hz = core;
    }

    fn rate(model: &Model<Self>) -> u32 {
        let apb1 = match model.get(RCC.cfgr()).sw() {
            Sw::PLL1_P => model.core_hz / 4,
            _ => model.core_hz,
        };
        apb1 / u32::from(model.get(USART3.brr()).brr())
    }

    fn arrives(model: &mut Model<Self>, byte: u8) {
        model.set(USART3.isr(), usart::regs::Isr(0xe0));
        model.set(USART3.rdr(), usart::regs::Dr(byte.into()));
    }

    fn sent(model: &Model<Self>) -> u32 {
        u32::from(model.get(USART3.tdr()).dr())
    }
}

suite!(Stm32H7);

#[test]
fn earlier_revisions_run_at_400_mhz() {
    for old in [0x1001, 0x1003, 0x2001] {
        let mut model = Model::new();
        revision(&mut model, old);
        let started = start::<Stm32H7>(&mut model);
        assert_eq!((started, model.core_hz), (Ok(400_000_000), 400_000_000));
        assert!(Stm32H7::rate(&model).abs_diff(BAUD) < BAUD / 100);
    }
}

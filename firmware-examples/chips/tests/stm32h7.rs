//! STM32H743: addresses and fields against its peripheral access crate.

mod registers;

use registers::{block, started};
use stm32h7::stm32h743v as h743;
use supernano_chips::NUCLEO_H743ZI;

#[test]
fn clock_and_port() {
    let model = started(NUCLEO_H743ZI);
    let rcc = block(&model, h743::RCC::PTR);
    let (select, pll, dividers) = (rcc.pllckselr.read(), rcc.pllcfgr.read(), rcc.pll1divr.read());
    assert!(select.pllsrc().is_hse() && pll.divp1en().bit());
    assert_eq!((select.divm1().bits(), pll.pll1rge().bits()), (2, 2));
    assert_eq!((dividers.divn1().bits(), dividers.divp1().bits()), (199, 1));
    assert!(rcc.cfgr.read().sw().is_pll1() && rcc.cr.read().hsebyp().bit());
    assert!(rcc.d1cfgr.read().hpre().is_div2());
    assert!(rcc.ahb4enr.read().gpioden().bit() && rcc.apb1lenr.read().usart3en().bit());
    let acr = block(&model, h743::FLASH::PTR).acr.read();
    assert_eq!((acr.latency().bits(), acr.wrhighfreq().bits()), (2, 2));
    let power = block(&model, h743::PWR::PTR);
    assert_eq!(power.d3cr.read().vos().bits(), 3);
    assert!(power.cr3.read().ldoen().bit() && !power.cr3.read().bypass().bit());
    let port = block(&model, h743::USART3::PTR);
    let cr1 = port.cr1.read();
    assert!(cr1.ue().bit() && cr1.te().bit() && cr1.re().bit());
    assert!(port.cr3.read().ovrdis().bit());
    assert_eq!(port.brr.read().bits(), 868);
    let pins = block(&model, h743::GPIOD::PTR);
    assert_eq!((pins.moder.read().bits(), pins.afrh.read().bits()), (2 << 16 | 2 << 18, 0x77));
}

//! STM32F4: addresses and fields against its peripheral access crate.

mod registers;

use registers::{block, started};
use stm32f4::stm32f446;
use supernano_chips::model::Model;
use supernano_chips::{F4_DISCOVERY, NUCLEO_F446RE};

/// The registers used here are the same on the STM32F407 (RM0090).
fn stm32f4_of(model: &Model, n: u16, bypass: bool) {
    let rcc = block(model, stm32f446::RCC::PTR);
    let pll = rcc.pllcfgr().read();
    assert_eq!((pll.pllm().bits(), pll.plln().bits()), (4, n));
    assert!(pll.pllp().is_div2() && pll.pllsrc().is_hse());
    let cr = rcc.cr().read();
    assert!(cr.hseon().bit() && cr.pllon().bit() && cr.hsebyp().bit() == bypass);
    let cfgr = rcc.cfgr().read();
    assert!(cfgr.sw().is_pll() && cfgr.ppre1().is_div4() && cfgr.ppre2().is_div2());
    assert!(rcc.apb1enr().read().pwren().bit() && rcc.apb1enr().read().usart2en().bit());
    assert!(rcc.ahb1enr().read().gpioaen().bit());
    let acr = block(model, stm32f446::FLASH::PTR).acr().read();
    assert_eq!(acr.latency().bits(), 5);
    assert!(acr.prften().bit() && acr.icen().bit() && acr.dcen().bit());
    let cr1 = block(model, stm32f446::USART2::PTR).cr1().read();
    assert!(cr1.ue().bit() && cr1.te().bit() && cr1.re().bit());
    let brr = block(model, stm32f446::USART2::PTR).brr().read().bits();
    assert_ne!(brr, 0);
    let pins = block(model, stm32f446::GPIOA::PTR);
    assert_eq!(pins.moder().read().bits(), 2 << 4 | 2 << 6);
    assert_eq!(pins.afrl().read().bits(), 7 << 8 | 7 << 12);
}

#[test]
fn clock_and_port() {
    let model = started(NUCLEO_F446RE);
    stm32f4_of(&model, 180, true);
    let power = block(&model, stm32f446::PWR::PTR).cr().read();
    assert!(power.oden().bit() && power.odswen().bit());
    assert_eq!(power.vos().bits(), 3);
    stm32f4_of(&started(F4_DISCOVERY), 168, false);
}

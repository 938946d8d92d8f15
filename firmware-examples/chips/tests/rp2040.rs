//! RP2040: addresses and fields against its peripheral access crate.

mod registers;

use registers::{block, started};
use supernano_chips::{PICO, rp2};

#[test]
fn clock_and_port() {
    let model = started(PICO);
    let pll = block(&model, rp2040_pac::PLL_SYS::PTR);
    assert_eq!((pll.cs().read().refdiv().bits(), pll.fbdiv_int().read().bits()), (1, 133));
    let prim = pll.prim().read();
    assert_eq!((prim.postdiv1().bits(), prim.postdiv2().bits()), (6, 2));
    let power = pll.pwr().read();
    assert!(!power.pd().bit() && !power.vcopd().bit() && !power.postdivpd().bit());
    let clocks = block(&model, rp2040_pac::CLOCKS::PTR);
    assert!(clocks.clk_ref_ctrl().read().src().is_xosc_clksrc());
    assert!(clocks.clk_sys_ctrl().read().src().is_clksrc_clk_sys_aux());
    assert!(clocks.clk_sys_ctrl().read().auxsrc().is_clksrc_pll_sys());
    assert!(clocks.clk_peri_ctrl().read().enable().bit());
    assert!(block(&model, rp2040_pac::XOSC::PTR).ctrl().read().enable().is_enable());
    let resets = block(&model, rp2040_pac::RESETS::PTR).reset().read();
    assert!(!resets.pll_sys().bit());
    assert!(!resets.io_bank0().bit());
    assert!(!resets.pads_bank0().bit());
    assert!(!resets.uart0().bit());
    assert!(!resets.timer().bit());
    let port = block(&model, rp2040_pac::UART0::PTR);
    assert!(port.uartcr().read().uarten().bit() && port.uartlcr_h().read().fen().bit());
    let pins = block(&model, rp2040_pac::IO_BANK0::PTR);
    for pin in 0..2 {
        assert!(pins.gpio(pin).gpio_ctrl().read().funcsel().is_uart());
        let pad = block(&model, rp2040_pac::PADS_BANK0::PTR);
        assert!(pad.gpio(pin).read().ie().bit() && !pad.gpio(pin).read().od().bit());
    }
    let tick = block(&model, rp2040_pac::WATCHDOG::PTR).tick().read();
    assert!(tick.enable().bit() && tick.cycles().bits() == 12);
    let timer = rp2040_pac::TIMER::PTR as usize as u32;
    assert_eq!(rp2::RP2040_MICROSECONDS, timer + 0x28);
}

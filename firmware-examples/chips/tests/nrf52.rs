//! nRF52: addresses and fields against its peripheral access crate.

mod registers;

use std::mem::offset_of;

use nrf52840_pac as nrf52840;
use registers::{block, started};
use supernano_chips::{MICROBIT_V2, NRF52840_DK};

#[test]
fn clock_and_port() {
    for model in [started(NRF52840_DK), started(MICROBIT_V2)] {
        // Tasks can only be written, so their addresses are compared.
        let started =
            |peripheral: usize, task: usize| model.written((peripheral + task) as u32) == 1;
        let task = offset_of!(nrf52840::clock::RegisterBlock, tasks_hfclkstart);
        assert!(started(nrf52840::CLOCK::PTR as usize, task));
        let port = nrf52840::UART0::PTR as usize;
        assert!(started(port, offset_of!(nrf52840::uart0::RegisterBlock, tasks_startrx)));
        assert!(started(port, offset_of!(nrf52840::uart0::RegisterBlock, tasks_starttx)));
        assert!(block(&model, nrf52840::NVMC::PTR).icachecnf.read().cacheen().bit());
        let port = block(&model, nrf52840::UART0::PTR);
        assert_eq!(port.enable.read().enable().bits(), 4);
        assert!(port.baudrate.read().baudrate().is_baud115200());
        let pins = block(&model, nrf52840::P0::PTR);
        assert!(pins.pin_cnf[6].read().dir().is_output());
    }
    let pins = block(&started(NRF52840_DK), nrf52840::P0::PTR);
    assert!(
        pins.pin_cnf[8].read().input().is_connect() && pins.pin_cnf[8].read().pull().is_pullup()
    );
    let pins = block(&started(MICROBIT_V2), nrf52840::P1::PTR);
    assert!(pins.pin_cnf[8].read().pull().is_pullup());
}

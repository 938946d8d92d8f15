//! The set-up against a model of the chip.

extern crate std;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec::Vec;

use model::{Hasty, Losing, Model};

use crate::{BAUD, BOARD, RESET_HZ, Stuck, count, receive, send, start};

mod model;

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
#[path = "tests/nrf52.rs"]
mod chip;
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
#[path = "tests/rp2.rs"]
mod chip;
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re"))]
#[path = "tests/stm32f4.rs"]
mod chip;
#[cfg(feature = "stm32h743zi")]
#[path = "tests/stm32h7.rs"]
mod chip;

#[test]
fn the_registers_give_the_clock_that_the_board_states() {
    let mut model = Model::new();
    assert_eq!(start(&mut model), Ok(BOARD.clock_hz));
    assert_eq!(model.core_hz, BOARD.clock_hz);
}

/// Within 1 % of what the host expects, read back from its divisor.
#[test]
fn the_port_has_its_rate() {
    let mut model = Model::new();
    assert_eq!(start(&mut model), Ok(BOARD.clock_hz));
    let rate = chip::rate(&model);
    assert!(rate.abs_diff(BAUD) < BAUD / 100, "{rate} baud");
}

/// Addresses and values as the reference manual has them, past the access crate.
#[test]
fn registers_hold_what_the_manual_says() {
    let mut model = Model::new();
    assert_eq!(start(&mut model), Ok(BOARD.clock_hz));
    for (address, value) in chip::MANUAL {
        assert_eq!(model.word(address), value, "{address:#x}: {:#x}", model.word(address));
    }
}

#[test]
fn a_clock_that_does_not_start_is_named_and_the_port_still_speaks() {
    for address in chip::CLOCKS {
        let mut model = Model::new();
        model.dead = Some(address);
        assert_eq!(start(&mut model), Err(Stuck { address }));
        assert_eq!(model.core_hz, RESET_HZ);
        // The divisor is for the clock after reset.
        let rate = chip::rate(&model);
        assert!(rate.abs_diff(BAUD) < BAUD * 3 / 100, "{rate} baud");
    }
}

/// The model refuses every set-up that leaves a step out.
#[test]
fn a_step_left_out_is_refused() {
    for address in chip::STEPS {
        let run = || start(&mut Losing { model: Model::new(), address });
        let outcome = catch_unwind(AssertUnwindSafe(run));
        assert_ne!(outcome.ok(), Some(Ok(BOARD.clock_hz)), "{address:#x} may be left out");
    }
}

/// The model refuses a core clock from what has not been seen to run.
#[test]
fn a_set_up_that_does_not_wait_is_refused() {
    let outcome = catch_unwind(|| start(&mut Hasty(Model::new())));
    assert_eq!(outcome.is_ok(), !chip::WAITS, "{outcome:?}");
}

#[test]
fn bytes_pass_through_the_port() {
    let mut model = Model::new();
    assert_eq!(start(&mut model), Ok(BOARD.clock_hz));
    assert_eq!(receive(&mut model), None);
    chip::arrives(&mut model, 0xa5);
    assert_eq!(receive(&mut model), Some(0xa5));
    send(&mut model, 0x5a);
    assert_eq!(chip::sent(&model), 0x5a);
}

#[test]
fn two_counters_make_one() {
    let truths: Vec<u32> = std::vec![0, 1, 0x7f_ffff, 0x80_0000, 0xff_ffff, 0x100_0000, u32::MAX];
    for truth in truths {
        for error in [-1000, -1, 0, 1, 1000] {
            let coarse = truth.wrapping_add_signed(error);
            assert_eq!(count::combine(coarse, truth & 0xff_ffff), truth);
        }
    }
}

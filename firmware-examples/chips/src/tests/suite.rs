//! The tests that every chip passes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::model::{Hasty, Losing, Model, Modelled};
use crate::{BAUD, Stuck, start};

fn started<C: Modelled>() -> Model<C> {
    let mut model = Model::new();
    assert_eq!(start::<C>(&mut model), Ok(C::BOARD.clock_hz()));
    model
}

pub fn the_registers_give_the_clock_rate_of_the_board<C: Modelled>() {
    assert_eq!(started::<C>().core_hz, C::BOARD.clock_hz());
}

/// The model decodes the bit rate from the divisor. It is within 1 % of the host's.
pub fn the_port_has_its_bit_rate<C: Modelled>() {
    let rate = C::rate(&started());
    assert!(rate.abs_diff(BAUD) < BAUD / 100, "{rate} baud");
}

/// The addresses and values are those of the reference manual, not those of the access crate.
pub fn registers_hold_the_values_of_the_manual<C: Modelled>() {
    let model = started::<C>();
    for &(address, value) in C::MANUAL {
        assert_eq!(model.word(address), value, "{address:#x}: {:#x}", model.word(address));
    }
}

pub fn a_clock_that_does_not_start_is_reported_over_a_port_that_works<C: Modelled>() {
    for &address in C::CLOCKS {
        let mut model = Model::new();
        model.dead = Some(address);
        assert_eq!(start::<C>(&mut model), Err(Stuck { address }));
        assert_eq!(model.core_hz, C::RESET_HZ);
        // The divisor is that for the clock rate after a reset.
        let rate = C::rate(&model);
        assert!(rate.abs_diff(BAUD) < BAUD * 3 / 100, "{rate} baud");
    }
}

pub fn the_model_rejects_a_set_up_that_omits_a_step<C: Modelled>() {
    for &address in C::STEPS {
        let run = || start::<C>(&mut Losing { model: Model::<C>::new(), address });
        let outcome = catch_unwind(AssertUnwindSafe(run));
        assert_ne!(outcome.ok(), Some(Ok(C::BOARD.clock_hz())), "{address:#x} can be omitted");
    }
}

pub fn the_model_rejects_a_set_up_that_does_not_wait<C: Modelled>() {
    let outcome = catch_unwind(|| start::<C>(&mut Hasty(Model::<C>::new())));
    assert_eq!(outcome.is_ok(), !C::WAITS, "{outcome:?}");
}

pub fn bytes_pass_through_the_port<C: Modelled>() {
    let mut model = started::<C>();
    assert_eq!(C::receive(&mut model), None);
    C::arrives(&mut model, 0xa5);
    assert_eq!(C::receive(&mut model), Some(0xa5));
    C::send(&mut model, 0x5a);
    assert_eq!(C::sent(&model), 0x5a);
}

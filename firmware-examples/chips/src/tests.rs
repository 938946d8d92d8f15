//! The set-up of each selected chip, run against a model of the chip.

use crate::count;

mod model;
mod suite;

/// Runs every test of [`suite`] for one chip.
macro_rules! suite {
    ($chip:ty) => {
        suite!($chip: the_registers_give_the_clock_rate_of_the_board,
            the_port_has_its_bit_rate,
            registers_hold_the_values_of_the_manual,
            a_clock_that_does_not_start_is_reported_over_a_port_that_works,
            the_model_rejects_a_set_up_that_omits_a_step,
            the_model_rejects_a_set_up_that_does_not_wait,
            bytes_pass_through_the_port);
    };
    ($chip:ty: $($test:ident),*) => {
        $(
            #[test]
            fn $test() {
                super::suite::$test::<$chip>();
            }
        )*
    };
}

#[cfg(any(feature = "nrf52833", feature = "nrf52840"))]
mod nrf52;
#[cfg(any(feature = "rp2040", feature = "rp235x"))]
mod rp2;
#[cfg(any(feature = "stm32f407vg", feature = "stm32f446re"))]
mod stm32f4;
#[cfg(feature = "stm32h743zi")]
mod stm32h7;

#[test]
fn two_counters_combine_into_one() {
    let counts = [0, 1, 0x7f_ffff, 0x80_0000, 0xff_ffff, 0x100_0000, u32::MAX];
    for count in counts {
        for error in [-1000, -1, 0, 1, 1000] {
            let coarse = count.wrapping_add_signed(error);
            assert_eq!(count::combine(coarse, count & 0xff_ffff), count);
        }
    }
}

//! The set-up of every chip against its model.

extern crate std;

use std::vec::Vec;

use crate::model::Model;
use crate::{BAUD, BOARDS, Board, Setup, Stuck, count, nrf52, stm32f4, stm32h7};

fn started(board: Board) -> Model {
    let mut model = Model::new(board);
    assert_eq!(board.start(&mut model), Ok(()), "{}", board.package);
    model
}

#[test]
fn the_registers_give_the_clock_that_the_board_states() {
    let expected = [
        ("nucleo-f446re", 180_000_000),
        ("f4-discovery", 168_000_000),
        ("nrf52840-dk", 64_000_000),
        ("microbit-v2", 64_000_000),
        ("nucleo-h743zi", 400_000_000),
        ("pico", 133_000_000),
        ("pico2", 150_000_000),
    ];
    for (board, (package, hz)) in BOARDS.into_iter().zip(expected) {
        assert_eq!((board.package, board.clock_hz()), (package, hz));
        let model = started(board);
        match board.setup {
            Setup::Nrf52(_) => {
                assert_eq!(model.written(nrf52::ICACHECNF), 1);
                assert_eq!(model.written(nrf52::HFCLKSTART), 1);
            }
            _ => assert_eq!(model.core_hz, hz, "{package}"),
        }
    }
}

/// Each port's rate is within 1 % of what the host expects, read back from its divisor.
#[test]
fn the_ports_have_their_rate() {
    for board in BOARDS {
        let model = started(board);
        let rate = match board.setup {
            Setup::Stm32F4(_) => model.core_hz / 4 / model.written(stm32f4::BRR),
            Setup::Stm32H7(_) => model.core_hz / 4 / model.written(stm32h7::BRR),
            Setup::Nrf52(_) => {
                ((u64::from(model.written(nrf52::BAUDRATE)) * 16_000_000) >> 32) as u32
            }
            Setup::Rp2(chip) => {
                let divisor =
                    64 * model.written(chip.uart + 0x24) + model.written(chip.uart + 0x28);
                model.core_hz * 4 / divisor
            }
        };
        assert!(rate.abs_diff(BAUD) < BAUD / 100, "{}: {rate} baud", board.package);
    }
}

#[test]
fn a_clock_that_does_not_start_is_named_and_the_port_still_speaks() {
    for board in BOARDS {
        let address = match board.setup {
            Setup::Stm32F4(_) => stm32f4::CR,
            Setup::Stm32H7(_) => stm32h7::CR,
            Setup::Nrf52(_) => nrf52::HFCLKSTARTED,
            Setup::Rp2(chip) => chip.pll,
        };
        let mut model = Model::new(board);
        model.dead = Some(address);
        assert_eq!(board.start(&mut model), Err(Stuck { address }), "{}", board.package);
        match board.setup {
            Setup::Stm32F4(_) => assert_eq!(model.written(stm32f4::BRR), 139),
            Setup::Stm32H7(_) => assert_eq!(model.written(stm32h7::BRR), 556),
            _ => {}
        }
    }
}

#[test]
fn pins_of_both_ports_have_their_registers() {
    assert_eq!([nrf52::pin(8), nrf52::pin(40)], [0x5000_0720, 0x5000_0a20]);
}

#[test]
fn regions_lie_in_their_memory_and_do_not_overlap() {
    for board in BOARDS {
        let Board { flash, blob, .. } = board;
        assert!(blob.start >= flash.start + (64 << 10), "{}", board.package);
        assert_eq!(blob.start + blob.bytes, flash.start + flash.bytes, "{}", board.package);
    }
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

//! The text that the `classify` programs print on the serial port.

use supernano_chips::Stuck;
use supernano_core::wire::CountUnit;
use supernano_runtime::{Board, argmax};

use crate::text::{hexadecimal, number, text};
use crate::{Port, halt};

/// Prints chip, core and clock rate. If a clock did not start, the address of its register replaces
/// the clock rate.
pub fn board<B: Board + Port>(board: &B, clocks: Result<(), Stuck>) {
    text(board, B::CHIP);
    text(board, " ");
    text(board, B::CORE);
    match clocks {
        Ok(()) => {
            text(board, " ");
            number(board, board.clock_hz() as i32);
            text(board, " Hz\n");
        }
        Err(stuck) => {
            text(board, ", ");
            clock_not_started(board, stuck);
        }
    }
}

/// Prints class, logits and count of item `i`. `what` names the item, such as `image`.
pub fn answer<B: Board + Port>(board: &B, what: &str, i: usize, logits: &[i32], count: u32) {
    text(board, what);
    text(board, " ");
    number(board, i as i32);
    text(board, ": class ");
    number(board, argmax(logits) as i32);
    text(board, ", logits");
    for &logit in logits {
        text(board, " ");
        number(board, logit);
    }
    text(board, "\n");
    self::count(board, count);
}

/// Prints a count in the board's unit. An emulator without a counter counts 0.
pub fn count<B: Board + Port>(board: &B, count: u32) {
    if count == 0 {
        text(board, "nothing counts here\n");
        return;
    }
    number(board, count as i32);
    text(
        board,
        match B::UNIT {
            CountUnit::Cycles => " cycles\n",
            CountUnit::Instructions => " instructions\n",
        },
    );
}

/// Prints `end` and stops.
pub fn end(port: &impl Port) -> ! {
    text(port, "end\n");
    halt()
}

/// Prints the address of the register of a clock that did not start, and stops.
pub fn stuck(port: &impl Port, stuck: Stuck) -> ! {
    clock_not_started(port, stuck);
    halt()
}

fn clock_not_started(port: &impl Port, stuck: Stuck) {
    text(port, "clock not started: ");
    hexadecimal(port, stuck.address);
    text(port, "\n");
}

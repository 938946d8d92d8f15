//! The agent's loop over a board's serial port.

use supernano_core::wire::{self, Request};
use supernano_runtime::{Agent, Board, Memory};

/// A serial port that waits.
pub trait Port {
    /// The next byte received.
    fn receive(&self) -> u8;

    /// Sends a byte.
    fn send(&self, byte: u8);
}

/// Answers requests for ever. A sound network that was placed before the start is open from the
/// beginning.
pub fn serve<B: Board + Port>(board: B, memory: Memory<'_>) -> ! {
    let mut agent = Agent::new(board, memory);
    let mut frame = [0; 64];
    let length = wire::encode(0, &Request::OpenPlaced { set: 0 }, &mut frame).unwrap_or(0);
    for &byte in frame.iter().take(length) {
        agent.receive(byte); // a refusal leaves no network open
    }
    loop {
        let byte = agent.board().receive();
        let (board, answer) = agent.receive(byte);
        answer.iter().for_each(|&byte| board.send(byte));
    }
}

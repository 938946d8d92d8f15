//! The agent's loop over a board's serial port.

use supernano_core::wire::{self, MAX_FRAME, Request};
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
    open_placed(&mut agent);
    loop {
        let byte = agent.board().receive();
        let (board, answer) = agent.receive(byte);
        answer.iter().for_each(|&byte| board.send(byte));
    }
}

/// Opens the network that was placed before the start; where it is none, or not sound, the agent
/// refuses it and none is open.
#[inline(never)]
fn open_placed<B: Board>(agent: &mut Agent<'_, B>) {
    let mut frame = [0; MAX_FRAME];
    let length = wire::encode(0, &Request::OpenPlaced { set: 0 }, &mut frame).unwrap_or(0);
    for &byte in frame.iter().take(length) {
        agent.receive(byte);
    }
}

//! The agent's loop over a board's serial port.

use supernano_runtime::{Agent, Board, Memory};

/// A serial port that waits.
pub trait Port {
    /// The next byte received.
    fn receive(&self) -> u8;

    /// Sends a byte.
    fn send(&self, byte: u8);
}

/// Answers requests for ever.
pub fn serve<B: Board + Port>(board: B, memory: Memory<'_>) -> ! {
    let mut agent = Agent::new(board, memory);
    loop {
        let byte = agent.board().receive();
        let (board, answer) = agent.receive(byte);
        answer.iter().for_each(|&byte| board.send(byte));
    }
}

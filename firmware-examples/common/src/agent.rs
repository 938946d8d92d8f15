//! The agent's loop over a board's serial port and over RTT.

use supernano_core::wire::{self, MAX_FRAME, Request};
use supernano_runtime::{Agent, Board, Memory};

use crate::rtt::Rtt;

/// A serial port.
pub trait Port {
    /// The next byte received, if any.
    fn receive(&self) -> Option<u8>;

    /// Sends a byte.
    fn send(&self, byte: u8);
}

/// Answers requests for ever, each on the line that it came on: the serial port, or RTT. A sound
/// network that was placed before the start is open from the beginning.
pub fn serve<B: Board + Port>(board: B, memory: Memory<'_>) -> ! {
    let mut rtt = Rtt::start();
    let mut agent = Agent::new(board, memory);
    open_placed(&mut agent);
    let mut latest_over_rtt = false;
    loop {
        let (byte, over_rtt) = match agent.board().receive() {
            Some(byte) => (byte, false),
            None => match rtt.receive() {
                Some(byte) => (byte, true),
                None => continue,
            },
        };
        if over_rtt != latest_over_rtt {
            agent.receive(0); // ends what began on the other line: a frame is of one line
            latest_over_rtt = over_rtt;
        }
        let (board, answer) = agent.receive(byte);
        if over_rtt {
            rtt.send(answer);
        } else {
            answer.iter().for_each(|&byte| board.send(byte));
        }
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

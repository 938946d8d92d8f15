//! The agent's loop over a board's serial port and over RTT.

use supernano_core::wire::{self, MAX_FRAME, Request};
use supernano_runtime::{Agent, Board, Incoming, Memory, Turn};

use crate::rtt::Rtt;

/// A serial port.
pub trait Port {
    /// Returns the next byte, if there is one.
    fn receive(&self) -> Option<u8>;

    /// Sends a byte.
    fn send(&self, byte: u8);
}

/// Answers requests and never returns. Each answer goes to the line of its request: the serial port
/// or RTT. A valid network that was placed before the start is open from the beginning.
pub fn serve<B: Board + Port>(board: B, memory: Memory<'_>) -> ! {
    let mut rtt = Rtt::start();
    let mut agent = Agent::new(board, memory);
    open_placed(&mut agent);
    let mut turn = Turn::default();
    loop {
        let receive = |rtt_asked| if rtt_asked { rtt.receive() } else { agent.board().receive() };
        let Some(Incoming { byte, second: over_rtt, switched }) = turn.next(receive) else {
            continue;
        };
        if switched {
            agent.receive(0); // ends the incomplete frame of the other line
        }
        let (board, answer) = agent.receive(byte);
        if over_rtt {
            rtt.send(answer);
        } else {
            answer.iter().for_each(|&byte| board.send(byte));
        }
    }
}

/// Opens the network that was placed before the start. If there is none or it is not valid, the
/// agent rejects it and no network is open.
#[inline(never)]
fn open_placed<B: Board>(agent: &mut Agent<'_, B>) {
    let mut frame = [0; MAX_FRAME];
    let length = wire::encode(0, &Request::OpenPlaced { set: 0 }, &mut frame).unwrap_or(0);
    for &byte in frame.iter().take(length) {
        agent.receive(byte);
    }
}

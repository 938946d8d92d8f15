//! Classifies images with a network, all built in.

use supernano_runtime::{Board, Network, argmax, include_network, memory_words};

use crate::Port;
use crate::text::{hexadecimal, number, text};

const NETWORK: &[u8] = include_network!("../../../tests/golden/tiny.snb");
const IMAGES: &[u8] = include_bytes!("../../../tests/golden/tiny.images");

/// Says chip, core and clock, then class, logits and count of each image, then `end`; never returns.
/// `stuck` is the register of a clock that did not start: then no clock is claimed.
pub fn builtin<B: Board + Port>(board: &B, stuck: Option<u32>) -> ! {
    text(board, B::CHIP);
    text(board, " ");
    text(board, B::CORE);
    match stuck {
        None => {
            text(board, " ");
            number(board, board.clock_hz() as i32);
            text(board, " Hz\n");
        }
        Some(address) => {
            text(board, ", clock not started: ");
            hexadecimal(board, address);
            text(board, "\n");
        }
    }
    const WORDS: usize = memory_words(NETWORK);
    let memory = cortex_m::singleton!(: [u32; WORDS] = [0; WORDS]);
    if let (Ok(network), Some(memory)) = (Network::from_bytes(NETWORK), memory) {
        for (i, image) in IMAGES.chunks_exact(network.view().image_len().max(1)).enumerate() {
            let (logits, count) = board.masked(|| {
                let start = board.count();
                let logits = network.run(image, memory).unwrap_or(&[]);
                (logits, board.count().wrapping_sub(start))
            });
            text(board, "image ");
            number(board, i as i32);
            text(board, ": class ");
            number(board, argmax(logits) as i32);
            text(board, ", logits");
            for &logit in logits {
                text(board, " ");
                number(board, logit);
            }
            text(board, "\n");
            if count == 0 {
                text(board, "nothing counts here\n");
            } else {
                number(board, count as i32);
                text(board, if crate::cycles::<B>() { " cycles\n" } else { " instructions\n" });
            }
        }
    }
    text(board, "end\n");
    halt()
}

/// Says which clock did not start, and stops: an agent at an unknown clock measures nothing.
pub fn stuck(port: &impl Port, address: u32) -> ! {
    text(port, "clock not started: ");
    hexadecimal(port, address);
    text(port, "\n");
    halt()
}

fn halt() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

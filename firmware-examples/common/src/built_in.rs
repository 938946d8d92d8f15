//! The network and the six images that the `classify` programs have built in.

use supernano_chips::Stuck;
use supernano_runtime::{Board, Network, include_network, memory_words};

use crate::{Port, counted, report, singleton};

const NETWORK: &[u8] = include_network!("../../../tests/golden/tiny.snb");
/// Pixels `[image, height, width, channel]`, u8.
const IMAGES: &[u8] = include_bytes!("../../../tests/golden/tiny.images");
const IMAGE_BYTES: usize = 9 * 7 * 3;
/// Working memory of the network.
const WORDS: usize = memory_words(NETWORK);

/// Classifies the built-in images on a started board. Prints the board, then class, logits and count
/// of each image, and stops. `clocks` has the register of a clock that did not start.
pub fn classify_built_in<B: Board + Port>(board: &B, clocks: Result<(), Stuck>) -> ! {
    report::board(board, clocks);
    let memory = singleton!(: [u32; WORDS] = [0; WORDS]);
    if let (Ok(network), Some(memory)) = (Network::from_bytes(NETWORK), memory) {
        for (i, image) in IMAGES.chunks_exact(IMAGE_BYTES).enumerate() {
            let (logits, count) = counted(board, || network.run(image, memory).unwrap_or(&[]));
            report::answer(board, "image", i, logits, count);
        }
    }
    report::end(board)
}

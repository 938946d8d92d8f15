//! Classifies six images on QEMU's `mps2-an386`. Prints class, logits and instructions of each on
//! the serial port. The network and the images are built in.
#![no_std]
#![no_main]

use supernano_board::mps2::{M4, Mps2};
use supernano_board::{counted, entry, report, singleton};
use supernano_runtime::{Network, include_network, memory_words};

const NETWORK: &[u8] = include_network!("../../../../tests/golden/tiny.snb");
/// Pixels `[image, height, width, channel]`, u8.
const IMAGES: &[u8] = include_bytes!("../../../../tests/golden/tiny.images");
const IMAGE_BYTES: usize = 9 * 7 * 3;
/// Working memory of the network.
const WORDS: usize = memory_words(NETWORK);

#[entry]
fn main() -> ! {
    let board = Mps2::<M4>::start();
    report::board(&board, Ok(()));
    let memory = singleton!(: [u32; WORDS] = [0; WORDS]);
    if let (Ok(network), Some(memory)) = (Network::from_bytes(NETWORK), memory) {
        for (i, image) in IMAGES.chunks_exact(IMAGE_BYTES).enumerate() {
            let (logits, count) = counted(&board, || network.run(image, memory).unwrap_or(&[]));
            report::answer(&board, "image", i, logits, count);
        }
    }
    report::end(&board)
}

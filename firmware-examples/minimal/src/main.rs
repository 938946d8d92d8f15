//! The least firmware that classifies: a built-in network, a built-in image, one character out.
#![no_std]
#![no_main]

use supernano_board::Port as _;
use supernano_board::mps2::{M4, Mps2};
use supernano_runtime::{Error, Network, argmax, include_network, memory_words};

const NETWORK: &[u8] = include_network!("../../../tests/golden/tiny.snb");
const IMAGE: &[u8] = include_bytes!("../../../tests/golden/tiny.image");

fn classify(memory: &mut [u32]) -> Result<usize, Error> {
    let network = Network::from_bytes(NETWORK)?;
    Ok(argmax(network.run(IMAGE, memory)?))
}

#[supernano_board::entry]
fn main() -> ! {
    const WORDS: usize = memory_words(NETWORK);
    let port = Mps2::<M4>::start();
    if let Some(memory) = supernano_board::singleton!(: [u32; WORDS] = [0; WORDS]) {
        port.send(classify(memory).map_or(b'!', |class| b'0' + class as u8));
    }
    loop {}
}

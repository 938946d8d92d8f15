//! The smallest firmware that classifies: it runs a built-in network on a built-in image and sends the
//! class as one character.
#![no_std]
#![no_main]

use supernano_board::Port as _;
use supernano_board::mps2::{M4, Mps2};
use supernano_runtime::{Error, argmax};

#[cfg(not(feature = "embedded"))]
mod network {
    use supernano_runtime::{Error, KernelSet, Network, include_network, memory_words};

    /// The kernels of residual networks; `cargo xtask code` limits their size.
    #[cfg(not(feature = "all"))]
    const SET: u32 = KernelSet::RESIDUAL.bits();
    #[cfg(feature = "all")]
    const SET: u32 = KernelSet::ALL.bits();

    #[cfg(not(feature = "checked"))]
    const BLOB: &[u8] = include_network!("../../../tests/golden/tiny.snb");
    #[cfg(not(feature = "checked"))]
    pub const IMAGE: &[u8] = include_bytes!("../../../tests/golden/tiny.image");
    #[cfg(feature = "checked")]
    const BLOB: &[u8] = include_network!(env!("SUPERNANO_NETWORK"));
    #[cfg(feature = "checked")]
    pub const IMAGE: &[u8] = include_bytes!(env!("SUPERNANO_IMAGE"));
    pub const WORDS: usize = memory_words(BLOB);

    pub fn run(memory: &mut [u32]) -> Result<&[i32], Error> {
        Network::<SET>::with_kernels(BLOB)?.run(IMAGE, memory)
    }
}

#[cfg(feature = "embedded")]
mod network {
    use supernano_runtime::{Error, embed};

    embed!(static NETWORK = env!("SUPERNANO_NETWORK"));
    pub const IMAGE: &[u8] = include_bytes!(env!("SUPERNANO_IMAGE"));
    pub const WORDS: usize = NETWORK.memory_words();

    pub fn run(memory: &mut [u32]) -> Result<&[i32], Error> {
        NETWORK.run(IMAGE, memory)
    }
}

fn classify(memory: &mut [u32]) -> Result<usize, Error> {
    network::run(memory).map(argmax)
}

#[supernano_board::entry]
fn main() -> ! {
    let port = Mps2::<M4>::start();
    if let Some(memory) = supernano_board::singleton!(: [u32; network::WORDS] = [0; network::WORDS])
    {
        port.send(classify(memory).map_or(b'!', |class| b'0' + class as u8));
    }
    loop {
        core::hint::spin_loop();
    }
}

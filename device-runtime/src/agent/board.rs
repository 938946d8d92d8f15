//! The board under an agent: what the agent asks of it, and the buffers that it provides.

use supernano_core::wire::CountUnit;

/// A board's identity, clock and counter. Each firmware implements it.
pub trait Board {
    /// Name of the chip or of the emulated machine.
    const CHIP: &'static str;
    /// Name of the core.
    const CORE: &'static str;
    /// Unit of [`Self::count`].
    const UNIT: CountUnit;

    /// Frequency of the core's clock, Hz.
    fn clock_hz(&self) -> u32;

    /// The counter: it counts up, modulo 2^32, in [`Self::UNIT`].
    fn count(&self) -> u32;

    /// Runs `f` with interrupts masked.
    fn masked<R>(&self, f: impl FnOnce() -> R) -> R;

    /// Bytes of RAM that are unused, the stack's region included; 0 if the board cannot tell.
    fn free_ram(&self) -> u32 {
        0
    }

    /// Runs `f` and returns the bytes of stack that it used; 0 if the board cannot measure them.
    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        (f(), 0)
    }
}

/// The buffers of an agent.
#[derive(Debug)]
pub struct Memory<'m> {
    /// Receives a blob.
    pub blob: &'m mut [u32],
    /// Arena of an inference.
    pub arena: &'m mut [u32],
    /// Receives an image.
    pub image: &'m mut [u8],
    /// Region in which blobs and images may lie before the agent starts
    /// ([`placed`](supernano_core::wire::placed)).
    pub placed: &'m [u32],
}

//! The memory of an agent: its buffers, and the region that may hold a network before the start
//! (`core/docs/wire-format.md`, "placed").

use core::slice;

unsafe extern "C" {
    static __supernano_blob_start: u32;
    static __supernano_blob_end: u32;
    static __supernano_placed_start: u32;
    static __supernano_placed_end: u32;
}

/// The region of the flash to which `supernano flash` writes a network.
pub fn flashed() -> &'static [u32] {
    let (start, end) = (&raw const __supernano_blob_start, &raw const __supernano_blob_end);
    // SAFETY: `memory.x` defines these linker symbols as the bounds of flash without a section.
    // `cargo xtask boards` compares them with `supernano_facts` and with every section.
    unsafe { words(start, end) }
}

/// The region into which an emulator loads a network and images.
pub fn loaded() -> &'static [u32] {
    let (start, end) = (&raw const __supernano_placed_start, &raw const __supernano_placed_end);
    // SAFETY: `memory.x` defines these linker symbols as the bounds of memory without a section.
    // `cargo xtask boards` compares them with `supernano_facts` and with every section.
    unsafe { words(start, end) }
}

/// The words from `start` to `end`.
///
/// # Safety
/// `start` and `end` must be multiples of 4 and the bounds of memory that is initialised before the
/// start, that holds no section of the program, and that nothing writes while the program runs.
unsafe fn words(start: *const u32, end: *const u32) -> &'static [u32] {
    let words = (end as usize - start as usize) / size_of::<u32>();
    // SAFETY: the contract of this function; only shared references to the memory exist
    unsafe { slice::from_raw_parts(start, words) }
}

/// The memory of an agent, with buffers of these sizes: `buffers!(blob: 24 KiB, arena: 64 KiB, image:
/// 8 KiB, placed: flashed())`. Stops the program if it is evaluated a second time.
#[macro_export]
macro_rules! buffers {
    (blob: $blob:literal KiB, arena: $arena:literal KiB, image: $image:literal KiB,
        placed: $placed:expr) => {
        match (
            $crate::singleton!(: [u32; $blob << 8] = [0; $blob << 8]),
            $crate::singleton!(: [u32; $arena << 8] = [0; $arena << 8]),
            $crate::singleton!(: [u8; $image << 10] = [0; $image << 10]),
        ) {
            (Some(blob), Some(arena), Some(image)) => {
                $crate::Memory { blob, arena, image, placed: $placed }
            }
            _ => $crate::halt(),
        }
    };
}

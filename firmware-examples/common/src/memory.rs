//! The memory of an agent: its buffers, and the region in which a network may lie before the start.

use core::slice;

unsafe extern "C" {
    static __supernano_blob_start: u32;
    static __supernano_blob_end: u32;
}

/// The region that may hold a network and images before the start (`core/docs/wire-format.md`,
/// "placed"): flash, or memory that an emulator has filled.
pub fn placed() -> &'static [u32] {
    let (start, end) = (&raw const __supernano_blob_start, &raw const __supernano_blob_end);
    let words = (end as usize - start as usize) / size_of::<u32>();
    // SAFETY: the two linker symbols are the bounds of initialised memory, start at a multiple of 4,
    // and enclose no section: `memory.x` of the package defines them, and `cargo xtask boards`
    // compares them with `supernano_facts` and with every section of the ELF file. The program
    // therefore has no other reference to this memory, and nothing writes to it.
    unsafe { slice::from_raw_parts(start, words) }
}

/// The memory of an agent, with buffers of these sizes: `buffers!(blob: 24 KiB, arena: 64 KiB, image:
/// 8 KiB)`. Stops the program if it is evaluated a second time.
#[macro_export]
macro_rules! buffers {
    (blob: $blob:literal KiB, arena: $arena:literal KiB, image: $image:literal KiB) => {
        match (
            $crate::singleton!(: [u32; $blob << 8] = [0; $blob << 8]),
            $crate::singleton!(: [u32; $arena << 8] = [0; $arena << 8]),
            $crate::singleton!(: [u8; $image << 10] = [0; $image << 10]),
        ) {
            (Some(blob), Some(arena), Some(image)) => {
                $crate::Memory { blob, arena, image, placed: $crate::placed() }
            }
            _ => $crate::halt(),
        }
    };
}

//! Damaged networks with a correct checksum. A network that passes the check must run without a
//! panic, in an arena of exactly the size that it declares, with equal logits from both sets of
//! kernels.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::blob::BlobView;
use supernano_core::exec::{Network, macs};
use supernano_core::kernel::{Host, Kernels, Packed, Reference};
use supernano_fuzz::{AlignedBytes, Input, damaged};

/// Largest number of multiply-accumulates that the target executes. The undamaged network has 59,709.
/// With instrumentation the reference takes tens of milliseconds for a million, and the fuzzer prefers
/// larger networks, because they reach more code.
const MAX_MACS: u64 = 150_000;
/// Largest arena that the target allocates, words. The undamaged network takes 394.
const MAX_ARENA: usize = 1 << 16;

/// Logits of an image, or `None` for an arena above [`MAX_ARENA`].
fn executed<K: Kernels>(view: &BlobView<'_>, kernels: K, image: &[u8]) -> Option<Vec<i32>> {
    let network = Network::new(view, kernels);
    if network.arena_words() > MAX_ARENA {
        return None;
    }
    let mut arena = vec![0; network.arena_words()];
    let mut logits = vec![0; view.classes()];
    assert!(network.run(image, &mut arena, &mut logits, &mut ()).is_ok());
    Some(logits)
}

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let blob = AlignedBytes::new(&damaged(&mut input));
    let Ok(view) = BlobView::new_checked(blob.bytes()) else { return };
    let header = view.header();
    if header.ops.iter().map(|op| macs(&view, op)).sum::<u64>() > MAX_MACS {
        return;
    }
    let image: Vec<u8> = (0..view.image_len()).map(|i| input.u8() ^ i as u8).collect();
    let Some(reference) = executed(&view, Reference, &image) else { return };
    let Some(packed) = executed(&view, Packed(Host::default()), &image) else { return };
    assert_eq!(reference, packed);
});

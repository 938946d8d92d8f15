//! Networks that are damaged behind a right checksum: what the check lets through runs, in an arena
//! of just the length that it asks for, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::blob::BlobView;
use supernano_core::exec::{Network, macs};
use supernano_core::kernel::{Host, Packed, Reference};
use supernano_fuzz::{Bytes, Words, damaged};

/// Work of one inference that a run of this target may take.
const MACS: u64 = 2_000_000;
const ARENA: usize = 1 << 22;

fuzz_target!(|input: &[u8]| {
    let mut input = Bytes(input);
    let blob = Words::new(&damaged(&mut input));
    let Ok(view) = BlobView::new_checked(blob.bytes()) else { return };
    let header = view.header();
    if header.ops.iter().map(|op| macs(&view, op)).sum::<u64>() > MACS {
        return;
    }
    let image: Vec<u8> = (0..view.image_len()).map(|i| input.u8() ^ i as u8).collect();
    let mut found = Vec::new();
    for fast in [false, true] {
        let mut logits = vec![0; view.classes()];
        let ran = if fast {
            let network = Network::new(&view, Packed(Host::default()));
            if network.arena_words() > ARENA {
                return;
            }
            let mut arena = vec![0; network.arena_words()];
            network.run(&image, &mut arena, &mut logits, &mut ())
        } else {
            let network = Network::new(&view, Reference);
            if network.arena_words() > ARENA {
                return;
            }
            let mut arena = vec![0; network.arena_words()];
            network.run(&image, &mut arena, &mut logits, &mut ())
        };
        assert!(ran.is_ok());
        found.push(logits);
    }
    assert_eq!(found[0], found[1]);
});

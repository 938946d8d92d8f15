extern crate std;
use std::vec;
use std::vec::Vec;

use super::*;

const BLOB: &[u8] = include_network!("../../../tests/golden/tiny.snb");
const IMAGE: &[u8] = include_bytes!("../../../tests/golden/tiny.image");
const WORDS: usize = memory_words(BLOB);

fn golden() -> Vec<i32> {
    let text = include_str!("../../../tests/golden/tiny.logits");
    text.split_whitespace().map(|n| n.parse().unwrap()).collect()
}

#[test]
fn a_network_gives_the_golden_logits_whole_and_in_steps() {
    let network = Network::from_bytes(BLOB).unwrap();
    assert_eq!(network.memory_words(), WORDS);
    let mut memory = [0x5a5a_5a5a; WORDS];
    assert_eq!(network.run(IMAGE, &mut memory).unwrap(), golden());
    network.image_mut(&mut memory).unwrap().copy_from_slice(IMAGE);
    let (mut op, mut steps) = (Some(0), 0);
    while let Some(at) = op {
        op = network.step(at, &mut memory).unwrap();
        steps += 1;
    }
    assert!(steps > 3);
    assert_eq!(network.logits(&mut memory).unwrap(), golden());
}

#[test]
fn a_word_less_is_refused_with_its_numbers() {
    let network = Network::from_bytes(BLOB).unwrap();
    let mut memory = vec![7; WORDS - 1];
    let error = Error::ArenaTooSmall { needed: 4 * WORDS, found: 4 * WORDS - 4 };
    assert_eq!(network.run(IMAGE, &mut memory), Err(error));
    assert_eq!(network.step(0, &mut memory), Err(error));
    assert!(memory.iter().all(|&w| w == 7));
    let mut memory = vec![7; WORDS];
    let error = Error::ImageLength { expected: IMAGE.len(), found: IMAGE.len() - 1 };
    assert_eq!(network.run(&IMAGE[1..], &mut memory), Err(error));
    assert!(memory.iter().all(|&w| w == 7));
}

#[test]
fn what_is_no_blob_needs_no_memory_and_is_refused() {
    assert_eq!(memory_words(&[]), 0);
    assert!(Network::from_bytes(&BLOB[..BLOB.len() - 4]).is_err());
}

embed!(static EMBEDDED = "../../../tests/golden/tiny.snb");

#[test]
fn an_embedded_network_gives_the_golden_logits_with_its_own_kernels() {
    let mut memory = [0; EMBEDDED.memory_words()];
    assert_eq!(memory.len(), WORDS);
    assert_eq!(EMBEDDED.run(IMAGE, &mut memory).unwrap(), golden());
    assert_ne!(EMBEDDED.view().kernels(), KernelSet::ALL);
}

#[test]
fn a_set_without_a_network_s_kernels_refuses_it() {
    const NONE: u32 = KernelSet::NONE.bits();
    let refused = Network::<NONE>::with_kernels(BLOB).map(|_| ());
    assert!(matches!(refused, Err(Error::BlobOp { op: 0, .. })), "{refused:?}");
    // The network has Winograd's kernels, which the direct ones do not replace.
    const DIRECT: u32 = 0x7f;
    assert!(Network::<DIRECT>::with_kernels(BLOB).is_err());
    assert!(Network::<{ KernelSet::RESIDUAL.bits() }>::with_kernels(BLOB).is_ok());
}

#[test]
#[should_panic(expected = "damaged")]
fn a_damaged_blob_is_not_embedded() {
    let mut words: [u32; BLOB.len() / 4] = blob_words(BLOB);
    words[20] ^= 1;
    let _ = Network::<ALL>::embedded(&words);
}

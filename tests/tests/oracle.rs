//! The independent oracle against every executor of core, integers with `==`.

use std::fs;

use supernano_core::blob::BlobView;
use supernano_core::exec::Network;
use supernano_core::kernel::{Host, Kernels, Packed, Reference, Scalar};
use supernano_tests::command::{root, supernano};
use supernano_tests::oracle::Oracle;
use supernano_tests::random::{Random, words};
use supernano_tests::small::{SmallRun, grey, large};

fn executed<K: Kernels>(blob: &[u8], kernels: K, image: &[u8]) -> Vec<i128> {
    let aligned = words(blob);
    let bytes: &[u8] = bytemuck::cast_slice(&aligned);
    let view = BlobView::new_checked(bytes).unwrap();
    let network = Network::new(&view, kernels);
    let mut arena = vec![0x5a5a_5a5a; network.arena_words()];
    let mut logits = vec![0; view.classes()];
    network.run(image, &mut arena, &mut logits, &mut ()).unwrap();
    logits.into_iter().map(i128::from).collect()
}

fn agree(blob: &[u8], images: &[Vec<u8>]) {
    let oracle = Oracle::parse(blob).unwrap();
    for image in images {
        let expected = oracle.logits(image);
        assert_eq!(executed(blob, Reference, image), expected, "reference kernels");
        assert_eq!(executed(blob, Packed(Scalar), image), expected, "packed kernels");
        assert_eq!(executed(blob, Packed(Host::default()), image), expected, "the host's tile");
    }
}

fn images(oracle: &Oracle, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let length = oracle.image_len();
    let mut random = Random(seed);
    let mut images: Vec<_> = (0..count).map(|_| random.bytes(length)).collect();
    images.extend([vec![0; length], vec![255; length]]);
    images
}

#[test]
fn the_golden_blob_gives_the_golden_logits() {
    let golden = |name: &str| fs::read(root().join("tests/golden").join(name)).unwrap();
    let blob = golden("tiny.snb");
    let oracle = Oracle::parse(&blob).unwrap();
    assert_eq!((oracle.space.as_str(), oracle.code.as_str()), ("test", "1-2-3"));
    assert_eq!(oracle.labels.len(), oracle.classes);
    let text = String::from_utf8(golden("tiny.logits")).unwrap();
    let expected: Vec<i128> = text.lines().map(|l| l.trim().parse().unwrap()).collect();
    assert_eq!(oracle.logits(&golden("tiny.image")), expected);
    agree(&blob, &images(&oracle, 1, 200));
}

/// The golden blob of version 2, upgraded, is that of version 3 and has the same logits.
#[test]
fn an_upgraded_blob_is_the_golden_one() {
    let golden = |name: &str| fs::read(root().join("tests/golden").join(name)).unwrap();
    let (old, new) = (golden("tiny-2.snb"), golden("tiny.snb"));
    assert!(Oracle::parse(&old).unwrap_err().contains("version 2"));
    let folder = tempfile::TempDir::new().unwrap();
    let (from, to) = (root().join("tests/golden/tiny-2.snb"), folder.path().join("new.snb"));
    let (from, to) = (from.display().to_string(), to.display().to_string());
    supernano(&["check", &from, "--images", "1"]).fails(2, &["supernano dev upgrade"]);
    supernano(&["dev", "upgrade", &from, "-o", &to]).succeeds();
    assert!(fs::read(&to).unwrap() == new);
    let again = ["dev", "upgrade", &to, "-o", &to, "--overwrite"];
    supernano(&again).fails(2, &["found 3"]);
}

#[test]
fn the_golden_layers_give_their_logits() {
    let golden = |name: &str| fs::read(root().join("tests/golden").join(name)).unwrap();
    let blob = golden("layers.snb");
    let oracle = Oracle::parse(&blob).unwrap();
    let text = String::from_utf8(golden("layers.logits")).unwrap();
    let expected: Vec<i128> = text.lines().map(|l| l.trim().parse().unwrap()).collect();
    assert_eq!(oracle.logits(&golden("layers.image")), expected);
    agree(&blob, &images(&oracle, 3, 20));
}

/// Every pair of properties of layers, in units of their own and in rolled units.
#[test]
fn generated_networks_agree() {
    for (i, case) in supernano_core::suite::pairs(7).iter().enumerate() {
        let oracle = Oracle::parse(case.bytes()).unwrap();
        let expected = oracle.logits(&case.image);
        let found = executed(case.bytes(), Reference, &case.image);
        assert_eq!(found, expected, "{}", case.name);
        if i % 5 == 0 {
            assert_eq!(executed(case.bytes(), Packed(Scalar), &case.image), expected);
        }
    }
}

#[test]
fn a_damaged_blob_is_refused() {
    let blob = fs::read(root().join("tests/golden/tiny.snb")).unwrap();
    for place in (0..blob.len()).step_by(97) {
        let mut damaged = blob.clone();
        damaged[place] ^= 4;
        assert!(Oracle::parse(&damaged).is_err(), "byte {place}");
    }
}

fn exported_agrees(run: &SmallRun, code: &str, count: usize) {
    let file = run.file(&format!("{code}-oracle.snb"));
    supernano(&["export", &run.name(), code, "-o", &file, "--json"]).json();
    let blob = fs::read(file).unwrap();
    let oracle = Oracle::parse(&blob).unwrap();
    assert_eq!(oracle.code, code);
    agree(&blob, &images(&oracle, 2, count));
}

#[test]
fn exported_grey_networks_agree() {
    exported_agrees(grey(), "4-4-4-4", 3);
    exported_agrees(grey(), "12-8-16-16", 3);
}

#[test]
fn exported_large_networks_agree() {
    exported_agrees(large(), "4-8-12", 2);
}

//! Compares the expected output of the `classify` firmware with the oracle. With `SUPERNANO_BLESS=1` the
//! test writes the images; otherwise it compares them with the stored ones.

use std::fs;

use supernano_tests::command::root;
use supernano_tests::oracle::Oracle;

/// Machines with a `classify` firmware, by the directory of their `classify.txt`.
const MACHINES: [&str; 7] =
    ["qemu-m0", "qemu-m3", "qemu-m4", "qemu-m7", "qemu-m33", "qemu-m55", "f4-discovery"];

fn golden(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/golden").join(name)).unwrap()
}

/// Colours of the plain images. The fourth has another class than the others.
const COLOURS: [[u8; 3]; 5] = [[0; 3], [255; 3], [255, 0, 0], [234, 21, 16], [0, 128, 255]];

/// The golden image, then the plain images.
fn images() -> Vec<Vec<u8>> {
    let golden = golden("tiny.image");
    let plain = COLOURS.map(|colour| colour.into_iter().cycle().take(golden.len()).collect());
    [golden].into_iter().chain(plain).collect()
}

fn expected(oracle: &Oracle, i: usize, image: &[u8]) -> (usize, String) {
    let logits = oracle.logits(image);
    let class = (0..logits.len()).rev().max_by_key(|&c| logits[c]).unwrap();
    let text: Vec<String> = logits.iter().map(ToString::to_string).collect();
    (class, format!("image {i}: class {class}, logits {}", text.join(" ")))
}

#[test]
fn built_in_images_and_their_logits() {
    let oracle = Oracle::parse(&golden("tiny.snb")).unwrap();
    let images = images();
    if std::env::var_os("SUPERNANO_BLESS").is_some() {
        fs::write(root().join("tests/golden/tiny.images"), images.concat()).unwrap();
    }
    assert_eq!(golden("tiny.images"), images.concat());
    let (classes, lines): (Vec<usize>, Vec<String>) =
        images.iter().enumerate().map(|(i, image)| expected(&oracle, i, image)).unzip();
    assert!(classes.iter().any(|&c| c != classes[0]), "one class only: {classes:?}");
    for machine in MACHINES {
        let file = root().join("firmware-examples").join(machine).join("classify.txt");
        let text = fs::read_to_string(&file).unwrap();
        let said: Vec<&str> = text.lines().filter(|l| l.starts_with("image ")).collect();
        assert_eq!(said, lines, "{machine}");
    }
}

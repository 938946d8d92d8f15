//! A network on the emulated micro:bit: a Cortex-M0 with 16 KiB of RAM.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use supernano_core::blob::BlobView;
use supernano_core::exec::Network;
use supernano_core::kernel::Reference;
use supernano_core::wire::placed;
use supernano_tests::command::{firmware, supernano};
use tempfile::TempDir;

/// ResNet20 with 4, 8 and 16 channels.
const SMALL: &str = "4-4-4-4-4-4-4-8-8-8-8-8-8-16-16-16-16-16-16";
const IMAGES: usize = 3;

#[test]
fn the_small_network_gives_the_references_logits_in_16_kib() {
    let here = TempDir::new().unwrap();
    let directory = here.path().to_str().unwrap();
    supernano(&["dev", "synthetic", "resnet20", SMALL, "--prelu", "-o", directory]).succeeds();
    let blob = fs::read(here.path().join(SMALL).with_extension("snb")).unwrap();
    let mut words = vec![0u32; blob.len().div_ceil(4)];
    bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..blob.len()].copy_from_slice(&blob);
    let view = BlobView::new_checked(bytemuck::cast_slice(&words)).unwrap();
    let images: Vec<u8> = (0..IMAGES * view.image_len()).map(|i| (i * i / 7 % 256) as u8).collect();
    let expected: Vec<Vec<i32>> = images
        .chunks_exact(view.image_len())
        .map(|image| {
            let network = Network::new(&view, Reference);
            let mut arena = vec![0; network.arena_words()];
            let mut logits = vec![0; view.classes()];
            network.run(image, &mut arena, &mut logits, &mut ()).unwrap();
            logits
        })
        .collect();

    let header =
        [placed::MAGIC, blob.len() as u32, IMAGES as u32, view.image_len() as u32].map(u32::to_le);
    let mut flash = bytemuck::cast_slice::<u32, u8>(&header).to_vec();
    flash.extend(bytemuck::cast_slice::<u32, u8>(&words));
    flash.extend(&images);
    let file = here.path().join("flash");
    fs::write(&file, flash).unwrap();
    let mut qemu = supernano_setup::emulator()
        .args(["-M", "microbit", "-display", "none", "-monitor", "none", "-serial", "stdio"])
        .arg("-kernel")
        .arg(firmware("microbit-classify"))
        .arg("-device")
        .arg(format!("loader,file={},addr=0x20000,force-raw=on", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(qemu.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.take(IMAGES + 1).collect();
    qemu.kill().unwrap();
    qemu.wait().unwrap();
    assert_eq!(said.last().map(String::as_str), Some("end"), "{said:?}");
    for (line, expected) in said.iter().zip(&expected) {
        let found: Vec<i32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
        assert_eq!(&found, expected);
    }
}

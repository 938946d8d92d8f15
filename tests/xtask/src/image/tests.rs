//! A valid image, and images with one defect each.

use supernano_facts::{Board, F4_DISCOVERY, NUCLEO_H743ZI, PICO, PICO2, Region};

use super::{Image, Section, crc};

fn section(name: &str, address: u32, data: Vec<u8>) -> Section {
    Section {
        name: name.into(),
        address: address.into(),
        size: data.len() as u64,
        data,
        writable: false,
    }
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn sound(board: &Board) -> Image {
    let (flash, stack) = (board.flash.start, board.stack);
    let mut sections = vec![
        section(
            ".vector_table",
            flash + if board.chip.name == "RP2040" { 0x100 } else { 0 },
            bytes(&[stack.start + stack.bytes, flash + 0x1001, flash + 0x1003, 0]),
        ),
        section(".text", flash + 0x1000, vec![0; 64]),
        Section { size: 4096, writable: true, ..section(".bss", board.ram.start, Vec::new()) },
    ];
    match board.chip.name {
        "RP2040" => {
            let mut data = vec![7; 252];
            data.extend(crc(&data).to_le_bytes());
            sections.push(section(".boot2", flash, data));
        }
        "RP235x" => {
            let block = bytes(&[0xffff_ded3, 0x1021_0142, 0x1ff, 0, 0xab12_3579]);
            sections.push(section(".start_block", flash + 0x7c0, block));
        }
        _ => {}
    }
    let start = u64::from(board.blob.start);
    let blob = Some(start..start + u64::from(board.blob.bytes));
    Image { sections, blob, placed: None, rtt: Some(board.ram.start.into()) }
}

fn refuses(board: &Board, spoil: impl Fn(&mut Image), problem: &str) {
    let mut image = sound(board);
    spoil(&mut image);
    let found = image.problems(board);
    assert!(found.iter().any(|p| p.contains(problem)), "{problem}: {found:?}");
}

#[test]
fn sound_images_pass() {
    for board in &supernano_facts::BOARDS {
        assert_eq!(sound(board).problems(board), [""; 0], "{}", board.package.name);
    }
}

#[test]
fn unsound_images_are_refused() {
    let board = &F4_DISCOVERY;
    refuses(board, |i| i.sections[0].address += 4, "vector table at");
    refuses(board, |i| i.sections[0].data[0] ^= 8, "stack pointer");
    refuses(board, |i| i.sections[0].data[4] &= !1, "not Thumb code");
    refuses(board, |i| i.sections[0].data[8] &= !1, "vector 2");
    refuses(board, |i| i.sections[1].size = 1 << 20, ".text at");
    refuses(board, |i| i.sections[1].data = vec![0; 300 << 10], "bytes of flash");
    refuses(board, |i| i.sections[2].size = 200 << 10, ".bss at");
    refuses(board, |i| i.sections[2].size = 109 << 10, "bytes of stack");
    refuses(board, |i| i.sections[1].data.extend(b"panicked at"), "text of a panic");
    refuses(board, |i| i.blob = None, "blob region");
    refuses(&PICO, |i| i.sections[3].data[9] ^= 1, "second boot stage");
    refuses(&PICO2, |i| i.sections[3].address += 4096, "image definition");
    refuses(&PICO2, |i| i.sections[3].data[4] ^= 1, "image definition");
}

#[test]
fn a_section_in_the_region_for_a_network_is_refused() {
    let mut image = sound(&F4_DISCOVERY);
    let region = F4_DISCOVERY.blob;
    assert_eq!(image.region_problems(region), [""; 0]);
    let shorter = Region { bytes: region.bytes - 4, ..region };
    assert!(image.region_problems(shorter)[0].contains("blob region"));
    (image.placed, image.blob) = (image.blob, None);
    assert_eq!(image.region_problems(region), [""; 0]);
    image.sections.push(section(".data", region.start + region.bytes - 1, vec![0; 2]));
    assert_eq!(image.region_problems(region), [".data in the region for a network"]);
}

#[test]
fn a_separate_stack_has_its_full_size() {
    assert_eq!(sound(&NUCLEO_H743ZI).stack(NUCLEO_H743ZI.stack.start.into()), 128 << 10);
    assert_eq!(sound(&F4_DISCOVERY).stack(F4_DISCOVERY.stack.start.into()), 124 << 10);
}

#[test]
fn channels_of_rtt_are_in_ram() {
    let mut image = sound(&F4_DISCOVERY);
    assert!(image.has_channels());
    image.rtt = Some(u64::from(F4_DISCOVERY.ram.start) + 4096 - 2119);
    assert!(!image.has_channels(), "buffers beyond the section");
    image.rtt = Some(u64::from(F4_DISCOVERY.flash.start) + 0x1000);
    assert!(!image.has_channels(), "in flash");
    image.rtt = None;
    assert!(!image.has_channels());
}

/// The check value of CRC-32/MPEG-2.
#[test]
fn the_sum_of_the_boot_rom() {
    assert_eq!(crc(b"123456789"), 0x0376_e6e7);
}

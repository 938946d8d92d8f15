//! The kernels chosen for one network under limits of flash and RAM.

use supernano_base::blob::Blob;
use supernano_base::images::Images;
use supernano_core::arch::Arch;
use supernano_core::graph::{KernelKind, Op};
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::RESNET8;
use supernano_search::cost::device::KINDS;
use supernano_search::cost::instructions::InstructionTable;
use supernano_search::cost::kernels::{SizeLimits, modelled, rewritten, within};
use supernano_train::export::Prefer;
use supernano_train::synthetic;

fn network() -> Blob {
    let arch = Arch::parse(&RESNET8, "4-8-12-16-20-24").unwrap();
    let plan = resolve(&RESNET8, &arch, Enhancement::PRELU_OE, BranchScheme::Shared);
    synthetic::blob(&RESNET8, &plan, "4-8-12-16-20-24", Prefer::Ram, 1).unwrap()
}

fn kinds(blob: &Blob) -> Vec<KernelKind> {
    let ops = blob.view().unwrap().header().ops;
    let kind = |op: &Op| if let Op::Conv(c) = op { Some(c.kind) } else { None };
    ops.iter().filter_map(kind).collect()
}

/// Every choice of kinds, tried.
fn brute(blob: &Blob, room: SizeLimits, table: &InstructionTable) -> u64 {
    let n = kinds(blob).len();
    let all = KINDS;
    let mut least = u64::MAX;
    for code in 0..all.len().pow(n as u32) {
        let digit = |op: usize| all[code / all.len().pow(op as u32) % all.len()];
        let header = blob.view().unwrap().header();
        let pointless = header.ops.iter().enumerate().any(|(i, op)| {
            matches!(op, Op::Conv(c) if !digit(i).suits(&c.geometry)
                && digit(i) != KernelKind::Direct)
        });
        if pointless {
            continue;
        }
        let other = rewritten(blob, &|op, _| digit(op)).unwrap();
        if room.holds(&other).unwrap() {
            least = least.min(modelled(&other, table).unwrap());
        }
    }
    least
}

#[test]
fn what_is_chosen_fits_and_answers_the_same() {
    let blob = network();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let shape = RESNET8.input;
    let pixels: Vec<u8> = (0..2 * shape.len()).map(|i| (i * 37 % 251) as u8).collect();
    let images = Images { shape, pixels, labels: vec![0; 2] };
    let logits = blob.logits(&images).unwrap();
    let (flash, ram) = (blob.bytes().len(), blob.view().unwrap().arena_bytes());
    let mut before = u64::MAX;
    for extra in [0, 4_000, 12_000, 100_000] {
        for arena in [ram, usize::MAX] {
            let room = SizeLimits { flash: Some(flash + extra), ram: Some(arena) };
            let fitted = within(&blob, room, &table).unwrap();
            assert!(room.holds(&fitted).unwrap());
            assert_eq!(fitted.logits(&images).unwrap(), logits);
            if arena == usize::MAX {
                // More room is never worse.
                let count = modelled(&fitted, &table).unwrap();
                assert!(count <= before, "{extra}: {count} after {before}");
                before = count;
            }
        }
    }
    let fast = within(&blob, SizeLimits::default(), &table).unwrap();
    assert!(kinds(&fast).contains(&KernelKind::Winograd));
    assert!(kinds(&blob).iter().all(|&k| k == KernelKind::Direct));
}

#[test]
fn the_choice_is_the_best_there_is() {
    let blob = network();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let room = SizeLimits { flash: Some(blob.bytes().len() + 8_000), ram: None };
    let found = modelled(&within(&blob, room, &table).unwrap(), &table).unwrap();
    let best = brute(&blob, room, &table);
    // Bytes are counted in grains, so a hair's breadth may be left.
    assert!(found >= best && found - best <= best / 200, "{found} against {best}");
}

#[test]
fn too_little_room_is_refused_with_what_would_do() {
    let blob = network();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let room = SizeLimits { flash: Some(blob.bytes().len() - 4), ram: None };
    let error = within(&blob, room, &table).unwrap_err();
    assert!(error.to_string().contains(&blob.bytes().len().to_string()), "{error}");
}

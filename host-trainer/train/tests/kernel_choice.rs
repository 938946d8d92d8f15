//! The kernels chosen for one network under limits of flash and RAM.

use supernano_base::blob::Blob;
use supernano_base::images::Images;
use supernano_core::arch::Arch;
use supernano_core::graph::{Conv, KernelKind, Op};
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{RESNET8, RESNET20};
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

/// Blob, arena and modelled instructions of every choice of kinds.
fn every_choice(blob: &Blob, table: &InstructionTable) -> Vec<(usize, usize, u64)> {
    let header = blob.view().unwrap().header();
    let free: Vec<usize> = (0..header.ops.len())
        .filter(|&i| matches!(header.ops[i], Op::Conv(c) if KINDS[1].suits(&c.geometry)))
        .collect();
    let of = |code: usize| {
        let chosen = |op: usize, _: &Conv| match free.iter().position(|&f| f == op) {
            Some(at) => KINDS[code / KINDS.len().pow(at as u32) % KINDS.len()],
            None => KernelKind::Direct,
        };
        let other = rewritten(blob, &chosen).unwrap();
        let arena = other.view().unwrap().arena_bytes();
        (other.bytes().len(), arena, modelled(&other, table).unwrap())
    };
    (0..KINDS.len().pow(free.len() as u32)).map(of).collect()
}

#[test]
fn what_is_chosen_fits_and_answers_the_same() {
    let blob = network();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let shape = RESNET8.input;
    let pixels: Vec<u8> = (0..2 * shape.len()).map(|i| (i * 37 % 251) as u8).collect();
    let images = Images::new(shape, pixels, vec![0; 2]);
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
    assert!(kinds(&fast).iter().any(|kind| kind.tiling().is_some()));
    assert!(kinds(&blob).iter().all(|&k| k == KernelKind::Direct));
}

#[test]
fn no_choice_within_the_limits_has_fewer_instructions() {
    let blob = network();
    for core in ["cortex-m0", "cortex-m4"] {
        let table = InstructionTable::of_core(core).unwrap();
        let all = every_choice(&blob, &table);
        assert_eq!(all.len(), KINDS.len().pow(5));
        let levels = |of: fn(&(usize, usize, u64)) -> usize, every: usize| {
            let mut values: Vec<usize> = all.iter().map(of).collect();
            values.sort_unstable();
            values.dedup();
            let last = values.len() - 1;
            let kept = values.into_iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
            let kept: Vec<Option<usize>> = kept.map(|(_, v)| Some(v)).collect();
            [vec![None], kept].concat()
        };
        let arenas = levels(|c| c.1, 1);
        assert!(arenas.len() > 5, "{arenas:?}");
        for flash in levels(|c| c.0, 12) {
            for &ram in &arenas {
                let room = SizeLimits { flash, ram };
                let within_room = |c: &&(usize, usize, u64)| {
                    flash.is_none_or(|f| c.0 <= f) && ram.is_none_or(|r| c.1 <= r)
                };
                let best = all.iter().filter(within_room).map(|c| c.2).min();
                let found = within(&blob, room, &table).ok();
                assert!(found.iter().all(|blob| room.holds(blob).unwrap()), "{room:?}");
                let found = found.map(|blob| modelled(&blob, &table).unwrap());
                assert_eq!(found, best, "{core}, {room:?}");
            }
        }
    }
}

/// An arena between that of direct kernels and that of the fastest kernels is used: some layers
/// keep Winograd's algorithm.
#[test]
fn an_arena_between_the_extremes_is_used() {
    const CODE: &str = "16-12-16-12-16-16-12-24-32-24-32-32-24-48-64-48-64-64-48";
    let arch = Arch::parse(&RESNET20, CODE).unwrap();
    let plan = resolve(&RESNET20, &arch, Enhancement::NONE, BranchScheme::Shared);
    let blob = synthetic::blob(&RESNET20, &plan, CODE, Prefer::Ram, 1).unwrap();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let limited = |ram| within(&blob, SizeLimits { flash: None, ram }, &table).unwrap();
    let arena = |blob: &Blob| blob.view().unwrap().arena_bytes();
    let count = |blob: &Blob| modelled(blob, &table).unwrap();
    let (fast, small) = (limited(None), limited(Some(arena(&blob))));
    assert!(arena(&small) < arena(&fast) && count(&small) > count(&fast));
    assert!(count(&small) < count(&blob), "layers with a small unit can use Winograd's algorithm");
    let mut before = count(&small);
    for ram in (arena(&small)..=arena(&fast)).step_by(400) {
        let found = limited(Some(ram));
        assert!(arena(&found) <= ram && count(&found) <= before, "{ram}");
        before = count(&found);
    }
    assert_eq!(count(&limited(Some(arena(&fast)))), count(&fast));
}

#[test]
fn too_little_room_is_refused_with_what_would_do() {
    let blob = network();
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let room = SizeLimits { flash: Some(blob.bytes().len() - 4), ram: None };
    let error = within(&blob, room, &table).unwrap_err();
    assert!(error.to_string().contains(&blob.bytes().len().to_string()), "{error}");
}

//! Flash and arena that the search models are those of the exported network file.

use rand::Rng as _;
use supernano_base::codes::random_codes;
use supernano_base::images::Images;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::plan::Enhancement;
use supernano_core::space::{BUILTIN, RESNET8};
use supernano_search::cost::CostModel as _;
use supernano_search::cost::device::{DeviceCosts, KINDS};
use supernano_search::cost::instructions::InstructionTable;
use supernano_search::cost::kernels::with_kernels;
use supernano_train::export::Prefer;
use supernano_train::synthetic;

fn model() -> DeviceCosts<'static> {
    DeviceCosts {
        space: &RESNET8,
        enhancement: Enhancement::PRELU_OE,
        labels: 0,
        table: InstructionTable::of_core("cortex-m4").unwrap(),
    }
}

#[test]
fn flash_and_arena_are_those_of_the_exported_blob() {
    for enhancement in [Enhancement::NONE, Enhancement::PRELU_OE] {
        let costs = DeviceCosts { enhancement, ..model() };
        let overhead = costs.table.overhead;
        let mut rng = Key::new(2).rng(Purpose::Sample, 0);
        for _ in 0..8 {
            let code = ArchCode(rng.random_range(0..RESNET8.size()));
            let arch = Arch::from_code(&RESNET8, code).unwrap();
            let plan = supernano_core::plan::resolve(
                &RESNET8,
                &arch,
                enhancement,
                supernano_core::plan::BranchScheme::Shared,
            );
            let code = arch.display(&RESNET8).to_string();
            let plain = synthetic::blob(&RESNET8, &plan, &code, Prefer::Ram, 1).unwrap();
            let ways = |layers: usize| KINDS.len().pow(layers as u32) as u8;
            let kinds: Vec<u8> =
                RESNET8.blocks.iter().map(|b| rng.random_range(0..ways(b.layers()))).collect();
            let blob = with_kernels(&RESNET8, &plain, &kinds).unwrap();
            let exact = costs.costs(&arch, &kinds);
            assert_eq!(exact.flash_bytes, blob.bytes().len() as u64 + overhead.code);
            let arena = blob.view().unwrap().arena_bytes() as u64;
            let logits = 4 * u64::from(RESNET8.classes);
            assert_eq!(exact.ram_bytes, arena + logits + overhead.stack + overhead.statics);
            // Other kernels, the same answers, and back again the same bytes.
            let pixels: Vec<u8> =
                (0..2 * RESNET8.input.len()).map(|i| (i * 37 % 251) as u8).collect();
            let images = Images::new(RESNET8.input, pixels, vec![0; 2]);
            assert_eq!(blob.logits(&images).unwrap(), plain.logits(&images).unwrap());
            assert_eq!(with_kernels(&RESNET8, &blob, &[]).unwrap(), plain_named(&plain));
        }
    }
}

/// In spaces with other layers, the exporter uses the kernels and the rolled layers that the search
/// models.
#[test]
fn costs_of_other_layers_are_those_of_the_exported_blob() {
    let spaces = BUILTIN.iter().filter(|space| !space.is_residual());
    for (space, enhancement) in spaces.zip([Enhancement::OE, Enhancement::NONE].iter().cycle()) {
        let costs = DeviceCosts { space, enhancement: *enhancement, ..model() };
        for coded in random_codes(space, 2, 3) {
            let scheme = supernano_core::plan::BranchScheme::Shared;
            let plan = supernano_core::plan::resolve(space, &coded.arch, *enhancement, scheme);
            let blob = synthetic::blob(space, &plan, &coded.written, Prefer::Ram, 1).unwrap();
            let expected = costs.lowered(&coded.arch, &coded.written, &[]);
            let found = blob.view().unwrap().header();
            for (a, b) in expected.header.convs().zip(found.convs()) {
                assert_eq!(a, b, "{} {}", space.name, coded.written);
            }
            let (exact, overhead) = (costs.costs(&coded.arch, &[]), costs.table.overhead);
            assert_eq!(exact.flash_bytes, blob.bytes().len() as u64 + overhead.code);
            let arena = blob.view().unwrap().arena_bytes() as u64;
            let logits = 4 * u64::from(space.classes);
            assert_eq!(exact.ram_bytes, arena + logits + overhead.stack + overhead.statics);
            assert_eq!(exact.instructions, costs.table.network(&found));
        }
    }
}

/// The same bytes under the name that [`with_kernels`] gives.
fn plain_named(blob: &supernano_base::blob::Blob) -> supernano_base::blob::Blob {
    let place = format!("kernels of {}", blob.view().unwrap().code());
    supernano_base::blob::Blob::new(blob.bytes(), place).unwrap()
}

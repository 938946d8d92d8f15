use rand::Rng as _;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::plan::Enhancement;
use supernano_core::space::{PlacedBlock, RESNET8, RESNET20, Space};

use super::{DeviceCosts, KINDS};
use crate::data::rng::{Key, Purpose};
use crate::export::Prefer;
use crate::search::instructions::InstructionTable;
use crate::search::tables::{Tables, genes};
use crate::search::verify::with_kernels;
use crate::search::{CostModel, Limits, Method, Problem, ScoreModel, search};
use crate::synthetic;

fn model<'a>(space: &'a Space<'a>) -> DeviceCosts<'a> {
    DeviceCosts {
        space,
        enhancement: Enhancement::PRELU_OE,
        labels: 0,
        table: InstructionTable::of_core("cortex-m4").unwrap(),
    }
}

/// Wider is better, by the logarithm.
struct Wide;

impl ScoreModel for Wide {
    fn term(&self, _: &Space<'_>, block: PlacedBlock, _: Option<u8>, options: &[u8]) -> f64 {
        let weights = [0.9, 1.1, 0.0, 1.7, 1.3, 0.8, 2.0, 1.0];
        let each = (block.first..).zip(options);
        each.map(|(i, &o)| weights[i % weights.len()] * f64::from(o + 1).ln()).sum()
    }
}

#[test]
fn parts_add_up_to_exact_flash_and_instructions_and_never_exceed_the_arena() {
    for space in [RESNET8, RESNET20] {
        let costs = model(&space);
        let problem =
            Problem { space: &space, score: &Wide, costs: &costs, limits: Limits::default() };
        let tables = Tables::new(&problem).unwrap();
        let mut rng = Key::new(1).rng(Purpose::Sample, 0);
        let (mut reached, count) = (0, 300);
        for _ in 0..count {
            let code = ArchCode(rng.random_range(0..space.size()));
            let arch = Arch::from_code(&space, code).unwrap();
            let genes = genes(&arch);
            let mut kinds = Vec::new();
            let mut sums = crate::search::tables::Sums { ram: 0, ..tables.base };
            for stage in &tables.stages {
                let ways = stage.entry(&genes);
                let row = ways[rng.random_range(0..ways.len())];
                kinds.push(row.kinds);
                sums = sums.plus(&row.sums);
            }
            let exact = costs.costs(&arch, &kinds);
            assert_eq!(sums.instructions, exact.instructions);
            // A longer code takes up to a byte a layer more than the shortest.
            let more = exact.flash_bytes - sums.flash;
            assert!(more <= space.layers.len() as u64 + 3, "{more} bytes of text");
            let ram = sums.ram + tables.base.ram;
            assert!(ram <= exact.ram_bytes, "{ram} {}", exact.ram_bytes);
            reached += u32::from(ram == exact.ram_bytes);
        }
        // The bound looks at one block at a time; the plan has to hold them all.
        assert!(reached > count / 4, "the bound is reached {reached} times of {count}");
    }
}

#[test]
fn evolution_reaches_what_enumeration_finds_on_resnet8() {
    let costs = model(&RESNET8);
    let overhead = costs.table.overhead;
    let limits = Limits {
        flash_bytes: Some((60 << 10) + overhead.code),
        ram_bytes: Some((20 << 10) + overhead.stack + overhead.statics),
        instructions: Some(5_000_000),
    };
    let problem = Problem { space: &RESNET8, score: &Wide, costs: &costs, limits };
    let exact = search(&problem, &Method::default()).unwrap();
    assert!(exact.exhaustive);
    let evolved =
        search(&problem, &Method { enumerable: 0, seed: 3, ..Method::default() }).unwrap();
    assert!(evolved.optimal);
    assert_eq!(evolved.best().arch, exact.best().arch);
    assert!(exact.front.iter().chain(&evolved.front).all(|c| limits.allow(c.costs)));
}

#[test]
fn flash_and_arena_are_those_of_the_exported_blob() {
    for enhancement in [Enhancement::NONE, Enhancement::PRELU_OE] {
        let costs = DeviceCosts { enhancement, ..model(&RESNET8) };
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
            assert_eq!(exact.ram_bytes, arena + overhead.stack + overhead.statics);
            // Other kernels, the same answers, and back again the same bytes.
            let images = crate::data::Images {
                shape: RESNET8.input,
                pixels: (0..2 * RESNET8.input.len()).map(|i| (i * 37 % 251) as u8).collect(),
                labels: vec![0; 2],
            };
            assert_eq!(blob.logits(&images).unwrap(), plain.logits(&images).unwrap());
            assert_eq!(with_kernels(&RESNET8, &blob, &[]).unwrap(), plain_named(&plain));
        }
    }
}

/// The same bytes under the name that [`with_kernels`] gives.
fn plain_named(blob: &crate::blob::Blob) -> crate::blob::Blob {
    let place = format!("kernels of {}", blob.view().unwrap().code());
    crate::blob::Blob::new(blob.bytes(), place).unwrap()
}

use rand::Rng as _;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::plan::Enhancement;
use supernano_core::space::{PlacedBlock, RESNET8, RESNET20, Space};

use super::DeviceCosts;
use crate::cost::instructions::InstructionTable;
use crate::cost::{CostModel, Limits};
use crate::search::tables::{Sums, Tables, genes};
use crate::search::{Method, Problem, ScoreModel, search};

fn model<'a>(space: &'a Space<'a>) -> DeviceCosts<'a> {
    DeviceCosts {
        space,
        enhancement: Enhancement::PRELU_OE,
        labels: 0,
        table: InstructionTable::of_core("cortex-m4").unwrap(),
    }
}

/// A score that grows with the logarithm of every option.
struct Wide;

impl ScoreModel for Wide {
    fn term(&self, _: &Space<'_>, block: PlacedBlock, _: Option<u8>, options: &[u8]) -> f64 {
        let weights = [0.9, 1.1, 0.0, 1.7, 1.3, 0.8, 2.0, 1.0];
        let each = (block.first..).zip(options);
        each.map(|(i, &o)| weights[i % weights.len()] * f64::from(o + 1).ln()).sum()
    }
}

#[test]
fn block_costs_sum_to_flash_and_instructions_and_bound_the_arena() {
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
            let mut sums = Sums { ram: 0, ..tables.base };
            for table in &tables.blocks {
                let choices = table.entry(&genes);
                let variant = choices[rng.random_range(0..choices.len())];
                kinds.push(variant.kinds);
                sums = sums.plus(&variant.sums);
            }
            let exact = costs.costs(&arch, &kinds);
            assert_eq!(sums.instructions, exact.instructions);
            // A code takes up to one byte a layer more than the shortest one.
            let more = exact.flash_bytes - sums.flash;
            assert!(more <= space.layers.len() as u64 + 3, "{more} bytes of text");
            let ram = sums.ram + tables.base.ram;
            assert!(ram <= exact.ram_bytes, "{ram} {}", exact.ram_bytes);
            reached += u32::from(ram == exact.ram_bytes);
        }
        // The bound considers one block at a time, the arena plan all of them.
        assert!(reached > count / 4, "the bound is reached {reached} times of {count}");
    }
}

#[test]
fn evolution_finds_the_optimum_of_resnet8() {
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

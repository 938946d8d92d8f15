use rand::Rng as _;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::plan::Enhancement;
use supernano_core::space::{RESNET8, RESNET20, Space};

use super::DeviceCosts;
use crate::data::rng::{Key, Purpose};
use crate::search::instructions::InstructionTable;
use crate::search::{CostModel, Limits, Method, Problem, search};

fn model<'a>(space: &'a Space<'a>) -> DeviceCosts<'a> {
    DeviceCosts {
        space,
        enhancement: Enhancement::PRELU_OE,
        labels: 66,
        table: InstructionTable::cortex_m4().unwrap(),
    }
}

#[test]
fn the_smallest_network_is_the_cheapest_in_everything() {
    for space in [RESNET8, RESNET20] {
        let model = model(&space);
        let least = model.costs(&Arch::smallest(&space));
        let mut rng = Key::new(1).rng(Purpose::Sample, 0);
        for _ in 0..2000 {
            let code = ArchCode(rng.random_range(0..space.size()));
            let arch = Arch::from_code(&space, code).unwrap();
            assert!(least.within(model.costs(&arch)), "{}", arch.display(&space));
        }
    }
}

#[test]
fn evolution_reaches_what_enumeration_finds_on_resnet8() {
    let model = model(&RESNET8);
    let score = |arch: &Arch| -> f64 {
        let weights = [0.9, 1.1, 0.0, 1.7, 1.3, 0.8, 2.0];
        arch.options().iter().zip(weights).map(|(&o, w)| w * f64::from(o + 1).ln()).sum()
    };
    let limits = Limits {
        flash_bytes: Some(40 << 10),
        ram_bytes: Some(20 << 10),
        instructions: Some(5_000_000),
    };
    let problem = Problem { space: &RESNET8, score: &score, costs: &model, limits };
    let exact = search(&problem, Method::default()).unwrap();
    for seed in 0..3 {
        let evolved = search(&problem, Method { enumerable: 0, seed }).unwrap();
        assert_eq!(evolved.best(), exact.best(), "seed {seed}");
    }
}

use rand::Rng as _;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::exec::ArenaPlan;
use supernano_core::plan::{Activation, BranchScheme, Enhancement, Plan, resolve};
use supernano_core::space::{self, PlacedBlock, RESNET8, RESNET20, Shortcut, Space};

use super::DeviceCosts;
use crate::data::rng::{Key, Purpose};
use crate::data::{self, DataSpec, Source};
use crate::export::{self, Affines};
use crate::search::instructions::InstructionTable;
use crate::search::{CostModel, Limits, Method, Problem, search};
use crate::supernet::{Act, Block, FoldedConv, FoldedNet, Linear};

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

/// A folded network of a plan's shapes; its numbers do not matter.
fn folded(space: &Space<'_>, plan: &Plan) -> FoldedNet {
    let conv = |input: u16, output: u16, kernel: u8, stride: u8, act: Act| {
        let (input, output, kernel) =
            (usize::from(input), usize::from(output), usize::from(kernel));
        FoldedConv {
            name: "test".into(),
            input,
            output,
            kernel,
            stride: usize::from(stride),
            weight: vec![0.01; input * output * kernel * kernel],
            bias: vec![0.1; output],
            act,
        }
    };
    let layer = |i: usize| {
        let (layer, planned) = (&space.layers[i], &plan.layers[i]);
        let act = match planned.activation {
            Activation::Relu => Act::Relu,
            Activation::Prelu => Act::Prelu(0.25),
        };
        conv(planned.input.0, planned.output.0, layer.kernel, layer.stride, act)
    };
    let block = |placed: PlacedBlock| match placed.block {
        space::Block::Conv => Block::Conv(layer(placed.first)),
        space::Block::Residual(kind) => Block::Residual {
            first: layer(placed.first),
            second: layer(placed.last()),
            shortcut: (kind == Shortcut::Projection).then(|| {
                let (input, output) = (plan.block_input(placed.first), plan.layers[placed.last()]);
                conv(input.0, output.output.0, 1, space.layers[placed.first].stride, Act::None)
            }),
        },
    };
    let (input, output) = (usize::from(plan.features().0), usize::from(space.classes));
    let classifier =
        Linear { input, output, weight: vec![0.1; input * output], bias: vec![0.0; output] };
    FoldedNet { input: space.input, blocks: space.placed_blocks().map(block).collect(), classifier }
}

#[test]
fn flash_and_arena_are_those_of_the_exported_blob() {
    let spec = DataSpec {
        train: Some(20),
        validation: 10,
        test: Some(10),
        ..DataSpec::new(Source::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let labels = dataset.classes.iter().map(|c| c.len() + 1).sum();
    for enhancement in [Enhancement::NONE, Enhancement::PRELU_OE] {
        let model = DeviceCosts { enhancement, labels, ..model(&RESNET8) };
        let mut rng = Key::new(2).rng(Purpose::Sample, 0);
        for _ in 0..8 {
            let code = ArchCode(rng.random_range(0..RESNET8.size()));
            let arch = Arch::from_code(&RESNET8, code).unwrap();
            let plan = resolve(&RESNET8, &arch, enhancement, BranchScheme::Shared);
            let code = arch.display(&RESNET8).to_string();
            let source = export::Source { space: RESNET8.name, code: &code, dataset: &dataset };
            let net = folded(&RESNET8, &plan);
            let net = export::QuantisedNet::with(&net, &Affines::default(), &dataset);
            let blob = export::build(&net, &source).unwrap();
            let costs = model.costs(&arch);
            assert_eq!(costs.flash_bytes, blob.bytes().len() as u64);
            let arena = ArenaPlan::new(&blob.view().unwrap()).bytes();
            assert_eq!(costs.ram_bytes, arena as u64);
        }
    }
}

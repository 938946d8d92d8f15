use supernano_base::progress::Silent;
use supernano_core::plan::Enhancement;
use supernano_core::space::{
    Block, DS_CNN, GLOBAL, Layer, MOBILENET_V2_TINY, Shape, Skip, Space, Stage,
};

use super::super::{ScoreModel, uniform};
use super::*;
use crate::cost::CostModel as _;
use crate::cost::device::DeviceCosts;
use crate::cost::instructions::InstructionTable;
use crate::surrogate::{Link, Surrogate};

/// 2 resolutions, 3 widths, and one or two inverted blocks of 2 x 2 x 2 choices: 432 sub-networks.
const SMALL: Space<'static> = Space {
    name: "small",
    input: Shape { height: 32, width: 32, channels: 3 },
    resolutions: &[24, 32],
    classes: 2,
    layers: &[
        Layer::conv(&[4, 8, 12], 3, 2),
        Layer { expands: true, ..Layer::point(&[2, 4]) },
        Layer::depthwise(&[[3, 3], [5, 5]], 2),
        Layer::point(&[8, 16]),
        Layer { expands: true, ..Layer::point(&[2, 4]) },
        Layer::depthwise(&[[3, 3], [5, 5]], 1),
        Layer::point(&[8, 16]),
        Layer::pool(supernano_core::graph::Form::Average, &[GLOBAL], [1, 1]),
    ],
    blocks: &[
        Block::Conv,
        Block::Inverted(Skip::WhereItFits),
        Block::Inverted(Skip::WhereItFits),
        Block::Pool,
    ],
    stages: &[Stage { first: 1, depths: &[1, 2] }],
    ..Space::EMPTY
};

/// A score with interactions: no choice has an effect that is independent of the others.
struct Rugged;

impl ScoreModel for Rugged {
    fn term(
        &self,
        _: &Space<'_>,
        _: supernano_core::space::PlacedBlock,
        _: Option<u8>,
        _: &[u8],
    ) -> f64 {
        unreachable!("whole sub-networks are scored")
    }

    fn whole(&self, space: &Space<'_>, arch: &Arch) -> f64 {
        let code = arch.code(space).0 as f64;
        let options = space.choices().enumerate();
        let sum: f64 =
            options.map(|(i, c)| f64::from(arch.option(c)) * (1.0 + 0.1 * i as f64)).sum();
        sum + 0.3 * (code * 0.7).sin()
    }
}

fn costs<'a>(space: &'a Space<'a>) -> DeviceCosts<'a> {
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    DeviceCosts { space, enhancement: Enhancement::NONE, labels: 0, table }
}

#[test]
fn evolution_finds_the_optimum_of_a_space_that_is_enumerated() {
    SMALL.validate().unwrap();
    let costs = costs(&SMALL);
    let all: Vec<Arch> = codes::all(&SMALL).collect();
    assert_eq!(all.len(), 2 * 3 * (8 + 64));
    for share in [0.3, 0.6, 1.0] {
        let [low, high] =
            [Arch::smallest(&SMALL), Arch::largest(&SMALL)].map(|a| costs.costs(&a, &[]).values());
        let limit = |k: usize| Some(low[k] + ((high[k] - low[k]) as f64 * share) as u64);
        let limits = Limits::of([limit(0), limit(1), limit(2)]);
        let problem = Problem { space: &SMALL, score: &Rugged, costs: &costs, limits };
        let exact = search(&problem, &Method::default(), &Silent).unwrap();
        assert!(exact.exhaustive && exact.optimal && exact.examined == 432);
        let scored = all.iter().map(|arch| problem.candidate(arch.clone(), Vec::new()));
        let best = scored.filter(|c| limits.allow(c.costs)).min_by(front::order).unwrap();
        assert_eq!(exact.best(), &best);
        let method = Method { enumerable: 0, ..Method::default() };
        let found = search(&problem, &method, &Silent).unwrap();
        assert!(!found.exhaustive && !found.optimal && found.bound >= best.score);
        assert_eq!(found.best(), &best, "{share}");
        assert_eq!(search(&problem, &method, &Silent).unwrap(), found);
        let uniform = uniform::best(&problem).unwrap().unwrap();
        assert!(uniform.score <= best.score && limits.allow(uniform.costs));
    }
}

#[test]
fn limits_that_nothing_meets_are_named_with_the_smallest_values() {
    let costs = costs(&SMALL);
    let least = costs.costs(&Arch::smallest(&SMALL), &[]);
    let limits = Limits { flash_bytes: Some(least.flash_bytes - 1), ..Limits::default() };
    let problem = Problem { space: &SMALL, score: &Rugged, costs: &costs, limits };
    for enumerable in [0, 1 << 20] {
        let method = Method { enumerable, ..Method::default() };
        let error = search(&problem, &method, &Silent).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.exit_code(), 1);
        let needed = format!(
            "--flash {}: the smallest network needs {}",
            least.flash_bytes - 1,
            least.flash_bytes
        );
        assert!(text.contains(&needed), "{text}");
    }
}

/// Scores that grow with every choice, from a sum of effects that the surrogate can represent.
fn made(space: &Space<'_>, arch: &Arch) -> f64 {
    let choices = space.choices().filter(|&choice| {
        space.block_of(choice).is_none_or(|block| arch.keeps(space, block.index))
    });
    let effect = |choice| {
        let share = f64::from(arch.option(choice)) / space.options(choice) as f64;
        match choice {
            Choice::Resolution => 0.06 * share,
            Choice::Depth(_) => 0.05 * share,
            Choice::Width(_) => 0.02 * share.sqrt(),
            Choice::Expansion(_) | Choice::Kernel(_) => 0.01 * share,
        }
    };
    0.5 + choices.map(effect).sum::<f64>()
}

#[test]
fn a_surrogate_of_all_choices_predicts_and_never_falls_with_size() {
    for space in [&MOBILENET_V2_TINY, &DS_CNN, &SMALL] {
        let samples: Vec<(Arch, f64)> = codes::random_codes(space, 200, 1)
            .into_iter()
            .map(|c| (c.arch.clone(), made(space, &c.arch)))
            .collect();
        let model = Surrogate::fit(space, &samples, Link::Logit).unwrap();
        assert!(
            model.cross_validation.pearson > 0.9,
            "{} {:?}",
            space.name,
            model.cross_validation
        );
        assert_eq!(model.terms.names(space).len(), model.terms.of(space, &samples[0].0).len());
        let choices: Vec<Choice> = space.choices().collect();
        for coded in codes::random_codes(space, 30, 2) {
            for (i, &choice) in choices.iter().enumerate() {
                let mut options: Vec<u8> = choices.iter().map(|&c| coded.arch.option(c)).collect();
                options[i] += 1;
                if usize::from(options[i]) == space.options(choice) {
                    continue;
                }
                let larger = Arch::from_options(space, options).unwrap();
                let [before, after] =
                    [&coded.arch, &larger].map(|arch| model.terms.of(space, arch));
                // A deeper stage may end with a narrower block, which makes the next stage cheaper.
                let cheaper = before[..2].iter().zip(&after).any(|(b, a)| a < b);
                assert!(!cheaper || matches!(choice, Choice::Depth(_)), "{choice:?}");
                let effects = before.iter().zip(&after).skip(2);
                assert!({ effects }.all(|(b, a)| *a >= b - 1e-12), "{choice:?}");
                let [one, two] = [&coded.arch, &larger].map(|arch| model.score(space, arch));
                assert!(cheaper || two >= one - 1e-12);
            }
            assert!(model.score(space, &coded.arch) <= ScoreModel::most(&model, space) + 1e-12);
        }
    }
}

/// Every core with an emulator has the terms of the keyword space, and its search meets the limits.
#[test]
fn keywords_are_searched_for_every_core() {
    for machine in supernano_facts::MACHINES {
        let table = InstructionTable::of_core(&machine.name.replace("qemu-", "cortex-")).unwrap();
        let costs = DeviceCosts { table, ..costs(&DS_CNN) };
        let largest = Arch::largest(&DS_CNN);
        let lowered = costs.lowered(&largest, "", &[]);
        assert_eq!(costs.table.lacks(&lowered.header), None, "{}", machine.name);
        let most = costs.costs(&largest, &[]).instructions;
        let limits = Limits { instructions: Some(most / 2), ..Limits::default() };
        let problem = Problem { space: &DS_CNN, score: &Rugged, costs: &costs, limits };
        let found = search(&problem, &Method::default(), &Silent).unwrap();
        let best = found.best().costs.instructions;
        assert!(best <= most / 2 && best > most / 20, "{}: {best} of {most}", machine.name);
    }
}

/// MLPerf Tiny's networks cost on the model of a Cortex-M4 what their hand-written tables cost.
#[test]
fn costs_of_the_benchmarks_networks_are_those_of_their_tables() {
    use supernano_base::fixed;
    use supernano_core::space::MOBILENET_V1_025;
    let known = [
        (&MOBILENET_V1_025, "8-16-32-32-64-64-d6-128-128-128-128-128-128-256-256"),
        (&DS_CNN, "64-d4-64-64-64-64"),
    ];
    for (space, code) in known {
        let costs = costs(space);
        let arch = Arch::parse(space, code).unwrap();
        let found = costs.lowered(&arch, code, &[]);
        let blob = fixed::blob(&fixed::network(space.name).unwrap(), 0, 1).unwrap();
        let view = blob.view().unwrap();
        let expected = costs.table.network(&view.header());
        assert_eq!(costs.costs(&arch, &[]).instructions, expected);
        assert_eq!(found.header.ops.len(), view.header().ops.len());
        for (a, b) in found.header.convs().zip(view.header().convs()) {
            assert_eq!(a.1, b.1);
        }
    }
}

use rand::Rng as _;
use supernano_base::error::Error;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::plan::{self, BranchScheme, Enhancement};
use supernano_core::space::{Block, Layer, PlacedBlock, RESNET8, RESNET20, Shape, Shortcut, Space};

use super::tables::Tables;
use super::{Method, Problem, ScoreModel, ScoredNetwork, exact, front, score, search};
use crate::cost::{BlockCost, CostModel, Costs, Limits};
use crate::size;

/// 4^3 * 3^2 * 4^2 = 9,216 sub-networks.
const SMALL: Space<'static> = {
    const A: &[u16] = &[4, 8, 12, 16];
    const B: &[u16] = &[8, 16, 24];
    const fn conv(widths: &'static [u16], stride: u8) -> Layer<'static> {
        Layer::conv(widths, 3, stride)
    }
    Space {
        name: "small",
        input: Shape { height: 16, width: 16, channels: 3 },
        classes: 4,
        layers: &[
            conv(A, 1),
            conv(A, 1),
            conv(A, 1),
            conv(B, 2),
            conv(B, 1),
            conv(A, 2),
            conv(A, 1),
        ],
        blocks: &[
            Block::Conv,
            Block::Residual(Shortcut::Projection),
            Block::Residual(Shortcut::Projection),
            Block::Residual(Shortcut::Projection),
        ],
        ..Space::EMPTY
    }
};

/// Toy costs that conflict with each other. The second choice of kernels needs fewer instructions
/// and more flash.
struct Toy<'a> {
    space: &'a Space<'a>,
    /// Number of kernel choices of a block.
    choices: u8,
}

fn toy<'a>(space: &'a Space<'a>) -> Toy<'a> {
    Toy { space, choices: 1 }
}

impl CostModel for Toy<'_> {
    fn costs(&self, arch: &Arch, kinds: &[u8]) -> Costs {
        let mut total = self.base();
        for (block, choice) in self.space.placed_blocks().zip(kinds) {
            let input = block.first.checked_sub(1).map(|i| arch.options()[i]);
            let options = &arch.options()[block.first..=block.last()];
            let mut costs = self.block_costs(block, input, options).into_iter();
            let cost = costs.find(|c| c.kinds == *choice).unwrap();
            total.flash_bytes += cost.flash_bytes;
            total.instructions += cost.instructions;
            // The blocks underestimate the RAM, as they do for a real arena.
            total.ram_bytes = total.ram_bytes.max(cost.ram_bytes + arch.options().len() as u64);
        }
        total
    }

    fn base(&self) -> Costs {
        Costs { flash_bytes: 100, ram_bytes: 0, instructions: 1000 }
    }

    fn block_costs(&self, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> Vec<BlockCost> {
        let space = self.space;
        let width = |i: usize, o: u8| u64::from(space.layers[i].widths[usize::from(o)]);
        let cost = |kinds: u8| {
            let mut read = input.map_or(3, |o| width(block.first - 1, o));
            let mut cost = BlockCost { kinds, ..BlockCost::default() };
            for (i, &o) in (block.first..).zip(options) {
                let (w, pixels) = (width(i, o), space.input_of(i).pixels() as u64);
                cost.flash_bytes += 9 * read * w * (1 + u64::from(kinds));
                cost.ram_bytes = cost.ram_bytes.max((read + w) * pixels);
                cost.instructions += 9 * read * w * pixels / (8 + 4 * u64::from(kinds));
                read = w;
            }
            cost
        };
        (0..self.choices).map(cost).collect()
    }
}

/// A score with a random effect of every option and of every pair of neighbouring options.
struct Rugged {
    single: Vec<[f64; 16]>,
    pairs: Vec<[[f64; 16]; 16]>,
    logs: [f64; 2],
}

fn rugged(space: &Space<'_>, seed: u64) -> Rugged {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 7);
    Rugged {
        single: space.layers.iter().map(|_| rng.random()).collect(),
        pairs: space
            .layers
            .iter()
            .map(|_| std::array::from_fn(|_| std::array::from_fn(|_| rng.random())))
            .collect(),
        logs: if seed.is_multiple_of(2) { [0.0; 2] } else { [0.7, -0.5] },
    }
}

impl ScoreModel for Rugged {
    fn term(&self, _: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> f64 {
        let mut before = input;
        let mut sum = 0.0;
        for (i, &o) in (block.first..).zip(options) {
            let o = usize::from(o);
            sum += 0.2 * o as f64 + 0.3 * self.single[i][o];
            sum += before.map_or(0.0, |b| 0.2 * self.pairs[i][usize::from(b)][o]);
            before = Some(o as u8);
        }
        sum
    }

    fn logs(&self) -> [f64; 2] {
        self.logs
    }
}

fn problem<'a>(
    space: &'a Space<'a>,
    score: &'a Rugged,
    costs: &'a dyn CostModel,
    limits: Limits,
) -> Problem<'a> {
    Problem { space, score, costs, limits }
}

/// Every feasible sub-network with the feasible kernels of the fewest instructions. Blocks have
/// `choices` choices of kernels.
fn all(problem: &Problem<'_>, choices: u8) -> Vec<ScoredNetwork> {
    let (space, blocks) = (problem.space, problem.space.blocks.len() as u32);
    let choices = u64::from(choices);
    let each = |code: u128| {
        let arch = Arch::from_code(space, ArchCode(code)).unwrap();
        (0..choices.pow(blocks))
            .map(|choice| {
                let digit = |k: u32| (choice / choices.pow(k) % choices) as u8;
                problem.candidate(arch.clone(), (0..blocks).map(digit).collect())
            })
            .filter(|c| problem.limits.allow(c.costs))
            .min_by_key(|c| (c.costs.instructions, c.costs.flash_bytes))
    };
    (0..space.size()).filter_map(each).collect()
}

fn limit_sets() -> [Limits; 5] {
    let none = Limits::default();
    [
        none,
        Limits { flash_bytes: Some(6_000), ..none },
        Limits { ram_bytes: Some(5_000), ..none },
        Limits { instructions: Some(120_000), ..none },
        Limits { flash_bytes: Some(9_000), ram_bytes: Some(6_200), instructions: Some(200_000) },
    ]
}

fn evolving(seed: u64) -> Method {
    Method { enumerable: 0, seed, ..Method::default() }
}

#[test]
fn table_sums_equal_the_models() {
    for space in [&SMALL, &RESNET8, &RESNET20] {
        let score = rugged(space, 3);
        let costs = toy(space);
        let problem = problem(space, &score, &costs, Limits::default());
        let tables = Tables::new(&problem).unwrap();
        let mut rng = Key::new(4).rng(Purpose::Sample, 0);
        for _ in 0..500 {
            let arch = Arch::from_code(space, ArchCode(rng.random_range(0..space.size()))).unwrap();
            let sums = tables.sums(&super::tables::genes(&arch)).unwrap();
            let size = plan::cost(
                space,
                &plan::resolve(space, &arch, Enhancement::NONE, BranchScheme::Shared),
            );
            assert_eq!((sums.macs, sums.params), (size.macs, size.params));
            let exact = costs.costs(&arch, &vec![0; space.blocks.len()]);
            assert_eq!([sums.flash, sums.instructions], [exact.flash_bytes, exact.instructions]);
            assert!(sums.ram <= exact.ram_bytes);
            assert_eq!(problem.linear(&sums), score::linear(space, &score, &arch));
        }
    }
}

#[test]
fn enumeration_equals_a_comparison_of_all_pairs() {
    for (seed, limits) in limit_sets().into_iter().enumerate() {
        let (score, costs) = (rugged(&SMALL, seed as u64), toy(&SMALL));
        let problem = problem(&SMALL, &score, &costs, limits);
        let feasible = all(&problem, 1);
        let dominated = |c: &&ScoredNetwork| {
            !feasible.iter().any(|other| {
                let (a, b) = (other.costs.values(), c.costs.values());
                let no_worse = other.score >= c.score && (0..3).all(|k| a[k] <= b[k]);
                no_worse && (other.score > c.score || a != b)
            })
        };
        let expected: Vec<&ScoredNetwork> = feasible.iter().filter(dominated).collect();
        let found = search(&problem, &Method::default()).unwrap();
        assert!(found.exhaustive && found.optimal && u128::from(found.examined) == SMALL.size());
        assert_eq!(found.front.len(), expected.len());
        for candidate in &expected {
            assert!(found.front.contains(candidate));
        }
        assert!(found.front.windows(2).all(|w| w[0].score >= w[1].score));
    }
}

#[test]
fn both_searches_equal_brute_force() {
    for (case, limits) in limit_sets().into_iter().enumerate() {
        for seed in 0..4 {
            let choices = 1 + (seed % 2) as u8;
            let score = rugged(&SMALL, 10 * seed + case as u64);
            let costs = Toy { choices, ..toy(&SMALL) };
            let problem = problem(&SMALL, &score, &costs, limits);
            let feasible = all(&problem, choices);
            let best = feasible.iter().min_by(|a, b| front::order(a, b)).unwrap();
            let evolved = search(&problem, &evolving(seed)).unwrap();
            assert!(!evolved.exhaustive && evolved.optimal);
            assert_eq!(evolved.best().arch, best.arch, "limits {limits:?}, seed {seed}");
            assert_eq!(evolved.bound, best.score);
            assert!(evolved.front.iter().all(|c| limits.allow(c.costs)));
            let enumerated = search(&problem, &Method::default()).unwrap();
            assert_eq!(enumerated.best(), best, "limits {limits:?}, seed {seed}");
        }
    }
}

#[test]
fn branch_and_bound_alone_equals_brute_force_under_many_budgets() {
    let costs = Toy { choices: 2, ..toy(&SMALL) };
    let [high, low] = [Arch::largest(&SMALL), Arch::smallest(&SMALL)]
        .map(|a| costs.costs(&a, &vec![0; SMALL.blocks.len()]).values());
    let mut rng = Key::new(5).rng(Purpose::Sample, 0);
    let mut answered = 0;
    for case in 0..24 {
        let mut limit = |k: usize| {
            (rng.random_range(0..4) > 0).then(|| rng.random_range(low[k] * 9 / 10..high[k] / 2))
        };
        let limits = Limits::of([limit(0), limit(1), limit(2)]);
        let score = rugged(&SMALL, case);
        let problem = problem(&SMALL, &score, &costs, limits);
        let found = exact::best(&problem, &Tables::new(&problem).unwrap(), None, u64::MAX);
        assert!(found.proved);
        let feasible = all(&problem, 2);
        let best = feasible.iter().map(|c| c.score).max_by(f64::total_cmp);
        assert_eq!(found.best.as_ref().map(|b| b.score), best, "{limits:?}");
        assert!(found.best.is_none_or(|b| limits.allow(b.costs)));
        answered += u32::from(best.is_some());
    }
    assert!((4..24).contains(&answered), "{answered} of 24 feasible");
}

#[test]
fn evolution_depends_on_its_seed_alone() {
    let (score, costs) = (rugged(&RESNET20, 1), toy(&RESNET20));
    let limits = Limits { flash_bytes: Some(60_000), ..Limits::default() };
    let problem = problem(&RESNET20, &score, &costs, limits);
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| search(&problem, &evolving(seed)).unwrap())
    };
    let (a, b) = (run(1, 3), run(2, 3));
    assert_eq!(a, b);
    let feasible =
        |c: &ScoredNetwork| limits.allow(c.costs) && c.costs == costs.costs(&c.arch, &c.kinds);
    assert!(a.front.iter().all(feasible));
}

#[test]
fn a_resumed_evolution_equals_an_uninterrupted_one() {
    let (score, costs) = (rugged(&RESNET20, 2), toy(&RESNET20));
    let limits = Limits { instructions: Some(9_000_000), ..Limits::default() };
    let problem = problem(&RESNET20, &score, &costs, limits);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.json");
    let method = Method { state: Some(path.clone()), ..evolving(5) };
    let whole = search(&problem, &evolving(5)).unwrap();
    super::evolve::stopped_after(&problem, &method, 4).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(search(&problem, &method).unwrap(), whole);
    assert!(!path.exists(), "a finished search removes its state");
    // A state of another seed or other limits and a truncated state are refused.
    std::fs::write(&path, &bytes).unwrap();
    let other = Method { seed: 6, ..method.clone() };
    let error = search(&problem, &other).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("the state of a search with the same scores"), "{error}");
    let wider = Problem { limits: Limits { instructions: Some(9_100_000), ..limits }, ..problem };
    assert_eq!(search(&wider, &method).unwrap_err().exit_code(), 2);
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(search(&problem, &method).unwrap_err().exit_code(), 2);
}

#[test]
fn an_infeasible_search_names_the_smallest_sufficient_limits() {
    let (score, costs) = (rugged(&SMALL, 0), toy(&SMALL));
    let least = costs.costs(&Arch::smallest(&SMALL), &vec![0; SMALL.blocks.len()]).values();
    for enumerable in [0, u64::MAX] {
        for (k, name) in Limits::NAMES.iter().enumerate() {
            let one = |less: u64| {
                Limits::of(std::array::from_fn(|on| (on == k).then_some(least[k] - less)))
            };
            let method = Method { enumerable, ..Method::default() };
            let asked = problem(&SMALL, &score, &costs, one(1));
            let error = search(&asked, &method).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            let Error::No(message) = error else { panic!("{error}") };
            let expected =
                format!("{name} {}: the smallest network needs {}", least[k] - 1, least[k]);
            assert!(message.contains(&expected), "{message}");
            search(&Problem { limits: one(0), ..asked }, &method).unwrap();
        }
    }
}

/// A wide second layer costs flash and a narrow one costs RAM, so no network needs little of both.
struct Opposed;

impl CostModel for Opposed {
    fn costs(&self, arch: &Arch, _: &[u8]) -> Costs {
        let option = u64::from(arch.options()[1]);
        Costs { flash_bytes: 10 + option, ram_bytes: 20 - option, instructions: 1 }
    }

    fn base(&self) -> Costs {
        Costs { flash_bytes: 10, ram_bytes: 0, instructions: 1 }
    }

    fn block_costs(&self, block: PlacedBlock, _: Option<u8>, options: &[u8]) -> Vec<BlockCost> {
        let option = if block.first == 1 { u64::from(options[0]) } else { 0 };
        let ram_bytes = if block.first == 1 { 20 - option } else { 0 };
        vec![BlockCost { flash_bytes: option, ram_bytes, instructions: 0, kinds: 0 }]
    }
}

#[test]
fn an_infeasible_search_names_limits_that_fail_together() {
    let score = rugged(&SMALL, 0);
    let limits = Limits { flash_bytes: Some(11), ram_bytes: Some(18), instructions: None };
    let problem = problem(&SMALL, &score, &Opposed, limits);
    let message = search(&problem, &Method::default()).unwrap_err().to_string();
    assert!(message.contains("--flash 11: within the other limits it takes 12"), "{message}");
    assert!(message.contains("--ram 18: within the other limits it takes 19"), "{message}");
}

#[test]
fn a_spread_holds_both_ends_and_has_no_large_gap() {
    let (score, costs) = (rugged(&RESNET8, 2), toy(&RESNET8));
    let limits = Limits { flash_bytes: Some(40_000), ..Limits::default() };
    let problem = problem(&RESNET8, &score, &costs, limits);
    let front = search(&problem, &Method::default()).unwrap().front;
    for n in [1, 2, 6, 12] {
        let chosen = front::spread(&front, n);
        assert_eq!(chosen.len(), n);
        assert_eq!(chosen[0], front[0]);
        assert!(chosen.windows(2).all(|w| front::order(&w[0], &w[1]).is_lt()));
        if n > 1 {
            let least = |c: &ScoredNetwork| c.costs.values()[0];
            assert_eq!(least(&chosen[n - 1]), front.iter().map(least).min().unwrap());
        }
    }
    let six = front::spread(&front, 6);
    let span = six[0].score - six[5].score;
    assert!(six.windows(2).all(|w| w[0].score - w[1].score < 0.5 * span));
    assert_eq!(front::spread(&front[..2], 6).len(), 2);
    assert!(front::spread(&[], 6).is_empty());
}

#[test]
fn sizes_have_units() {
    for (text, value) in [
        ("64KiB", 65_536),
        ("24 KiB", 24_576),
        ("1.5MiB", 1_572_864),
        ("5M", 5_000_000),
        ("2.5k", 2_500),
        ("20480", 20_480),
        ("7B", 7),
        ("64KB", 64_000),
    ] {
        assert_eq!(size::parse("--flash", text).unwrap(), value, "{text}");
    }
    for text in ["", "KiB", "64Kb", "64kib", "-1", "0", "1.2.3M", "99999999999GiB", "0.1", "5 M B"]
    {
        let error = size::parse("--flash", text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("--flash"), "{error}");
    }
}

#[test]
fn uniform_widths_are_one_fraction_of_the_largest() {
    let (score, costs) = (rugged(&RESNET20, 2), toy(&RESNET20));
    let limits = Limits { flash_bytes: Some(80_000), ..Limits::default() };
    let problem = problem(&RESNET20, &score, &costs, limits);
    let found = super::uniform::best(&problem).unwrap().unwrap();
    assert!(limits.allow(found.costs));
    let widths: Vec<u16> = (0..19).map(|i| found.arch.nominal(&RESNET20, i).0).collect();
    assert!(widths[..7].iter().all(|w| *w == widths[0]), "{widths:?}");
    assert!(widths[7..13].iter().all(|w| *w == widths[7]), "{widths:?}");
    let none = Problem { limits: Limits { flash_bytes: Some(1), ..limits }, ..problem };
    assert!(super::uniform::best(&none).unwrap().is_none());
}

#[test]
fn times_have_units() {
    for (text, nanoseconds) in [("60ms", 60_000_000), ("1.5 s", 1_500_000_000), ("800us", 800_000)]
    {
        assert_eq!(size::nanoseconds("--latency", text).unwrap(), nanoseconds);
    }
    for text in ["60", "ms", "0ms", "-1ms", "60 min", "inf s"] {
        let error = size::nanoseconds("--latency", text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}

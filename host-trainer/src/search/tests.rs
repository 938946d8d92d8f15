use rand::Rng as _;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::{Block, Layer, RESNET8, RESNET20, Shape, Shortcut, Space};

use super::{Candidate, CostModel, Costs, Limits, Method, Problem, front, search, size};
use crate::data::rng::{Key, Purpose};
use crate::error::Error;

/// 4^3 * 3^2 * 4^2 = 9,216 sub-networks.
const SMALL: Space<'static> = {
    const A: &[u16] = &[4, 8, 12, 16];
    const B: &[u16] = &[8, 16, 24];
    const fn conv(widths: &'static [u16], stride: u8) -> Layer<'static> {
        Layer { widths, kernel: 3, stride, same_as: None }
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
        ignored_digits: 0,
    }
};

/// Costs that pull in different directions: weights, the widest pair of neighbours, work.
struct Toy<'a>(&'a Space<'a>);

impl CostModel for Toy<'_> {
    fn costs(&self, arch: &Arch) -> Costs {
        let space = self.0;
        let w = |i: usize| u64::from(arch.nominal(space, i).0);
        let (mut flash, mut ram, mut work) = (100, 0, 1000);
        for i in 0..space.layers.len() {
            let (input, pixels) = (if i == 0 { 3 } else { w(i - 1) }, space.input_of(i).pixels());
            flash += 9 * input * w(i);
            ram = ram.max((input + w(i)) * pixels as u64);
            work += 9 * input * w(i) * pixels as u64 / 8;
        }
        Costs { flash_bytes: flash, ram_bytes: ram, instructions: work }
    }
}

/// A score with a random effect of every option and of every pair of neighbouring options.
fn rugged(space: &Space<'_>, seed: u64) -> impl Fn(&Arch) -> f64 + Sync {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 7);
    let single: Vec<[f64; 16]> = space.layers.iter().map(|_| rng.random()).collect();
    let pairs: Vec<[[f64; 16]; 16]> = space
        .layers
        .iter()
        .map(|_| std::array::from_fn(|_| std::array::from_fn(|_| rng.random())))
        .collect();
    move |arch: &Arch| {
        let o: Vec<usize> = arch.options().iter().map(|&o| usize::from(o)).collect();
        let wide: f64 = o.iter().map(|&o| 0.2 * o as f64).sum();
        let own: f64 = o.iter().zip(&single).map(|(&o, t)| 0.3 * t[o]).sum();
        let joint: f64 = o.windows(2).zip(&pairs).map(|(p, t)| 0.2 * t[p[0]][p[1]]).sum();
        wide + own + joint
    }
}

fn all(problem: &Problem<'_>) -> Vec<Candidate> {
    let space = problem.space;
    (0..space.size())
        .map(|code| problem.candidate(Arch::from_code(space, ArchCode(code)).unwrap()))
        .filter(|c| problem.limits.allow(c.costs))
        .collect()
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

#[test]
fn enumeration_finds_the_front_that_comparing_all_pairs_finds() {
    for (seed, limits) in limit_sets().into_iter().enumerate() {
        let score = rugged(&SMALL, seed as u64);
        let problem = Problem { space: &SMALL, score: &score, costs: &Toy(&SMALL), limits };
        let feasible = all(&problem);
        let dominated = |c: &&Candidate| {
            !feasible.iter().any(|other| {
                let (a, b) = (other.costs.values(), c.costs.values());
                let no_worse = other.score >= c.score && (0..3).all(|k| a[k] <= b[k]);
                no_worse && (other.score > c.score || a != b)
            })
        };
        let expected: Vec<&Candidate> = feasible.iter().filter(dominated).collect();
        let found = search(&problem, Method::default()).unwrap();
        assert!(found.exhaustive && found.examined == SMALL.size());
        assert_eq!(found.front.len(), expected.len());
        for candidate in &expected {
            assert!(found.front.contains(candidate));
        }
        assert!(found.front.windows(2).all(|w| w[0].score >= w[1].score));
    }
}

#[test]
fn evolution_equals_brute_force() {
    for (case, limits) in limit_sets().into_iter().enumerate() {
        for seed in 0..4 {
            let score = rugged(&SMALL, 10 * seed + case as u64);
            let problem = Problem { space: &SMALL, score: &score, costs: &Toy(&SMALL), limits };
            let feasible = all(&problem);
            let best = feasible.iter().min_by(|a, b| front::order(a, b)).unwrap();
            let found = search(&problem, Method { enumerable: 0, seed }).unwrap();
            assert!(!found.exhaustive);
            assert_eq!(found.best(), best, "limits {limits:?}, seed {seed}");
            assert!(found.front.iter().all(|c| limits.allow(c.costs)));
        }
    }
}

#[test]
fn evolution_depends_on_nothing_but_its_seed() {
    let score = rugged(&RESNET20, 1);
    let limits = Limits { flash_bytes: Some(60_000), ..Limits::default() };
    let problem = Problem { space: &RESNET20, score: &score, costs: &Toy(&RESNET20), limits };
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| search(&problem, Method { seed, ..Method::default() }).unwrap())
    };
    let (a, b) = (run(1, 3), run(2, 3));
    assert_eq!(a, b);
    assert!(
        a.front.iter().all(|c| limits.allow(c.costs) && c.costs == Toy(&RESNET20).costs(&c.arch))
    );
}

#[test]
fn says_what_would_do_where_nothing_is_feasible() {
    let score = rugged(&SMALL, 0);
    let costs = Toy(&SMALL);
    let least = costs.costs(&Arch::smallest(&SMALL)).values();
    for enumerable in [0, u64::MAX] {
        for (k, name) in Limits::NAMES.iter().enumerate() {
            let one = |on: usize| (on == k).then_some(least[k] - 1);
            let limits = Limits { flash_bytes: one(0), ram_bytes: one(1), instructions: one(2) };
            let problem = Problem { space: &SMALL, score: &score, costs: &costs, limits };
            let error = search(&problem, Method { enumerable, seed: 0 }).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            let Error::No(message) = error else { panic!("{error}") };
            let expected =
                format!("{name} {}: the smallest network needs {}", least[k] - 1, least[k]);
            assert!(message.contains(&expected), "{message}");
            let enough = |on: usize| (on == k).then_some(least[k]);
            let limits =
                Limits { flash_bytes: enough(0), ram_bytes: enough(1), instructions: enough(2) };
            search(&Problem { limits, ..problem }, Method { enumerable, seed: 0 }).unwrap();
        }
    }
}

/// The second layer's width costs flash, its narrowness costs RAM: no network has both small.
struct Opposed;

impl CostModel for Opposed {
    fn costs(&self, arch: &Arch) -> Costs {
        let option = u64::from(arch.options()[1]);
        Costs { flash_bytes: 10 + option, ram_bytes: 20 - option, instructions: 1 }
    }
}

#[test]
fn says_which_limits_fail_only_together() {
    let score = rugged(&SMALL, 0);
    let limits = Limits { flash_bytes: Some(11), ram_bytes: Some(18), instructions: None };
    let problem = Problem { space: &SMALL, score: &score, costs: &Opposed, limits };
    let message = search(&problem, Method::default()).unwrap_err().to_string();
    assert!(message.contains("--flash 11: within the other limits it takes 12"), "{message}");
    assert!(message.contains("--ram 18: within the other limits it takes 19"), "{message}");
}

#[test]
fn spread_is_wide_and_holds_both_ends() {
    let score = rugged(&RESNET8, 2);
    let limits = Limits { flash_bytes: Some(40_000), ..Limits::default() };
    let problem = Problem { space: &RESNET8, score: &score, costs: &Toy(&RESNET8), limits };
    let front = search(&problem, Method::default()).unwrap().front;
    for n in [1, 2, 6, 12] {
        let chosen = front::spread(&front, n);
        assert_eq!(chosen.len(), n);
        assert_eq!(chosen[0], front[0]);
        assert!(chosen.windows(2).all(|w| front::order(&w[0], &w[1]).is_lt()));
        if n > 1 {
            let least = |c: &Candidate| c.costs.values()[0];
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
    ] {
        assert_eq!(size::parse("--flash", text).unwrap(), value, "{text}");
    }
    for text in ["", "KiB", "64KB", "64kib", "-1", "0", "1.2.3M", "99999999999GiB", "0.1", "5 M B"]
    {
        let error = size::parse("--flash", text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("--flash"), "{error}");
    }
}

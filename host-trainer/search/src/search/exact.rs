//! The best sub-network within limits, proved by branch and bound.
//!
//! Blocks are decided from the first to the last. A branch ends where its limits can no longer be
//! kept or where the bound of [`super::dual`] says that nothing better follows. The logarithms in
//! the goal are bounded by lines, which are close on short intervals only: the sizes are cut into
//! pieces, each with its own bound.

use super::dual::{Goal, Prices, Range, Relaxed};
use super::tables::{Genes, Row, Sums, Tables};
use super::{Candidate, Problem, front};

/// Ratio of the ends of a piece.
const PIECE: f64 = 1.3;
/// Bounds nearer than this to a value are equal to it.
const EQUAL: f64 = 1e-9;
/// Steps that lower the first bound, and each piece's.
const STEPS: [usize; 2] = [400, 60];

/// What branch and bound found.
#[derive(Clone, Debug)]
pub struct Exact {
    /// The best sub-network met, feasible by its exact costs.
    pub best: Option<Candidate>,
    /// No feasible sub-network has a higher value on the goal's scale.
    pub bound: f64,
    /// True where `best` is the best (or, without one, nothing is feasible).
    pub proved: bool,
    /// Rows looked at.
    pub nodes: u64,
    /// Prices of flash and instructions at the bound.
    pub prices: [f64; 2],
}

/// A search in progress.
struct Search<'a> {
    problem: Problem<'a>,
    goal: Goal,
    tables: &'a Tables,
    /// `[stage][input]`, of all blocks from that stage on.
    least: [Vec<Vec<u64>>; 4],
    most: [Vec<Vec<u64>>; 2],
    best: Option<Candidate>,
    value: f64,
    nodes: u64,
    budget: u64,
    /// Also looks at sub-networks that are as good as the best.
    ties: bool,
}

/// A piece of the space with its bound.
struct Piece {
    ranges: [Range; 2],
    relaxed: Relaxed,
    prices: Prices,
    bound: f64,
}

/// Maximises the problem's score within its limits, starting from a feasible sub-network where one
/// is known, and looking at no more than `budget` rows.
pub fn best(
    problem: &Problem<'_>,
    tables: &Tables,
    start: Option<&Candidate>,
    budget: u64,
) -> Exact {
    let goal = Goal { logs: problem.score.logs() };
    maximise(problem, goal, tables, start, budget, true)
}

/// Maximises `goal` of the tables' rows.
pub fn maximise(
    problem: &Problem<'_>,
    goal: Goal,
    tables: &Tables,
    start: Option<&Candidate>,
    budget: u64,
    ties: bool,
) -> Exact {
    let tables = &tables.within(problem.limits);
    let nothing =
        Exact { best: None, bound: f64::NEG_INFINITY, proved: true, nodes: 0, prices: [0.0; 2] };
    if tables.stages.iter().any(|s| s.rows.is_empty()) {
        return nothing;
    }
    let most = |of: fn(&Sums) -> u64| most_after(tables, of);
    let mut search = Search {
        problem: *problem,
        goal,
        tables,
        least: [
            tables.least_after(|s| s.flash),
            tables.least_after(|s| s.instructions),
            tables.least_after(|s| s.macs),
            tables.least_after(|s| s.params),
        ],
        most: [most(|s| s.macs), most(|s| s.params)],
        best: None,
        value: f64::NEG_INFINITY,
        nodes: 0,
        budget,
        ties: false,
    };
    if let Some(start) = start {
        search.start(start);
    }
    let whole: [Range; 2] =
        std::array::from_fn(|k| [search.least[2 + k][0][0], search.most[k][0][0]]);
    let relaxed = Relaxed::new(goal, tables, problem.limits, whole);
    let target = search.value;
    let (root, prices) =
        relaxed.lower(tables, [0.0; 4], target, STEPS[0], |path| search.try_path(path));
    let mut pieces = search.pieces(whole, prices);
    pieces.sort_by(|a, b| b.bound.total_cmp(&a.bound));
    let mut open = f64::NEG_INFINITY;
    for phase in [false, true] {
        search.ties = phase;
        if phase && (!ties || search.best.is_none()) {
            break;
        }
        for piece in &mut pieces {
            if search.hopeless(piece.bound) {
                continue;
            }
            if !phase {
                let target = search.value + EQUAL;
                let (bound, prices) =
                    piece.relaxed.lower(tables, piece.prices, target, STEPS[1], |path| {
                        search.try_path(path)
                    });
                if bound < piece.bound {
                    (piece.bound, piece.prices) = (bound, prices);
                }
                if search.hopeless(piece.bound) {
                    continue;
                }
            }
            if !search.descend(piece) && !phase {
                open = open.max(piece.bound);
            }
        }
    }
    let open = open.min(root.max(search.value));
    let proved = open <= search.value + EQUAL;
    Exact {
        proved,
        bound: if proved { search.value } else { open },
        best: search.best,
        nodes: search.nodes,
        prices: [prices[0], prices[1]],
    }
}

/// As [`Tables::least_after`], the most.
fn most_after(tables: &Tables, of: fn(&Sums) -> u64) -> Vec<Vec<u64>> {
    // What is least of the complement is most of the amount; a row holds far less than 2^40 each.
    const HIGH: u64 = 1 << 56;
    let count = tables.stages.len();
    let least = tables.least_after(|s| HIGH - of(s).min(HIGH));
    let whole = |k: usize| (count - k) as u64 * HIGH;
    let complement =
        |(k, row): (usize, Vec<u64>)| row.into_iter().map(|v| whole(k).saturating_sub(v)).collect();
    least.into_iter().enumerate().map(complement).collect()
}

impl Search<'_> {
    /// True where a bound leaves nothing to be found.
    fn hopeless(&self, bound: f64) -> bool {
        let slack = if self.ties { -EQUAL } else { EQUAL };
        bound <= self.value + slack
    }

    /// Takes over a known sub-network.
    fn start(&mut self, known: &Candidate) {
        let genes = super::tables::genes(&known.arch);
        let mut sums = Sums::default();
        for (stage, &kinds) in self.tables.stages.iter().zip(&known.kinds) {
            let Some(row) = stage.entry(&genes).iter().find(|r| r.kinds == kinds) else { return };
            sums = sums.plus(&row.sums);
        }
        if self.problem.limits.allow(known.costs) {
            self.value = self.goal.value(&sums);
            self.best = Some(known.clone());
        }
    }

    /// Takes a whole sub-network where it is better and feasible; returns the best value.
    fn try_path(&mut self, path: &[Row]) -> f64 {
        let mut genes: Genes = [0; _];
        let mut kinds = Vec::with_capacity(path.len());
        let mut sums = Sums::default();
        for (stage, row) in self.tables.stages.iter().zip(path) {
            if !place(&self.problem, stage.block, row, &mut genes) {
                return self.value;
            }
            kinds.push(row.kinds);
            sums = sums.plus(&row.sums);
        }
        self.leaf(&genes, &kinds, &sums);
        self.value
    }

    fn leaf(&mut self, genes: &Genes, kinds: &[u8], sums: &Sums) {
        let (limits, base) = (self.problem.limits, self.tables.base);
        let over = |limit: Option<u64>, value: u64| limit.is_some_and(|l| value > l);
        if over(limits.flash_bytes, base.flash + sums.flash)
            || over(limits.instructions, base.instructions + sums.instructions)
        {
            return;
        }
        let value = self.goal.value(sums);
        let better = value > self.value || (self.ties && value > self.value - EQUAL);
        if !better && self.best.is_some() {
            return;
        }
        let found = self.problem.candidate(self.problem.arch(genes), kinds.to_vec());
        if !self.problem.limits.allow(found.costs) {
            return;
        }
        let equal = self.best.as_ref().filter(|_| value <= self.value);
        if equal.is_some_and(|best| front::order(&found, best).is_ge()) {
            return;
        }
        self.value = self.value.max(value);
        self.best = Some(found);
    }

    /// The whole space, cut where the goal has logarithms, each piece with its first bound.
    fn pieces(&self, whole: [Range; 2], prices: Prices) -> Vec<Piece> {
        let cuts = |k: usize| -> Vec<Range> {
            let [low, high] = whole[k];
            if self.goal.logs[k] == 0.0 {
                return vec![whole[k]];
            }
            let (mut pieces, mut at) = (Vec::new(), low);
            while at <= high {
                let end = ((at as f64 * PIECE) as u64).max(at).min(high);
                pieces.push([at, end]);
                at = end + 1;
            }
            pieces
        };
        let params = cuts(1);
        let all = cuts(0).into_iter().flat_map(|m| params.iter().map(move |&p| [m, p]));
        all.map(|ranges| {
            let relaxed = Relaxed::new(self.goal, self.tables, self.problem.limits, ranges);
            let bound = relaxed.sweep(self.tables, &prices).bound;
            Piece { ranges, relaxed, prices, bound }
        })
        .collect()
    }

    /// Searches a piece; false where the budget ends first.
    fn descend(&mut self, piece: &Piece) -> bool {
        let after = piece.relaxed.sweep(self.tables, &piece.prices).after;
        let ordered = self.tables.stages.iter().enumerate().map(|(k, stage)| {
            let inputs = (0..stage.inputs()).map(|input| {
                let mut rows: Vec<(f64, f64, Row)> = stage
                    .reading(input)
                    .iter()
                    .map(|row| {
                        let worth = piece.relaxed.worth(&piece.prices, row);
                        (worth + after[k + 1][usize::from(row.options[1])], worth, *row)
                    })
                    .collect();
                rows.sort_by(|a, b| b.0.total_cmp(&a.0));
                rows
            });
            inputs.collect()
        });
        let mut descent = Descent {
            ranges: piece.ranges,
            offset: piece.relaxed.offset(&piece.prices),
            ordered: ordered.collect(),
            genes: [0; _],
            kinds: vec![0; self.tables.stages.len()],
        };
        self.visit(&mut descent, 0, 0, Sums::default(), 0.0)
    }

    fn visit(&mut self, d: &mut Descent, k: usize, input: usize, sums: Sums, worth: f64) -> bool {
        let last = k + 1 == self.tables.stages.len();
        let limits = self.problem.limits;
        for i in 0..d.ordered[k][input].len() {
            let (reach, own, row) = d.ordered[k][input][i];
            if self.hopeless(d.offset + worth + reach) {
                break;
            }
            self.nodes += 1;
            if self.nodes > self.budget {
                return false;
            }
            let next = usize::from(row.options[1]);
            let total = sums.plus(&row.sums);
            let rest = |least: &[Vec<u64>]| if last { 0 } else { least[k + 1][next] };
            let over = |limit: Option<u64>, value: u64| limit.is_some_and(|l| value > l);
            let base = &self.tables.base;
            if over(limits.flash_bytes, base.flash + total.flash + rest(&self.least[0]))
                || over(
                    limits.instructions,
                    base.instructions + total.instructions + rest(&self.least[1]),
                )
                || total.macs + rest(&self.least[2]) > d.ranges[0][1]
                || total.params + rest(&self.least[3]) > d.ranges[1][1]
                || total.macs + rest(&self.most[0]) < d.ranges[0][0]
                || total.params + rest(&self.most[1]) < d.ranges[1][0]
                || !place(&self.problem, self.tables.stages[k].block, &row, &mut d.genes)
            {
                continue;
            }
            d.kinds[k] = row.kinds;
            if last {
                let (genes, kinds) = (d.genes, std::mem::take(&mut d.kinds));
                self.leaf(&genes, &kinds, &total);
                d.kinds = kinds;
            } else if !self.visit(d, k + 1, next, total, worth + own) {
                return false;
            }
        }
        true
    }
}

/// A descent through one piece.
struct Descent {
    ranges: [Range; 2],
    offset: f64,
    /// `[stage][input]`: bound of what follows, the row's own worth, the row; best bound first.
    ordered: Vec<Vec<Vec<(f64, f64, Row)>>>,
    genes: Genes,
    kinds: Vec<u8>,
}

/// Puts a row's options in; false where a layer is tied to an earlier one that has another.
fn place(
    problem: &Problem<'_>,
    block: supernano_core::space::PlacedBlock,
    row: &Row,
    genes: &mut Genes,
) -> bool {
    genes[block.first] = row.options[0];
    genes[block.last()] = row.options[1];
    (block.first..=block.last()).all(|i| genes[problem.space.source(i)] == genes[i])
}

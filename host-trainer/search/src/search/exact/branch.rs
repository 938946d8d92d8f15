//! The depth-first search through the blocks.

use supernano_core::space::PlacedBlock;

use super::super::dual::{Objective, Prices, Range, Relaxation};
use super::super::tables::{self, Genes, Sums, Tables, Variant};
use super::super::{Problem, ScoredNetwork, front};
use super::{EQUAL, SizeBox, most_after};

/// Ratio of the ends of a range that is not cut further.
const RATIO: f64 = 1.3;

/// A search in progress.
pub(super) struct BranchAndBound<'a> {
    problem: Problem<'a>,
    objective: Objective,
    tables: &'a Tables,
    /// `[block][input]` of all blocks from that block on: flash, instructions, MACs, parameters.
    least: [Vec<Vec<u64>>; 4],
    /// As `least`, the largest sums of MACs and parameters.
    most: [Vec<Vec<u64>>; 2],
    pub best: Option<ScoredNetwork>,
    /// Objective of `best`.
    pub value: f64,
    pub nodes: u64,
    budget: u64,
    /// True to examine sub-networks that are equal to the best as well.
    pub ties: bool,
}

impl<'a> BranchAndBound<'a> {
    pub fn new(
        problem: &Problem<'a>,
        objective: Objective,
        tables: &'a Tables,
        budget: u64,
    ) -> Self {
        Self {
            problem: *problem,
            objective,
            tables,
            least: [
                tables.least_after(|s| s.flash),
                tables.least_after(|s| s.instructions),
                tables.least_after(|s| s.macs),
                tables.least_after(|s| s.params),
            ],
            most: [most_after(tables, |s| s.macs), most_after(tables, |s| s.params)],
            best: None,
            value: f64::NEG_INFINITY,
            nodes: 0,
            budget,
            ties: false,
        }
    }

    /// Ranges of MACs and parameters over all sub-networks.
    pub fn whole(&self) -> [Range; 2] {
        std::array::from_fn(|k| [self.least[2 + k][0][0], self.most[k][0][0]])
    }

    /// True if a branch with this bound cannot improve the result.
    pub fn hopeless(&self, bound: f64) -> bool {
        let slack = if self.ties { -EQUAL } else { EQUAL };
        bound <= self.value + slack
    }

    /// Starts from a known sub-network if it is feasible.
    pub fn start(&mut self, known: &ScoredNetwork) {
        let genes = tables::genes(&known.arch);
        let mut sums = Sums::default();
        for (table, &kinds) in self.tables.blocks.iter().zip(&known.kinds) {
            let found = table.entry(&genes).iter().find(|v| v.kinds == kinds);
            let Some(variant) = found else { return };
            sums = sums.plus(&variant.sums);
        }
        if self.problem.limits.allow(known.costs) {
            self.value = self.objective.value(&sums);
            self.best = Some(known.clone());
        }
    }

    /// Examines the sub-network of a path through all blocks and returns the best value so far.
    pub fn try_path(&mut self, path: &[Variant]) -> f64 {
        let mut genes: Genes = [0; _];
        let mut kinds = Vec::with_capacity(path.len());
        let mut sums = Sums::default();
        for (table, variant) in self.tables.blocks.iter().zip(path) {
            if !place(&self.problem, table.block, variant, &mut genes) {
                return self.value;
            }
            kinds.push(variant.kinds);
            sums = sums.plus(&variant.sums);
        }
        self.leaf(&genes, &kinds, &sums);
        self.value
    }

    /// Examines a sub-network and keeps it if it is feasible and comes before the best.
    fn leaf(&mut self, genes: &Genes, kinds: &[u8], sums: &Sums) {
        let base = self.tables.base;
        let limits = self.problem.limits;
        if exceeds(limits.flash_bytes, base.flash + sums.flash)
            || exceeds(limits.instructions, base.instructions + sums.instructions)
        {
            return;
        }
        let value = self.objective.value(sums);
        let better = value > self.value || (self.ties && value > self.value - EQUAL);
        if !better && self.best.is_some() {
            return;
        }
        let found = self.problem.candidate(self.problem.arch(genes), kinds.to_vec());
        if !limits.allow(found.costs) {
            return;
        }
        let equal = self.best.as_ref().filter(|_| value <= self.value);
        if equal.is_some_and(|best| front::order(&found, best).is_ge()) {
            return;
        }
        self.value = self.value.max(value);
        self.best = Some(found);
    }

    /// Cuts the whole space into boxes along each logarithm of the objective, and bounds each box
    /// at the given prices.
    pub fn boxes(&self, whole: [Range; 2], prices: Prices) -> Vec<SizeBox> {
        let params = self.cuts(whole, 1);
        let mut boxes = Vec::new();
        for macs in self.cuts(whole, 0) {
            for &params in &params {
                let ranges = [macs, params];
                let relaxation =
                    Relaxation::new(self.objective, self.tables, self.problem.limits, ranges);
                let bound = relaxation.sweep(self.tables, &prices).bound;
                boxes.push(SizeBox { ranges, relaxation, prices, bound });
            }
        }
        boxes
    }

    /// Cuts a range into pieces whose ends have the ratio [`RATIO`].
    fn cuts(&self, whole: [Range; 2], k: usize) -> Vec<Range> {
        if self.objective.logs[k] == 0.0 {
            return vec![whole[k]];
        }
        let [low, high] = whole[k];
        let mut cuts = Vec::new();
        let mut start = low;
        while start <= high {
            let end = ((start as f64 * RATIO) as u64).max(start).min(high);
            cuts.push([start, end]);
            start = end + 1;
        }
        cuts
    }

    /// Searches a box. Returns false if the node budget ends first.
    pub fn descend(&mut self, part: &SizeBox) -> bool {
        let after = part.relaxation.sweep(self.tables, &part.prices).after;
        let mut branches = Vec::with_capacity(self.tables.blocks.len());
        for (k, table) in self.tables.blocks.iter().enumerate() {
            let mut of_block = Vec::with_capacity(table.inputs());
            for input in 0..table.inputs() {
                let mut of_input = Vec::new();
                for variant in table.reading(input) {
                    let value = part.relaxation.value(&part.prices, variant);
                    let reach = value + after[k + 1][usize::from(variant.options[1])];
                    of_input.push(Branch { reach, value, variant: *variant });
                }
                of_input.sort_by(|a, b| b.reach.total_cmp(&a.reach));
                of_block.push(of_input);
            }
            branches.push(of_block);
        }
        let mut descent = Descent {
            ranges: part.ranges,
            offset: part.relaxation.offset(&part.prices),
            branches,
            genes: [0; _],
            kinds: vec![0; self.tables.blocks.len()],
        };
        self.visit(&mut descent, 0, 0, Sums::default(), 0.0)
    }

    /// Visits the branches of block `k`, given the option of its input, and the sums and the value
    /// of the blocks before it.
    fn visit(&mut self, d: &mut Descent, k: usize, input: usize, sums: Sums, value: f64) -> bool {
        let last = k + 1 == self.tables.blocks.len();
        for i in 0..d.branches[k][input].len() {
            let branch = d.branches[k][input][i];
            if self.hopeless(d.offset + value + branch.reach) {
                break;
            }
            self.nodes += 1;
            if self.nodes > self.budget {
                return false;
            }
            let variant = branch.variant;
            let next = usize::from(variant.options[1]);
            let total = sums.plus(&variant.sums);
            if !self.reachable(&total, d.ranges, k, next)
                || !place(&self.problem, self.tables.blocks[k].block, &variant, &mut d.genes)
            {
                continue;
            }
            d.kinds[k] = variant.kinds;
            if last {
                let genes = d.genes;
                let kinds = std::mem::take(&mut d.kinds);
                self.leaf(&genes, &kinds, &total);
                d.kinds = kinds;
            } else if !self.visit(d, k + 1, next, total, value + branch.value) {
                return false;
            }
        }
        true
    }

    /// True if the blocks after `k`, which read option `next`, can complete these sums within the
    /// limits and the ranges.
    #[inline]
    fn reachable(&self, total: &Sums, ranges: [Range; 2], k: usize, next: usize) -> bool {
        let last = k + 1 == self.tables.blocks.len();
        let rest = |sums: &[Vec<u64>]| if last { 0 } else { sums[k + 1][next] };
        let limits = self.problem.limits;
        let base = &self.tables.base;
        let flash = base.flash + total.flash + rest(&self.least[0]);
        let instructions = base.instructions + total.instructions + rest(&self.least[1]);
        !exceeds(limits.flash_bytes, flash)
            && !exceeds(limits.instructions, instructions)
            && total.macs + rest(&self.least[2]) <= ranges[0][1]
            && total.params + rest(&self.least[3]) <= ranges[1][1]
            && total.macs + rest(&self.most[0]) >= ranges[0][0]
            && total.params + rest(&self.most[1]) >= ranges[1][0]
    }
}

/// A variant of a block in the order of the search.
#[derive(Clone, Copy)]
struct Branch {
    /// Upper bound of the value of the variant and all blocks after it.
    reach: f64,
    /// Value of the variant alone.
    value: f64,
    variant: Variant,
}

/// The descent through one box.
struct Descent {
    ranges: [Range; 2],
    offset: f64,
    /// `[block][input]`: best bound first.
    branches: Vec<Vec<Vec<Branch>>>,
    genes: Genes,
    kinds: Vec<u8>,
}

fn exceeds(limit: Option<u64>, value: u64) -> bool {
    limit.is_some_and(|limit| value > limit)
}

/// Sets the genes of a block. Returns false if a layer is tied to an earlier one with another
/// option.
fn place(problem: &Problem<'_>, block: PlacedBlock, variant: &Variant, genes: &mut Genes) -> bool {
    genes[block.first] = variant.options[0];
    genes[block.last()] = variant.options[1];
    (block.first..=block.last()).all(|i| genes[problem.space.source(i)] == genes[i])
}

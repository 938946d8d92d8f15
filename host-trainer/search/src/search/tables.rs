//! Look-up tables of a problem: one row for every block, option of its input and options of its
//! layers. A sub-network's score and costs are sums (RAM: the largest) of as many rows as it has
//! blocks.

use rayon::prelude::*;
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::space::{MAX_LAYERS, PlacedBlock, Space};

use super::score::combine;
use super::{Candidate, Problem, score};
use crate::cost::{Costs, Limits};

/// Most rows of a problem; more need a space with more than 100 options a layer.
const ROWS: usize = 1 << 22;

/// Option of every layer, tied ones included; those beyond the last are 0.
pub type Genes = [u8; MAX_LAYERS];

/// Sums over blocks, or one block's part of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Terms of the score on its linear scale.
    pub score: f64,
    /// Bytes.
    pub flash: u64,
    /// Bytes at the peak.
    pub ram: u64,
    /// Instructions.
    pub instructions: u64,
    /// Nominal multiply-accumulates.
    pub macs: u64,
    /// Nominal parameters.
    pub params: u64,
}

impl Sums {
    /// Adds a block.
    #[inline(always)]
    pub fn plus(&self, row: &Self) -> Self {
        Self {
            score: self.score + row.score,
            flash: self.flash + row.flash,
            ram: self.ram.max(row.ram),
            instructions: self.instructions + row.instructions,
            macs: self.macs + row.macs,
            params: self.params + row.params,
        }
    }
}

/// One way of computing a block with given options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// What it adds.
    pub sums: Sums,
    /// Options of the block's layers: the first and the last (the same for a block of one).
    pub options: [u8; 2],
    /// The cost model's name of the way.
    pub kinds: u8,
}

/// The rows of a block.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The block.
    pub block: PlacedBlock,
    /// Options of the first layer where there are two, else 1, and of the last.
    radix: [usize; 2],
    /// Where the rows of an entry `[input][first][last]` start, and at the end where all end.
    starts: Vec<u32>,
    /// The rows, entry by entry.
    pub rows: Vec<Row>,
}

impl Stage {
    /// Rows of the entry with these options.
    #[inline(always)]
    pub fn entry(&self, genes: &Genes) -> &[Row] {
        let (first, last) = (self.block.first, self.block.last());
        let input = if first == 0 { 0 } else { usize::from(genes[first - 1]) };
        let middle = if first == last { 0 } else { usize::from(genes[first]) };
        let entry = (input * self.radix[0] + middle) * self.radix[1] + usize::from(genes[last]);
        &self.rows[self.starts[entry] as usize..self.starts[entry + 1] as usize]
    }

    /// Inputs that the block can read.
    pub fn inputs(&self) -> usize {
        (self.starts.len() - 1) / (self.radix[0] * self.radix[1])
    }

    /// Rows of all entries that read option `input`.
    pub fn reading(&self, input: usize) -> &[Row] {
        let entries = self.radix[0] * self.radix[1];
        &self.rows
            [self.starts[input * entries] as usize..self.starts[(input + 1) * entries] as usize]
    }

    /// The rows for which `keep` holds, given the option that they read.
    fn filtered(&self, keep: impl Fn(usize, &Row) -> bool) -> Self {
        let (mut starts, mut rows) = (vec![0], Vec::new());
        let entries = self.radix[0] * self.radix[1];
        for (entry, span) in self.starts.windows(2).enumerate() {
            let found = &self.rows[span[0] as usize..span[1] as usize];
            rows.extend(found.iter().filter(|r| keep(entry / entries, r)).copied());
            starts.push(rows.len() as u32);
        }
        Self { block: self.block, radix: self.radix, starts, rows }
    }
}

/// The tables of a problem.
#[derive(Clone, Debug)]
pub struct Tables {
    /// In the order of the blocks.
    pub stages: Vec<Stage>,
    /// What every sub-network has beside its blocks, at least.
    pub base: Sums,
}

impl Tables {
    /// Builds the tables, on all cores.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a space with so many options that they would not fit in memory.
    pub fn new(problem: &Problem<'_>) -> Result<Self> {
        let space = problem.space;
        let offered = |layer: usize| space.layers[layer].widths.len();
        let shape = |b: &PlacedBlock| {
            let inputs = b.first.checked_sub(1).map_or(1, offered);
            let middle = if b.first == b.last() { 1 } else { offered(b.first) };
            (inputs, [middle, offered(b.last())])
        };
        let entries: usize = space
            .placed_blocks()
            .map(|b| shape(&b))
            .map(|(inputs, [middle, last])| inputs * middle * last)
            .sum();
        if entries > ROWS {
            let expected = format!("at most {ROWS} combinations of a block's widths in all");
            return Err(Error::invalid("space", "widths", expected, entries));
        }
        let stages = space
            .placed_blocks()
            .map(|block| {
                let (inputs, radix) = shape(&block);
                let found: Vec<Vec<Row>> = (0..inputs * radix[0] * radix[1])
                    .into_par_iter()
                    .map(|entry| rows(problem, block, radix, entry))
                    .collect();
                let mut starts = vec![0];
                starts.extend(found.iter().scan(0, |end, rows| {
                    *end += rows.len() as u32;
                    Some(*end)
                }));
                Stage { block, radix, starts, rows: found.into_iter().flatten().collect() }
            })
            .collect();
        let base = problem.costs.base();
        let base = Sums {
            flash: base.flash_bytes,
            ram: base.ram_bytes,
            instructions: base.instructions,
            ..Sums::default()
        };
        Ok(Self { stages, base })
    }

    /// Without the rows that no feasible sub-network can have.
    pub fn within(&self, limits: Limits) -> Self {
        let mut tables = self.clone();
        if let Some(limit) = limits.ram_bytes {
            let room = limit.saturating_sub(self.base.ram);
            let fits = self.base.ram <= limit;
            for stage in &mut tables.stages {
                *stage = stage.filtered(|_, row| fits && row.sums.ram <= room);
            }
        }
        for (limit, base, of) in [
            (limits.flash_bytes, self.base.flash, (|s: &Sums| s.flash) as fn(&Sums) -> u64),
            (limits.instructions, self.base.instructions, |s: &Sums| s.instructions),
        ] {
            let limit = limit.unwrap_or(u64::MAX);
            let (before, after) = (tables.least_before(of), tables.least_after(of));
            for (k, stage) in tables.stages.iter_mut().enumerate() {
                *stage = stage.filtered(|input, row| {
                    let rest = before[k][input]
                        .saturating_add(after[k + 1][usize::from(row.options[1])])
                        .saturating_add(base);
                    rest.saturating_add(of(&row.sums)) <= limit && rest < u64::MAX
                });
            }
        }
        tables
    }

    /// `[stage][input]`: the least sum of all blocks from that stage on.
    pub fn least_after(&self, of: impl Fn(&Sums) -> u64) -> Vec<Vec<u64>> {
        let mut least = vec![vec![0; usize::from(u8::MAX) + 1]];
        for stage in self.stages.iter().rev() {
            let next = &least[least.len() - 1];
            let here = (0..stage.inputs())
                .map(|input| {
                    let sum = |r: &Row| of(&r.sums).saturating_add(next[usize::from(r.options[1])]);
                    stage.reading(input).iter().map(sum).min().unwrap_or(u64::MAX)
                })
                .collect();
            least.push(here);
        }
        least.reverse();
        least
    }

    /// `[stage][input]`: the least sum of all blocks before that stage that end with this option.
    fn least_before(&self, of: impl Fn(&Sums) -> u64) -> Vec<Vec<u64>> {
        let mut least: Vec<Vec<u64>> = vec![vec![0]];
        for stage in &self.stages {
            let here = &least[least.len() - 1];
            let mut next = vec![u64::MAX; stage.radix[1]];
            for (input, &sum) in here.iter().enumerate() {
                for row in stage.reading(input) {
                    let total = sum.saturating_add(of(&row.sums));
                    let best = &mut next[usize::from(row.options[1])];
                    *best = total.min(*best);
                }
            }
            least.push(next);
        }
        least
    }

    /// With one row an entry: the one with the least `price` (flash and instructions, a unit),
    /// of those with at most `ram` bytes where there are any.
    pub fn priced(&self, price: [f64; 2], ram: Option<u64>) -> Self {
        let room = ram.map_or(u64::MAX, |r| r.saturating_sub(self.base.ram));
        let stages = self.stages.iter().map(|stage| {
            let (mut starts, mut rows) = (vec![0], Vec::with_capacity(stage.starts.len()));
            for span in stage.starts.windows(2) {
                let found = &stage.rows[span[0] as usize..span[1] as usize];
                let cost = |r: &Row| {
                    price[0] * r.sums.flash as f64
                        + price[1] * r.sums.instructions as f64
                        + 1e-12 * r.sums.instructions as f64
                };
                rows.extend(found.iter().copied().min_by(|a, b| {
                    (a.sums.ram > room, cost(a))
                        .partial_cmp(&(b.sums.ram > room, cost(b)))
                        .unwrap_or(std::cmp::Ordering::Equal)
                }));
                starts.push(rows.len() as u32);
            }
            Stage { block: stage.block, radix: stage.radix, starts, rows }
        });
        Self { stages: stages.collect(), base: self.base }
    }

    /// With one row an entry that holds the least of every cost over all ways of computing it.
    pub fn cheapest(&self) -> Self {
        let mut tables = self.priced([0.0, 1.0], None);
        for (stage, all) in tables.stages.iter_mut().zip(&self.stages) {
            for (row, span) in
                stage.rows.iter_mut().zip(all.starts.windows(2).filter(|s| s[0] < s[1]))
            {
                for other in &all.rows[span[0] as usize..span[1] as usize] {
                    row.sums.flash = row.sums.flash.min(other.sums.flash);
                    row.sums.ram = row.sums.ram.min(other.sums.ram);
                }
            }
        }
        tables
    }

    /// Sums of a sub-network, the first row of each entry taken; `None` where there is none.
    #[inline]
    pub fn sums(&self, genes: &Genes) -> Option<Sums> {
        let mut sums = Sums { ram: 0, ..self.base };
        for stage in &self.stages {
            sums = sums.plus(&stage.entry(genes).first()?.sums);
        }
        sums.ram += self.base.ram;
        Some(sums)
    }
}

/// The rows of one entry; none where the options of tied layers differ.
fn rows(problem: &Problem<'_>, block: PlacedBlock, radix: [usize; 2], entry: usize) -> Vec<Row> {
    let last = (entry % radix[1]) as u8;
    let first =
        if block.first == block.last() { last } else { (entry / radix[1] % radix[0]) as u8 };
    let input = (block.first > 0).then_some((entry / radix[1] / radix[0]) as u8);
    let options = if block.first == block.last() { &[last][..] } else { &[first, last][..] };
    if !consistent(problem.space, block, input, options) {
        return Vec::new();
    }
    let size = score::size(problem.space, block, input, options);
    let score = problem.score.term(problem.space, block, input, options);
    let row = |part: crate::cost::Part| Row {
        sums: Sums {
            score,
            flash: part.flash_bytes,
            ram: part.ram_bytes,
            instructions: part.instructions,
            macs: size.macs,
            params: size.params,
        },
        options: [first, last],
        kinds: part.kinds,
    };
    problem.costs.parts(block, input, options).into_iter().map(row).collect()
}

/// False where layers of the block, or its input, follow one layer and have different options.
fn consistent(space: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> bool {
    let read = input.map(|o| (space.source(block.first - 1), o));
    let own = (block.first..).zip(options).map(|(i, &o)| (space.source(i), o));
    let all: Vec<(usize, u8)> = read.into_iter().chain(own).collect();
    all.iter().all(|a| all.iter().all(|b| a.0 != b.0 || a.1 == b.1))
}

impl Problem<'_> {
    /// Linear score of sums.
    #[inline]
    pub(super) fn linear(&self, sums: &Sums) -> f64 {
        combine(self.score, sums.score, sums.macs, sums.params)
    }

    /// The sub-network of these genes (tied layers included).
    pub(super) fn arch(&self, genes: &Genes) -> Arch {
        let free = self.space.free_layers().map(|i| genes[i]);
        Arch::from_options(self.space, free).unwrap_or_else(|_| Arch::smallest(self.space))
    }

    /// A sub-network with its score and its exact costs.
    pub(super) fn candidate(&self, arch: Arch, kinds: Vec<u8>) -> Candidate {
        let costs = self.costs.costs(&arch, &kinds);
        let score = self.score.link(score::linear(self.space, self.score, &arch));
        Candidate { arch, score, costs, kinds }
    }
}

/// What costs from tables are called.
impl From<&Sums> for Costs {
    fn from(sums: &Sums) -> Self {
        Self { flash_bytes: sums.flash, ram_bytes: sums.ram, instructions: sums.instructions }
    }
}

/// Genes of a sub-network.
pub fn genes(arch: &Arch) -> Genes {
    let mut genes = [0; MAX_LAYERS];
    for (gene, &option) in genes.iter_mut().zip(arch.options()) {
        *gene = option;
    }
    genes
}

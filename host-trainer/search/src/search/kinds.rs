//! Which way each block of one sub-network is computed: the fastest within the limits.

use super::Problem;
use super::tables::{Genes, Row, Sums, Tables};
use crate::cost::Limits;

/// Most choices that are kept side by side.
const LABELS: usize = 4096;

/// A choice for the blocks so far.
#[derive(Clone)]
struct Label {
    flash: u64,
    instructions: u64,
    rows: Vec<Row>,
}

/// The choice of rows with the fewest instructions that keeps the limits by the tables; `None`
/// where none does. Exact as long as no more than some thousand choices are worth keeping.
pub fn fastest(tables: &Tables, genes: &Genes, limits: Limits) -> Option<Vec<Row>> {
    let room = limits.ram_bytes.map_or(Some(u64::MAX), |r| r.checked_sub(tables.base.ram))?;
    let flash = limits.flash_bytes.unwrap_or(u64::MAX);
    let mut labels = vec![Label {
        flash: tables.base.flash,
        instructions: tables.base.instructions,
        rows: Vec::new(),
    }];
    for stage in &tables.stages {
        let ways: Vec<&Row> = stage.entry(genes).iter().filter(|r| r.sums.ram <= room).collect();
        let mut next: Vec<Label> = Vec::new();
        for label in &labels {
            for way in &ways {
                let mut rows = label.rows.clone();
                rows.push(**way);
                next.push(Label {
                    flash: label.flash + way.sums.flash,
                    instructions: label.instructions + way.sums.instructions,
                    rows,
                });
            }
        }
        next.retain(|l| l.flash <= flash);
        if ways.len() > 1 {
            next.sort_by_key(|l| (l.flash, l.instructions));
            let mut fewest = u64::MAX;
            next.retain(|l| {
                let fewer = l.instructions < fewest;
                fewest = fewest.min(l.instructions);
                fewer
            });
            if next.len() > LABELS {
                let every = next.len().div_ceil(LABELS);
                let last = next.len() - 1;
                let mut index = 0;
                next.retain(|_| {
                    index += 1;
                    (index - 1) % every == 0 || index - 1 == last
                });
            }
        }
        labels = next;
    }
    let best = labels.into_iter().min_by_key(|l| (l.instructions, l.flash))?;
    limits.instructions.is_none_or(|limit| best.instructions <= limit).then_some(best.rows)
}

/// The sums and ways of rows.
pub fn total(tables: &Tables, rows: &[Row]) -> (Sums, Vec<u8>) {
    let mut sums = rows.iter().fold(Sums { ram: 0, ..tables.base }, |s, r| s.plus(&r.sums));
    sums.ram += tables.base.ram;
    (sums, rows.iter().map(|r| r.kinds).collect())
}

impl Problem<'_> {
    /// The sub-network of these genes, computed in the fastest way that keeps the limits; `None`
    /// where it breaks one by its exact costs.
    pub(super) fn feasible(&self, tables: &Tables, genes: &Genes) -> Option<super::Candidate> {
        let (mut limits, mut tries) = (self.limits, 4);
        loop {
            let rows = fastest(tables, genes, limits)?;
            let (sums, kinds) = total(tables, &rows);
            let found = self.candidate(self.arch(genes), kinds);
            if self.limits.allow(found.costs) {
                return Some(found);
            }
            // Flash and RAM of the tables are the least there can be: ask for as much less as the
            // exact costs are more.
            let less = |limit: Option<u64>, exact: u64, table: u64| {
                limit.map(|l| {
                    l.min(exact.saturating_sub(1)).saturating_sub(exact - table.min(exact))
                })
            };
            let before = limits;
            limits.flash_bytes = less(self.limits.flash_bytes, found.costs.flash_bytes, sums.flash);
            limits.ram_bytes = less(self.limits.ram_bytes, found.costs.ram_bytes, sums.ram);
            tries -= 1;
            if tries == 0 || limits == before {
                return None;
            }
        }
    }
}

//! The choice of kernels for one sub-network: the fewest instructions within the limits.

use super::tables::{Genes, Sums, Tables, Variant};
use super::{Problem, ScoredNetwork};
use crate::cost::Limits;

/// Largest number of partial choices that are kept for a block.
const LABELS: usize = 4096;

/// Attempts to meet the exact limits by tightening the limits on the tables.
const ATTEMPTS: u32 = 4;

/// A partial choice: variants of the blocks so far, and their sums with the base costs.
#[derive(Clone)]
struct Label {
    flash: u64,
    instructions: u64,
    variants: Vec<Variant>,
}

/// Chooses the variant of each block so that the sums of the tables are within the limits and the
/// instructions are the fewest. Returns `None` if no choice is within the limits. The result is
/// exact unless more than [`LABELS`] partial choices are on the front of flash and instructions.
pub fn fastest(tables: &Tables, genes: &Genes, limits: Limits) -> Option<Vec<Variant>> {
    let room = limits.ram_bytes.map_or(Some(u64::MAX), |r| r.checked_sub(tables.base.ram))?;
    let flash = limits.flash_bytes.unwrap_or(u64::MAX);
    let mut labels = vec![Label {
        flash: tables.base.flash,
        instructions: tables.base.instructions,
        variants: Vec::new(),
    }];
    for table in &tables.blocks {
        let choices: Vec<&Variant> =
            table.entry(genes).iter().filter(|v| v.sums.ram <= room).collect();
        let mut next: Vec<Label> = Vec::new();
        for label in &labels {
            for choice in &choices {
                let mut variants = label.variants.clone();
                variants.push(**choice);
                next.push(Label {
                    flash: label.flash + choice.sums.flash,
                    instructions: label.instructions + choice.sums.instructions,
                    variants,
                });
            }
        }
        next.retain(|l| l.flash <= flash);
        if choices.len() > 1 {
            keep_front(&mut next);
            thin(&mut next);
        }
        labels = next;
    }
    let best = labels.into_iter().min_by_key(|l| (l.instructions, l.flash))?;
    let within = limits.instructions.is_none_or(|limit| best.instructions <= limit);
    within.then_some(best.variants)
}

/// Removes labels that another one dominates in flash and instructions.
fn keep_front(labels: &mut Vec<Label>) {
    labels.sort_by_key(|l| (l.flash, l.instructions));
    let mut fewest = u64::MAX;
    labels.retain(|l| {
        let fewer = l.instructions < fewest;
        fewest = fewest.min(l.instructions);
        fewer
    });
}

/// Keeps at most [`LABELS`] evenly spaced labels and the last one.
fn thin(labels: &mut Vec<Label>) {
    if labels.len() <= LABELS {
        return;
    }
    let every = labels.len().div_ceil(LABELS);
    let last = labels.len() - 1;
    let mut index = 0;
    labels.retain(|_| {
        let keep = index % every == 0 || index == last;
        index += 1;
        keep
    });
}

/// The sums of these variants with the base costs, and their kernel kinds.
fn total(tables: &Tables, variants: &[Variant]) -> (Sums, Vec<u8>) {
    let base = Sums { ram: 0, ..tables.base };
    let mut sums = variants.iter().fold(base, |sums, v| sums.plus(&v.sums));
    sums.ram += tables.base.ram;
    (sums, variants.iter().map(|v| v.kinds).collect())
}

impl Problem<'_> {
    /// The sub-network of these genes with its fastest kernels within the limits. Returns `None` if
    /// its exact costs exceed a limit.
    pub(super) fn feasible(&self, tables: &Tables, genes: &Genes) -> Option<ScoredNetwork> {
        let mut limits = self.limits;
        for _ in 0..ATTEMPTS {
            let variants = fastest(tables, genes, limits)?;
            let (sums, kinds) = total(tables, &variants);
            let candidate = self.candidate(self.arch(genes), kinds);
            let exact = candidate.costs;
            if self.limits.allow(exact) {
                return Some(candidate);
            }
            // The tables underestimate flash and RAM. The next limits are smaller by the error.
            let before = limits;
            limits.flash_bytes = tightened(self.limits.flash_bytes, exact.flash_bytes, sums.flash);
            limits.ram_bytes = tightened(self.limits.ram_bytes, exact.ram_bytes, sums.ram);
            if limits == before {
                return None;
            }
        }
        None
    }
}

/// A limit for the tables' value of a cost, given its exact value and its value in the tables.
fn tightened(limit: Option<u64>, exact: u64, table: u64) -> Option<u64> {
    let error = exact - table.min(exact);
    limit.map(|l| l.min(exact.saturating_sub(1)).saturating_sub(error))
}

//! Reduced tables: without infeasible variants, or with one variant in each entry.

use super::{BlockTable, Sums, Tables, Variant};
use crate::cost::Limits;

impl BlockTable {
    /// Keeps the variants for which `keep` holds. It is called with the option of the input.
    fn filtered(&self, keep: impl Fn(usize, &Variant) -> bool) -> Self {
        let entries = self.radix[0] * self.radix[1];
        let mut starts = vec![0];
        let mut variants = Vec::new();
        for (entry, found) in self.entries().enumerate() {
            variants.extend(found.iter().filter(|v| keep(entry / entries, v)).copied());
            starts.push(variants.len() as u32);
        }
        Self { block: self.block, radix: self.radix, starts, variants }
    }
}

impl Tables {
    /// The tables without the variants that no sub-network within the limits can have.
    pub fn within(&self, limits: Limits) -> Self {
        let mut tables = self.clone();
        if let Some(limit) = limits.ram_bytes {
            let room = limit.saturating_sub(self.base.ram);
            let fits = self.base.ram <= limit;
            for table in &mut tables.blocks {
                *table = table.filtered(|_, variant| fits && variant.sums.ram <= room);
            }
        }
        for (limit, base, cost) in [
            (limits.flash_bytes, self.base.flash, (|s: &Sums| s.flash) as fn(&Sums) -> u64),
            (limits.instructions, self.base.instructions, |s: &Sums| s.instructions),
        ] {
            let limit = limit.unwrap_or(u64::MAX);
            let before = tables.least_before(cost);
            let after = tables.least_after(cost);
            for (k, table) in tables.blocks.iter_mut().enumerate() {
                *table = table.filtered(|input, variant| {
                    let rest = before[k][input]
                        .saturating_add(after[k + 1][usize::from(variant.options[1])])
                        .saturating_add(base);
                    rest.saturating_add(cost(&variant.sums)) <= limit && rest < u64::MAX
                });
            }
        }
        tables
    }

    /// `[block][input]`: the least sum of a cost over all blocks from that block on. `u64::MAX` if
    /// there is no variant.
    pub fn least_after(&self, cost: impl Fn(&Sums) -> u64) -> Vec<Vec<u64>> {
        let mut least = vec![vec![0; usize::from(u8::MAX) + 1]];
        for table in self.blocks.iter().rev() {
            let next = &least[least.len() - 1];
            let mut here = Vec::with_capacity(table.inputs());
            for input in 0..table.inputs() {
                let sums = table.reading(input).iter().map(|variant| {
                    cost(&variant.sums).saturating_add(next[usize::from(variant.options[1])])
                });
                here.push(sums.min().unwrap_or(u64::MAX));
            }
            least.push(here);
        }
        least.reverse();
        least
    }

    /// `[block][input]`: the least sum of a cost over all blocks before that block, of those that
    /// end with this option.
    fn least_before(&self, cost: impl Fn(&Sums) -> u64) -> Vec<Vec<u64>> {
        let mut least: Vec<Vec<u64>> = vec![vec![0]];
        for table in &self.blocks {
            let here = &least[least.len() - 1];
            let mut next = vec![u64::MAX; table.radix[1]];
            for (input, &sum) in here.iter().enumerate() {
                for variant in table.reading(input) {
                    let total = sum.saturating_add(cost(&variant.sums));
                    let best = &mut next[usize::from(variant.options[1])];
                    *best = total.min(*best);
                }
            }
            least.push(next);
        }
        least
    }

    /// The tables with one variant in each entry: the one with the least price, among those within
    /// `ram` bytes if there are any. `prices` are per byte of flash and per instruction.
    pub fn priced(&self, prices: [f64; 2], ram: Option<u64>) -> Self {
        let room = ram.map_or(u64::MAX, |r| r.saturating_sub(self.base.ram));
        let price = |variant: &Variant| {
            let sums = &variant.sums;
            // The last summand breaks ties in favour of fewer instructions.
            prices[0] * sums.flash as f64
                + prices[1] * sums.instructions as f64
                + 1e-12 * sums.instructions as f64
        };
        let order = |a: &Variant, b: &Variant| {
            let exceeds = |variant: &Variant| variant.sums.ram > room;
            exceeds(a).cmp(&exceeds(b)).then(price(a).total_cmp(&price(b)))
        };
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for table in &self.blocks {
            let mut starts = vec![0];
            let mut variants = Vec::with_capacity(table.starts.len());
            for entry in table.entries() {
                variants.extend(entry.iter().copied().min_by(order));
                starts.push(variants.len() as u32);
            }
            blocks.push(BlockTable { block: table.block, radix: table.radix, starts, variants });
        }
        Self { blocks, base: self.base }
    }

    /// The tables with one variant in each entry. Each of its costs is the least over all variants
    /// of the entry, so the sums are lower bounds.
    pub fn cheapest(&self) -> Self {
        let mut tables = self.priced([0.0, 1.0], None);
        for (table, all) in tables.blocks.iter_mut().zip(&self.blocks) {
            let entries = all.entries().filter(|entry| !entry.is_empty());
            for (variant, entry) in table.variants.iter_mut().zip(entries) {
                for other in entry {
                    variant.sums.flash = variant.sums.flash.min(other.sums.flash);
                    variant.sums.ram = variant.sums.ram.min(other.sums.ram);
                }
            }
        }
        tables
    }
}

//! Upper bounds by Lagrangian relaxation.
//!
//! A price (Lagrange multiplier) for each limited resource turns the problem into a sum over
//! blocks, which dynamic programming maximises exactly. The maximum bounds the objective of every
//! feasible sub-network at any prices; the best prices give the lowest bound.

use super::score::weighted_ln;
use super::tables::{Sums, Tables, Variant};
use crate::cost::Limits;

/// An interval of nominal MACs or parameters, both ends included.
pub type Range = [u64; 2];

/// The objective: `sum of the variants' scores + logs[0] ln MACs + logs[1] ln parameters`.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// Coefficients of the logarithms.
    pub logs: [f64; 2],
}

impl Objective {
    /// The objective of a whole sub-network.
    #[inline]
    pub fn value(&self, sums: &Sums) -> f64 {
        sums.score + weighted_ln(self.logs[0], sums.macs) + weighted_ln(self.logs[1], sums.params)
    }
}

/// Slope and offset of a line with `c ln x <= slope x + offset` on an interval: the tangent for
/// c > 0, the chord for c < 0.
fn line(c: f64, [low, high]: Range) -> [f64; 2] {
    let (low, high) = (low.max(1) as f64, high.max(1) as f64);
    if c == 0.0 {
        [0.0, 0.0]
    } else if c > 0.0 {
        let at = (low * high).sqrt();
        [c / at, c * (at.ln() - 1.0)]
    } else if high > low {
        let slope = (high / low).ln() / (high - low);
        [c * slope, c * (low.ln() - slope * low)]
    } else {
        [0.0, c * low.ln()]
    }
}

/// Prices of flash, instructions, MACs and parameters, per unit of each.
pub type Prices = [f64; 4];

/// The relaxed problem for sub-networks whose sizes lie in given ranges.
#[derive(Clone, Copy, Debug)]
pub struct Relaxation {
    /// Lines above the logarithms, `[slope, offset]`.
    lines: [[f64; 2]; 2],
    /// Flash and instructions left for the blocks. `None` without a limit.
    room: [Option<f64>; 2],
    ranges: [Range; 2],
}

/// The solution of a relaxed problem at given prices.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Upper bound of the objective within limits and ranges.
    pub bound: f64,
    /// `[block][input]`: the largest value of all blocks from that block on.
    pub after: Vec<Vec<f64>>,
    /// The variants of the sub-network that attains the bound. Shorter than the blocks if no
    /// sub-network exists.
    pub path: Vec<Variant>,
}

impl Relaxation {
    /// Relaxes the problem for sub-networks within `limits` whose MACs and parameters lie in
    /// `ranges`.
    pub fn new(objective: Objective, tables: &Tables, limits: Limits, ranges: [Range; 2]) -> Self {
        let left = |limit: Option<u64>, base: u64| limit.map(|l| l as f64 - base as f64);
        Self {
            lines: [line(objective.logs[0], ranges[0]), line(objective.logs[1], ranges[1])],
            room: [
                left(limits.flash_bytes, tables.base.flash),
                left(limits.instructions, tables.base.instructions),
            ],
            ranges,
        }
    }

    /// Clamps prices to valid values: non-negative for limited resources, zero for unlimited ones.
    fn clamped(&self, mut prices: Prices) -> Prices {
        for (price, room) in prices.iter_mut().zip(&self.room) {
            *price = if room.is_some() { price.max(0.0) } else { 0.0 };
        }
        prices
    }

    /// Value of a variant less the prices of its costs.
    #[inline(always)]
    pub fn value(&self, prices: &Prices, variant: &Variant) -> f64 {
        let s = &variant.sums;
        s.score - prices[0] * s.flash as f64 - prices[1] * s.instructions as f64
            + (self.lines[0][0] - prices[2]) * s.macs as f64
            + (self.lines[1][0] - prices[3]) * s.params as f64
    }

    /// The constant part of the bound, which is the same for every sub-network.
    pub fn offset(&self, prices: &Prices) -> f64 {
        let mut offset = self.lines[0][1] + self.lines[1][1];
        for k in 0..2 {
            offset += prices[k] * self.room[k].unwrap_or(0.0);
            // A positive price enforces the upper end of a range, a negative one the lower end.
            let price = prices[2 + k];
            offset += price * self.ranges[k][usize::from(price > 0.0)] as f64;
        }
        offset
    }

    /// Computes the bound at these prices, by dynamic programming from the last block to the first.
    pub fn sweep(&self, tables: &Tables, prices: &Prices) -> Sweep {
        let count = tables.blocks.len();
        let mut after = vec![Vec::new(); count + 1];
        after[count] = vec![0.0; usize::from(u8::MAX) + 1];
        let mut chosen: Vec<Vec<Option<Variant>>> = vec![Vec::new(); count];
        for (k, table) in tables.blocks.iter().enumerate().rev() {
            for input in 0..table.inputs() {
                let mut most = f64::NEG_INFINITY;
                let mut best = None;
                for variant in table.reading(input) {
                    let rest = after[k + 1][usize::from(variant.options[1])];
                    let total = self.value(prices, variant) + rest;
                    if total > most {
                        most = total;
                        best = Some(*variant);
                    }
                }
                after[k].push(most);
                chosen[k].push(best);
            }
        }
        let bound = after[0].first().copied().unwrap_or(0.0) + self.offset(prices);
        let mut path = Vec::with_capacity(count);
        let mut input = 0;
        for of_block in &chosen {
            let Some(variant) = of_block.get(input).copied().flatten() else { break };
            input = usize::from(variant.options[1]);
            path.push(variant);
        }
        Sweep { bound, after, path }
    }

    /// Lowers the bound by subgradient steps from the prices `start`, until it reaches `target` or
    /// `steps` steps are done. Calls `met` with the path of every step; `met` returns the best known
    /// value, which raises the target. Returns the lowest bound and its prices.
    pub fn lower(
        &self,
        tables: &Tables,
        start: Prices,
        mut target: f64,
        steps: usize,
        mut met: impl FnMut(&[Variant]) -> f64,
    ) -> (f64, Prices) {
        // Prices are per unit. Steps are taken relative to the whole limit or range.
        let scale = [
            self.room[0].unwrap_or(1.0).max(1.0),
            self.room[1].unwrap_or(1.0).max(1.0),
            self.ranges[0][1].max(1) as f64,
            self.ranges[1][1].max(1) as f64,
        ];
        let mut prices = self.clamped(start);
        let mut lowest = (f64::INFINITY, prices);
        let mut pace = 1.0;
        let mut stuck = 0;
        for _ in 0..steps {
            let found = self.sweep(tables, &prices);
            if found.path.len() < tables.blocks.len() {
                return (f64::NEG_INFINITY, prices);
            }
            if found.bound < lowest.0 - 1e-12 {
                lowest = (found.bound, prices);
                stuck = 0;
            } else {
                stuck += 1;
                if stuck == 5 {
                    prices = lowest.1;
                    pace *= 0.5;
                    stuck = 0;
                    continue;
                }
            }
            target = target.max(met(&found.path));
            if lowest.0 <= target {
                break;
            }
            let slope = self.subgradient(&found.path, &prices, &scale);
            let norm: f64 = slope.iter().map(|s| s * s).sum();
            if norm < 1e-18 {
                break;
            }
            let step = pace * (found.bound - target).max(1e-9) / norm;
            let before = prices;
            for k in 0..4 {
                prices[k] += step * slope[k] / scale[k];
            }
            // The end of a range that a price enforces changes with the sign of the price, so a
            // step stops at 0.
            for k in 2..4 {
                if before[k] * prices[k] < 0.0 {
                    prices[k] = 0.0;
                }
            }
            prices = self.clamped(prices);
        }
        lowest
    }

    /// Scaled violation of each limit and range by the sub-network of a path: the direction in which
    /// higher prices lower the bound.
    fn subgradient(&self, path: &[Variant], prices: &Prices, scale: &[f64; 4]) -> [f64; 4] {
        let total = path.iter().fold(Sums::default(), |sums, v| sums.plus(&v.sums));
        let over = |amount: u64, room: Option<f64>| room.map_or(0.0, |r| amount as f64 - r);
        let outside = |amount: u64, range: Range, price: f64| {
            let amount = amount as f64;
            let (low, high) = (range[0] as f64, range[1] as f64);
            if amount > high || price > 0.0 { amount - high } else { (amount - low).min(0.0) }
        };
        [
            over(total.flash, self.room[0]) / scale[0],
            over(total.instructions, self.room[1]) / scale[1],
            outside(total.macs, self.ranges[0], prices[2]) / scale[2],
            outside(total.params, self.ranges[1], prices[3]) / scale[3],
        ]
    }
}

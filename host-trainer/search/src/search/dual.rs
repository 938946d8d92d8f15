//! Upper bounds by Lagrange multipliers: a price on every limit turns the search into a sum over
//! blocks, whose maximum dynamic programming finds exactly. No feasible sub-network has a higher
//! score than that maximum, whatever the prices; the best prices give the lowest bound.

use super::tables::{Row, Sums, Tables};
use crate::cost::Limits;

/// An interval of nominal MACs or parameters, both ends included.
pub type Range = [u64; 2];

/// What is maximised: `sum of the rows' scores + logs[0] ln MACs + logs[1] ln parameters`.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Coefficients of the logarithms.
    pub logs: [f64; 2],
}

impl Goal {
    /// The value of whole sub-networks.
    #[inline]
    pub fn value(&self, sums: &Sums) -> f64 {
        let log = |c: f64, amount: u64| if c == 0.0 { 0.0 } else { c * (amount as f64).ln() };
        sums.score + log(self.logs[0], sums.macs) + log(self.logs[1], sums.params)
    }
}

/// `c ln x <= slope x + offset` on an interval: the tangent for c > 0, the chord for c < 0.
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

/// Prices of flash, instructions, MACs and parameters, a unit of each.
pub type Prices = [f64; 4];

/// A bound to be lowered: goal, limits, and the interval of sizes that it holds for.
#[derive(Clone, Copy, Debug)]
pub struct Relaxed {
    /// Lines above the logarithms, `[slope, offset]`.
    lines: [[f64; 2]; 2],
    /// What is left of flash and instructions for the blocks; none without a limit.
    room: [Option<f64>; 2],
    ranges: [Range; 2],
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// No sub-network within limits and ranges has a higher value.
    pub bound: f64,
    /// `[stage][input]`: the most that the blocks from that stage on can add.
    pub after: Vec<Vec<f64>>,
    /// Rows of the sub-network that reaches the bound, an index into its stage's rows read from
    /// the first.
    pub path: Vec<Row>,
}

impl Relaxed {
    /// For sub-networks within `limits` whose sizes lie in `ranges`.
    pub fn new(goal: Goal, tables: &Tables, limits: Limits, ranges: [Range; 2]) -> Self {
        let left = |limit: Option<u64>, base: u64| limit.map(|l| l as f64 - base as f64);
        Self {
            lines: [line(goal.logs[0], ranges[0]), line(goal.logs[1], ranges[1])],
            room: [
                left(limits.flash_bytes, tables.base.flash),
                left(limits.instructions, tables.base.instructions),
            ],
            ranges,
        }
    }

    /// Prices that mean something: none below 0 where there is a limit, none where there is none.
    fn legal(&self, mut prices: Prices) -> Prices {
        for (price, room) in prices.iter_mut().zip(&self.room) {
            *price = if room.is_some() { price.max(0.0) } else { 0.0 };
        }
        prices
    }

    /// Value of a row under these prices.
    #[inline(always)]
    pub fn worth(&self, prices: &Prices, row: &Row) -> f64 {
        let s = &row.sums;
        s.score - prices[0] * s.flash as f64 - prices[1] * s.instructions as f64
            + (self.lines[0][0] - prices[2]) * s.macs as f64
            + (self.lines[1][0] - prices[3]) * s.params as f64
    }

    /// What the prices add to the bound whatever the sub-network is.
    pub fn offset(&self, prices: &Prices) -> f64 {
        let mut offset = self.lines[0][1] + self.lines[1][1];
        for k in 0..2 {
            offset += prices[k] * self.room[k].unwrap_or(0.0);
            // A price above 0 keeps sizes below the upper end, one below 0 above the lower.
            let price = prices[2 + k];
            offset += price * self.ranges[k][usize::from(price > 0.0)] as f64;
        }
        offset
    }

    /// The bound at these prices, by dynamic programming from the last block to the first.
    pub fn sweep(&self, tables: &Tables, prices: &Prices) -> Sweep {
        let count = tables.stages.len();
        let mut after = vec![Vec::new(); count + 1];
        after[count] = vec![0.0; usize::from(u8::MAX) + 1];
        let mut chosen: Vec<Vec<Option<Row>>> = vec![Vec::new(); count];
        for (k, stage) in tables.stages.iter().enumerate().rev() {
            for input in 0..stage.inputs() {
                let (mut most, mut best) = (f64::NEG_INFINITY, None);
                for row in stage.reading(input) {
                    let total = self.worth(prices, row) + after[k + 1][usize::from(row.options[1])];
                    if total > most {
                        (most, best) = (total, Some(row));
                    }
                }
                after[k].push(most);
                chosen[k].push(best.copied());
            }
        }
        let bound = after[0].first().copied().unwrap_or(0.0) + self.offset(prices);
        let (mut path, mut input) = (Vec::with_capacity(count), 0);
        for stage in &chosen {
            let Some(row) = stage.get(input).copied().flatten() else { break };
            input = usize::from(row.options[1]);
            path.push(row);
        }
        Sweep { bound, after, path }
    }

    /// Lowers the bound from `start` by subgradient steps towards `target`, until it is there or
    /// `steps` are done. Gives every sub-network that reaches a bound to `met`. Returns the lowest
    /// bound and its prices.
    pub fn lower(
        &self,
        tables: &Tables,
        start: Prices,
        mut target: f64,
        steps: usize,
        mut met: impl FnMut(&[Row]) -> f64,
    ) -> (f64, Prices) {
        // Prices are per unit; steps are taken in units of the whole limit or range.
        let scale = [
            self.room[0].unwrap_or(1.0).max(1.0),
            self.room[1].unwrap_or(1.0).max(1.0),
            self.ranges[0][1].max(1) as f64,
            self.ranges[1][1].max(1) as f64,
        ];
        let mut prices = self.legal(start);
        let mut lowest = (f64::INFINITY, prices);
        let (mut pace, mut stuck) = (1.0, 0);
        for _ in 0..steps {
            let found = self.sweep(tables, &prices);
            if found.path.len() < tables.stages.len() {
                return (f64::NEG_INFINITY, prices);
            }
            if found.bound < lowest.0 - 1e-12 {
                (lowest, stuck) = ((found.bound, prices), 0);
            } else {
                stuck += 1;
                if stuck == 5 {
                    (prices, pace, stuck) = (lowest.1, pace * 0.5, 0);
                    continue;
                }
            }
            target = target.max(met(&found.path));
            if lowest.0 <= target {
                break;
            }
            let total = found.path.iter().fold(Sums::default(), |s, r| s.plus(&r.sums));
            let over = |amount: u64, room: Option<f64>| room.map_or(0.0, |r| amount as f64 - r);
            let outside = |amount: u64, range: Range, price: f64| {
                let amount = amount as f64;
                let (low, high) = (range[0] as f64, range[1] as f64);
                if amount > high || price > 0.0 { amount - high } else { (amount - low).min(0.0) }
            };
            let slope = [
                over(total.flash, self.room[0]) / scale[0],
                over(total.instructions, self.room[1]) / scale[1],
                outside(total.macs, self.ranges[0], prices[2]) / scale[2],
                outside(total.params, self.ranges[1], prices[3]) / scale[3],
            ];
            let norm: f64 = slope.iter().map(|s| s * s).sum();
            if norm < 1e-18 {
                break;
            }
            let step = pace * (found.bound - target).max(1e-9) / norm;
            let before = prices;
            for k in 0..4 {
                prices[k] += step * slope[k] / scale[k];
            }
            // A price of a range does not change its sign in one step: its end changes there.
            for k in 2..4 {
                if before[k] * prices[k] < 0.0 {
                    prices[k] = 0.0;
                }
            }
            prices = self.legal(prices);
        }
        lowest
    }
}

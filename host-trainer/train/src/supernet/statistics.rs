//! Running batch-norm statistics that an import reads with the weights.

use supernano_core::plan::Plan;

use super::net::BnStats;
use super::subnet::TensorSource;
use super::weights::{Layout, Role};

/// Running mean and variance of every batch norm of a supernet, at the largest widths.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningStats {
    /// Mean, then variance, of every batch norm in the order of [`Layout::entries`].
    pub values: Vec<f32>,
}

/// Records the index and the channels of the tensors that a sub-network takes.
struct Taken;

impl TensorSource for Taken {
    type Values = (usize, usize);
    type Slope = ();

    fn values(&mut self, i: usize, shape: [usize; 4]) -> (usize, usize) {
        (i, shape[0])
    }

    fn transformed(
        &mut self,
        larger: (usize, usize),
        _: [usize; 4],
        _: usize,
        _: [usize; 4],
    ) -> (usize, usize) {
        larger
    }

    fn none(&mut self) -> (usize, usize) {
        (0, 0)
    }

    fn slope(&mut self, _: usize) {}
}

impl Layout {
    /// Number of values of [`RunningStats`].
    pub fn statistics(&self) -> usize {
        self.norms().map(|e| 2 * e.1).sum()
    }

    /// Every batch norm as the index of its factor in the layout and its channels.
    fn norms(&self) -> impl Iterator<Item = (usize, usize)> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, e)| e.role == Role::Gamma).map(|(i, e)| (i, e.len()))
    }
}

impl RunningStats {
    /// Statistics of a sub-network's channels; `plan` is a plan of `layout`.
    pub fn of(&self, layout: &Layout, plan: &Plan) -> BnStats {
        let mut starts = vec![0; layout.entries.len()];
        let mut at = 0;
        for (i, channels) in layout.norms() {
            starts[i] = at;
            at += 2 * channels;
        }
        let net = layout.cut(plan, &mut Taken);
        let layers = net.convs().map(|conv| {
            let (i, n) = conv.gamma;
            let (start, all) = (starts[i], layout.entries[i].len());
            let part = |from: usize| self.values[from..from + n].to_vec();
            (part(start), part(start + all))
        });
        BnStats { layers: layers.collect() }
    }
}

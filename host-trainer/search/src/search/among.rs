//! The search among evaluated sub-networks only, by their measured scores.

use std::collections::HashMap;

use rayon::prelude::*;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_base::stats::Difference;
use supernano_core::arch::Arch;
use supernano_core::space::{PlacedBlock, Space};

use super::tables::{Tables, genes};
use super::{Problem, ScoreModel, ScoredNetwork, Solution, front};
use crate::cost::Costs;
use crate::surrogate::{Prediction, Surrogate};

/// The sub-networks that a search chooses from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Candidates {
    /// All of the space, by predicted scores.
    #[default]
    All,
    /// The evaluated ones, by measured scores.
    Evaluated,
    /// All, or the evaluated ones if the predictions are no better than trivial ones.
    Auto,
}

/// Measured scores, higher is better. Only [`ScoreModel::whole`] of a sub-network that was evaluated
/// has a meaning.
#[derive(Debug)]
pub struct Measured<'a>(pub &'a HashMap<&'a Arch, f64>);

impl Measured<'_> {
    /// A prediction about the measured score: its interval has the length of the surrogate's, which
    /// covers the error of a measured score as well.
    pub fn about(&self, arch: &Arch, predicted: Prediction) -> Prediction {
        let score = self.0.get(arch).copied().unwrap_or(predicted.score);
        let shift = score - predicted.score;
        Prediction { score, interval: predicted.interval.map(|end| end + shift), ..predicted }
    }

    /// The measured difference of two sub-networks, with an interval of the length of the surrogate's.
    pub fn difference(
        &self,
        surrogate: &Surrogate,
        space: &Space<'_>,
        pair: [&Arch; 2],
    ) -> Difference {
        let predicted = surrogate.difference(space, pair[0], pair[1]);
        match pair.map(|arch| self.0.get(arch)) {
            [Some(a), Some(b)] => Difference::about(a - b, (predicted.high - predicted.low) / 2.0),
            _ => predicted,
        }
    }
}

impl ScoreModel for Measured<'_> {
    fn term(&self, _: &Space<'_>, _: PlacedBlock, _: Option<u8>, _: &[u8]) -> f64 {
        0.0
    }

    fn whole(&self, _: &Space<'_>, arch: &Arch) -> f64 {
        self.0.get(arch).copied().unwrap_or(0.0)
    }
}

/// The front of these sub-networks, those of residual spaces in the fastest kernels that fit. `task`
/// advances with each.
///
/// # Errors
/// [`Error::No`] if none of them is within the limits; the errors of [`Tables::new`].
pub fn search(problem: &Problem<'_>, archs: &[Arch], task: &dyn Task) -> Result<Solution> {
    task.extend(archs.len() as u64);
    let tables = match problem.space.is_residual() {
        true => Some(Tables::new(problem)?),
        false => None,
    };
    let candidate = |arch: &Arch| {
        task.advance(1);
        match &tables {
            Some(tables) => problem.feasible(tables, &genes(arch)),
            None => Some(problem.candidate(arch.clone(), Vec::new()))
                .filter(|found| problem.limits.allow(found.costs)),
        }
    };
    let feasible: Vec<ScoredNetwork> = archs.par_iter().filter_map(candidate).collect();
    let front = front::pareto(feasible);
    let Some(best) = front.first() else { return Err(nothing(problem, archs)) };
    let (bound, examined) = (best.score, archs.len() as u64);
    Ok(Solution { bound, front, examined, exhaustive: false, optimal: false })
}

/// The error if no evaluated sub-network is within the limits.
fn nothing(problem: &Problem<'_>, archs: &[Arch]) -> Error {
    let costs = archs.iter().map(|arch| problem.costs.costs(arch, &[]));
    let least = costs.map(Costs::values).reduce(|a, b| std::array::from_fn(|k| a[k].min(b[k])));
    let [flash, ram, instructions] = least.unwrap_or_default();
    Error::No(format!(
        "none of the {} evaluated sub-networks is within the limits: the smallest need {flash} B of flash, \
         {ram} B of RAM and {instructions} instructions or cycles; evaluate smaller ones with `supernano \
         rank RUN CODE ..`, or search all with `--candidates all --force`",
        archs.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_moves_with_the_measured_score() {
        let arch = Arch::from_options(&supernano_core::space::RESNET8, [0; 6]).unwrap();
        let scores = HashMap::from([(&arch, 0.75)]);
        let predicted = Prediction { score: 0.5, se: 0.125, interval: [0.25, 0.625] };
        let about = Measured(&scores).about(&arch, predicted);
        assert_eq!(about, Prediction { score: 0.75, se: 0.125, interval: [0.5, 0.875] });
        assert_eq!(Measured(&HashMap::new()).about(&arch, predicted), predicted);
    }
}

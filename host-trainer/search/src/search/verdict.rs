//! The verdict on the networks of a front after their evaluation: the winner, its differences from
//! the others, and the networks that are dominated.

use supernano_base::stats::paired;

use super::file::{Comparison, Front, FrontNetwork, Verified};

/// An evaluated network: its accuracies, its loss, and whether its int8 answer for each image is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Top-1 in float with inherited weights, 0 to 1.
    pub inherited: f64,
    /// Cross-entropy of the int8 network, nats.
    pub loss: f64,
    /// Whether the int8 answer for each image is right, in the order of the images.
    pub right: Vec<bool>,
}

impl Evaluated {
    /// Top-1 of the int8 network, 0 to 1.
    pub fn int8(&self) -> f64 {
        let right = self.right.iter().filter(|&&right| right).count();
        right as f64 / self.right.len().max(1) as f64
    }

    fn verified(&self, winner: Option<&Self>) -> Verified {
        Verified {
            inherited: self.inherited,
            int8: self.int8(),
            int8_loss: Some(self.loss),
            images: self.right.len(),
            behind_winner: winner.map(|winner| paired(&winner.right, &self.right)),
        }
    }
}

/// Enters the evaluation of all listed networks and of the one of uniform width into a front. The
/// winner is the network with the best int8 accuracy; of equal ones, that with the lowest loss; of those
/// with the same loss, the first that none of them undercuts in every cost. Networks that another one
/// dominates, in int8 accuracy and in all costs,
/// move to [`Front::dominated`]; the winner stays.
///
/// # Panics
/// If the numbers of networks differ, or if there are none.
pub fn enter(front: &mut Front, listed: &[Evaluated], uniform: Option<&Evaluated>) {
    assert_eq!(listed.len(), front.networks.len(), "an evaluation of every network");
    let winner = winner(&front.networks, listed);
    front.winner.clone_from(&front.networks[winner].code);
    for (i, (network, found)) in front.networks.iter_mut().zip(listed).enumerate() {
        network.verified = Some(found.verified((i != winner).then_some(&listed[winner])));
    }
    front.comparison = None;
    if let (Some(network), Some(found)) = (&mut front.uniform, uniform) {
        network.verified = Some(found.verified(Some(&listed[winner])));
        let difference = paired(&listed[winner].right, &found.right);
        front.comparison = Some(Comparison {
            measured: true,
            winner: listed[winner].int8(),
            uniform: found.int8(),
            difference,
            better: difference.low > 0.0,
        });
    }
    let all: Vec<FrontNetwork> = front.networks.iter().chain(&front.uniform).cloned().collect();
    let (dominated, kept) = std::mem::take(&mut front.networks).into_iter().partition(|network| {
        network.code != front.winner && all.iter().any(|other| dominates(other, network))
    });
    (front.dominated, front.networks) = (dominated, kept);
}

/// Position of the winner.
fn winner(networks: &[FrontNetwork], listed: &[Evaluated]) -> usize {
    let best = listed.iter().map(Evaluated::int8).fold(0.0, f64::max);
    let right: Vec<usize> = (0..listed.len()).filter(|&i| listed[i].int8() == best).collect();
    let least = right.iter().map(|&i| listed[i].loss).fold(f64::INFINITY, f64::min);
    let equal: Vec<usize> = right.into_iter().filter(|&i| listed[i].loss <= least).collect();
    let undercut = |i: usize| equal.iter().any(|&j| cheaper(&networks[j], &networks[i]));
    equal.iter().copied().find(|&i| !undercut(i)).unwrap_or(0)
}

fn costs(network: &FrontNetwork) -> [u64; 3] {
    [network.flash_bytes, network.ram_bytes, network.instructions]
}

/// True if the first costs no more in any way, and less in some way.
fn cheaper(first: &FrontNetwork, second: &FrontNetwork) -> bool {
    let (first, second) = (costs(first), costs(second));
    first != second && first.iter().zip(second).all(|(a, b)| *a <= b)
}

/// True if the first is at least as accurate in int8 and costs no more, and differs in something.
fn dominates(first: &FrontNetwork, second: &FrontNetwork) -> bool {
    let (Some(a), Some(b)) = (first.verified, second.verified) else { return false };
    let no_dearer = costs(first).iter().zip(costs(second)).all(|(a, b)| *a <= b);
    no_dearer && a.int8 >= b.int8 && (a.int8 > b.int8 || cheaper(first, second))
}

impl Front {
    /// Evaluated networks with the winner's int8 accuracy, and the losses of the winner and of the best
    /// of them, where the loss has decided.
    pub fn decided_by_loss(&self) -> Option<(usize, [f64; 2])> {
        let all = || self.networks.iter().chain(&self.dominated);
        let winner = all().find(|n| n.code == self.winner)?.verified?;
        let equal = all().filter(|n| n.code != self.winner).filter_map(|n| n.verified);
        let losses: Vec<f64> =
            equal.filter(|v| v.int8 == winner.int8).filter_map(|v| v.int8_loss).collect();
        let (own, next) = (winner.int8_loss?, losses.iter().copied().fold(f64::INFINITY, f64::min));
        (own < next && next.is_finite()).then_some((losses.len(), [own, next]))
    }

    /// Evaluated networks other than the winner, and how many of them differ from it by no more than
    /// the noise of the images. Dominated networks count as well.
    pub fn within_noise(&self) -> (usize, usize) {
        let others = self.networks.iter().chain(&self.dominated);
        let differences: Vec<_> =
            others.filter_map(|n| n.verified.and_then(|v| v.behind_winner)).collect();
        (differences.len(), differences.iter().filter(|d| d.is_noise()).count())
    }
}

#[cfg(test)]
mod tests;

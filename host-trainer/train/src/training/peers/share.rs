//! The division of paths by their costs.

/// The peer, from 0, of each path. Peers have neighbouring paths, in order, and about equal costs; the
/// first path belongs to the first peer.
pub fn owners(costs: &[u64], peers: usize) -> Vec<usize> {
    let total: u128 = costs.iter().map(|&c| u128::from(c)).sum::<u128>().max(1);
    let mut before = 0u128;
    let owner = |(path, &cost): (usize, &u64)| {
        let middle = 2 * before + u128::from(cost);
        before += u128::from(cost);
        let owner = (middle * peers as u128 / (2 * total)) as usize;
        if path == 0 { 0 } else { owner.min(peers - 1) }
    };
    costs.iter().enumerate().map(owner).collect()
}

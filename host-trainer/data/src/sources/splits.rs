//! Splits: those of the source are kept, others are drawn from the content of the items.
//!
//! The split of an item depends on a hash of its content, or of its group, and on the seed. The
//! order of the files does not matter, and equal items are always in the same split.

use std::collections::{BTreeMap, HashMap};

use supernano_base::config::DataSpec;

use super::item::Split;

/// What decides the split of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Label of the item.
    pub label: u16,
    /// The split that the source gives.
    pub split: Option<Split>,
    /// Hash of the item's content.
    pub content: [u8; 32],
    /// Group of the item.
    pub group: Option<String>,
}

/// The split of each item. Without a split by the source, items are drawn by `test_share` and
/// `validation_share`: equally in each class, or in whole groups.
pub fn assign(keys: &[Key], spec: &DataSpec) -> Vec<Split> {
    let (validation, test) = spec.shares();
    let has = |split| keys.iter().any(|k| k.split == Some(split));
    let mut splits: Vec<Split> = keys.iter().map(|k| k.split.unwrap_or(Split::Train)).collect();
    for (split, share) in [(Split::Test, test), (Split::Validation, validation)] {
        if has(split) {
            continue;
        }
        // Items that the source gives to another split than training stay there.
        let free: Vec<usize> = (0..keys.len()).filter(|&i| splits[i] == Split::Train).collect();
        for i in drawn(keys, &free, share, split, spec.seed) {
            splits[i] = split;
        }
    }
    splits
}

/// The items of `free` that are drawn: a share of each class, or whole groups. Groups whose items have
/// all one class are a share of that class; otherwise groups of all classes are drawn together.
fn drawn(keys: &[Key], free: &[usize], share: f64, split: Split, seed: u64) -> Vec<usize> {
    let mut of_group: HashMap<&str, u16> = HashMap::new();
    let several = free.iter().any(|&i| {
        let label = keys[i].label;
        keys[i].group.as_deref().is_some_and(|g| *of_group.entry(g).or_insert(label) != label)
    });
    let mut pools: BTreeMap<Option<u16>, HashMap<[u8; 32], Vec<usize>>> = BTreeMap::new();
    for &i in free {
        let key = &keys[i];
        let (pool, unit) = match &key.group {
            Some(group) => (Some(key.label).filter(|_| !several), hash(group.as_bytes())),
            None => (Some(key.label), key.content),
        };
        pools.entry(pool).or_default().entry(unit).or_default().push(i);
    }
    let mut chosen = Vec::new();
    for units in pools.into_values() {
        let total: usize = units.values().map(Vec::len).sum();
        let mut order: Vec<([u8; 32], Vec<usize>)> =
            units.into_iter().map(|(unit, items)| (ranked(&unit, split, seed), items)).collect();
        order.sort_unstable();
        let most = (total as f64 * share).round().max(1.0) as usize;
        let last = order.len().saturating_sub(1);
        let mut taken = 0;
        // The last unit always stays in the training split.
        for (_, items) in order.into_iter().take(last) {
            if taken > 0 && taken + items.len() > most {
                break;
            }
            taken += items.len();
            chosen.extend(items);
        }
    }
    chosen
}

/// All items in an order that depends on their content and on the seed, not on their names.
pub fn order(keys: &[Key], seed: u64) -> Vec<usize> {
    let rank = |i: &usize| ranked(&keys[*i].content, Split::Train, seed);
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_cached_key(|i| (rank(i), *i));
    order
}

/// Hash of an item's content.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// The place of a unit in the order of a draw.
fn ranked(unit: &[u8; 32], split: Split, seed: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&[split as u8]);
    hasher.update(unit);
    *hasher.finalize().as_bytes()
}

/// Pairs of equal items: indices of the first and of another one.
pub fn repeated(keys: &[Key]) -> Vec<(usize, usize)> {
    let mut first: HashMap<&[u8; 32], usize> = HashMap::new();
    let mut pairs = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        match first.get(&key.content) {
            Some(&before) => pairs.push((before, i)),
            None => {
                first.insert(&key.content, i);
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests;

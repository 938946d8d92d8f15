use supernano_base::config::DataSource;

use super::*;

fn spec(validation: f64, test: f64, seed: u64) -> DataSpec {
    DataSpec {
        validation_share: Some(validation),
        test_share: Some(test),
        seed,
        ..DataSpec::new(DataSource::Pictures)
    }
}

fn key(label: u16, content: u32, group: Option<u32>, split: Option<Split>) -> Key {
    let group = group.map(|g| format!("group {g}"));
    Key { label, split, content: hash(&content.to_le_bytes()), group }
}

fn count(splits: &[Split], split: Split) -> usize {
    splits.iter().filter(|s| **s == split).count()
}

#[test]
fn shares_are_kept_in_each_class() {
    let keys: Vec<Key> = (0..300).map(|i| key((i % 3) as u16, i, None, None)).collect();
    let splits = assign(&keys, &spec(0.25, 0.2, 1));
    for label in 0..3 {
        let of: Vec<Split> =
            keys.iter().zip(&splits).filter(|(k, _)| k.label == label).map(|(_, s)| *s).collect();
        let counts = [Split::Train, Split::Validation, Split::Test].map(|s| count(&of, s));
        assert_eq!(counts, [60, 20, 20]);
    }
    assert_ne!(assign(&keys, &spec(0.25, 0.2, 2)), splits);
}

#[test]
fn the_order_of_the_items_does_not_matter() {
    let keys: Vec<Key> = (0..100).map(|i| key((i % 2) as u16, i, None, None)).collect();
    let splits = assign(&keys, &spec(0.2, 0.2, 1));
    let backwards: Vec<Key> = keys.iter().rev().cloned().collect();
    let mut turned = assign(&backwards, &spec(0.2, 0.2, 1));
    turned.reverse();
    assert_eq!(turned, splits);
    let names = |keys: &[Key]| -> Vec<[u8; 32]> {
        order(keys, 1).into_iter().map(|i| keys[i].content).collect()
    };
    assert_eq!(names(&keys), names(&backwards));
    assert_ne!(order(&keys, 1), order(&keys, 2));
}

#[test]
fn equal_items_and_groups_stay_together() {
    // Every content three times.
    let keys: Vec<Key> = (0..90).map(|i| key(0, i / 3, None, None)).collect();
    let splits = assign(&keys, &spec(0.2, 0.2, 1));
    assert!(splits.chunks(3).all(|s| s[0] == s[1] && s[1] == s[2]));
    assert_eq!(repeated(&keys).len(), 60);
    let grouped: Vec<Key> = (0..120).map(|i| key((i % 4) as u16, i, Some(i % 6), None)).collect();
    let splits = assign(&grouped, &spec(0.2, 0.2, 1));
    for group in 0..6 {
        let of: Vec<Split> = (0..120).filter(|i| i % 6 == group).map(|i| splits[i]).collect();
        assert!(of.iter().all(|s| *s == of[0]));
    }
    assert_eq!([Split::Test, Split::Validation].map(|s| count(&splits, s)), [20, 20]);
}

#[test]
fn given_splits_are_kept() {
    let given = |i: u32| match i % 10 {
        0 | 1 => Some(Split::Test),
        _ => Some(Split::Train),
    };
    let keys: Vec<Key> = (0..100).map(|i| key(0, i, None, given(i))).collect();
    let splits = assign(&keys, &spec(0.25, 0.5, 1));
    assert!((0..100).all(|i| (splits[i] == Split::Test) == (i % 10 < 2)));
    assert_eq!(count(&splits, Split::Validation), 20);
}

#[test]
fn a_class_of_one_item_is_trained_on() {
    let keys: Vec<Key> = (0..20).map(|i| key(u16::from(i == 7), i, None, None)).collect();
    assert_eq!(assign(&keys, &spec(0.3, 0.3, 1))[7], Split::Train);
    assert_eq!(assign(&[], &spec(0.3, 0.3, 1)), []);
}

use supernano_core::plan::BranchScheme;
use supernano_train::backend::CpuAutodiff;

use super::*;
use crate::agreement::{Agreement, Comparison, config, masked};
use crate::task::OnDevice as _;

#[test]
fn masked_and_sliced_are_the_same_update() {
    let comparisons = Agreement::default().on::<CpuAutodiff>().unwrap();
    assert!(comparisons.len() > 15, "{comparisons:?}");
    for comparison in comparisons {
        assert!(comparison.agrees(), "{comparison:?}");
        let nan = Comparison { difference: f64::NAN, ..comparison };
        assert!(!nan.agrees());
    }
}

#[test]
fn updates_change_weights_and_losses() {
    let config = config("prelu+oe", "").unwrap();
    let two = masked::<CpuAutodiff>(&config, 2).unwrap();
    let one = masked::<CpuAutodiff>(&config, 1).unwrap();
    assert!(one.values.iter().zip(&two.values).any(|(a, b)| (a - b).abs() > 2e-3));
    assert!(one.losses.students > 0.0 && two.losses.students > one.losses.students);
    assert_eq!(config.scheme(1), BranchScheme::Shared);
}

#[test]
fn a_loss_that_is_not_finite_stops_training() {
    let mut config = config("oe", "").unwrap();
    config.steps[0].lr = 1e30;
    let error = masked::<CpuAutodiff>(&config, 6).err().unwrap();
    assert!(matches!(error, Error::NotFinite { step: 1, update: 0, .. }), "{error}");
}

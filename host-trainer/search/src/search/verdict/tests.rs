use super::*;
use crate::cost::Limits;
use crate::cost::memory::Overhead;
use crate::search::file::{InstructionModel, SurrogateSummary};
use crate::surrogate::CrossValidation;

fn network(code: &str, costs: [u64; 3]) -> FrontNetwork {
    FrontNetwork {
        code: code.into(),
        score: 0.5,
        score_se: 0.1,
        interval: [0.3, 0.7],
        evaluated: None,
        flash_bytes: costs[0],
        ram_bytes: costs[1],
        blob_bytes: 0,
        arena_bytes: 0,
        logits_bytes: 0,
        instructions: costs[2],
        time: None,
        kernels: Vec::new(),
        verified: None,
    }
}

fn front(networks: Vec<FrontNetwork>, uniform: FrontNetwork) -> Front {
    let cross_validation = CrossValidation {
        folds: 10,
        rmse: 0.1,
        pearson: 0.9,
        trivial_pearson: 0.5,
        interval_factor: 2.0,
    };
    Front {
        space: "test".into(),
        chip: None,
        limits: Limits::default(),
        firmware: "small".into(),
        overhead: Overhead::default(),
        examined: 1,
        seconds: 0.0,
        exhaustive: true,
        optimal: true,
        bound: 1.0,
        front_size: networks.len(),
        surrogate: SurrogateSummary {
            metric: "top1".into(),
            samples: 30,
            lambda: 1.0,
            cross_validation,
        },
        instructions: InstructionModel {
            core: "cortex-m4".into(),
            unit: "instructions".into(),
            modelled: true,
            counted: 1,
            largest_error: 0.0,
            provenance: String::new(),
        },
        time: None,
        winner: networks[0].code.clone(),
        networks,
        uniform: Some(uniform),
        comparison: None,
        dominated: Vec::new(),
        samples: Vec::new(),
        evaluated_only: false,
        remark: None,
    }
}

/// The first `right` of 1,000 images are right.
fn evaluated(right: usize) -> Evaluated {
    Evaluated { inherited: 0.5, loss: 0.5, right: (0..1000).map(|i| i < right).collect() }
}

fn codes(networks: &[FrontNetwork]) -> Vec<&str> {
    networks.iter().map(|n| n.code.as_str()).collect()
}

#[test]
fn what_is_dominated_leaves_the_front() {
    let listed = vec![
        network("large", [9, 9, 9]),
        network("loser", [8, 8, 8]),
        network("middle", [5, 5, 5]),
        network("small", [1, 9, 1]),
    ];
    let mut front = front(listed, network("uniform", [7, 7, 7]));
    let accuracies = [900, 600, 700, 500].map(evaluated);
    enter(&mut front, &accuracies, Some(&evaluated(650)));
    assert_eq!(front.winner, "large");
    assert_eq!(codes(&front.networks), ["large", "middle", "small"]);
    assert_eq!(codes(&front.dominated), ["loser"]);
    assert!(front.networks[0].verified.unwrap().behind_winner.is_none());
    let behind = front.networks[1].verified.unwrap().behind_winner.unwrap();
    assert!(behind.mean == 0.2 && !behind.is_noise());
    let comparison = front.comparison.clone().unwrap();
    assert!(comparison.measured && comparison.better);
    assert_eq!((comparison.winner, comparison.uniform), (0.9, 0.65));
    assert_eq!(front.within_noise(), (3, 0));
}

#[test]
fn a_winner_that_is_no_better_than_uniform_width_is_not_called_better() {
    let listed = vec![network("wide", [9, 9, 9]), network("thin", [3, 3, 3])];
    let mut front = front(listed, network("uniform", [2, 2, 2]));
    enter(&mut front, &[828, 827].map(evaluated), Some(&evaluated(832)));
    let comparison = front.comparison.clone().unwrap();
    assert!(!comparison.better && comparison.difference.mean < 0.0);
    // The uniform network dominates both, but there is always a winner.
    assert_eq!(codes(&front.networks), ["wide"]);
    assert_eq!(codes(&front.dominated), ["thin"]);
    assert_eq!(front.within_noise(), (1, 1));
}

#[test]
fn of_equal_networks_the_cheaper_one_wins() {
    let listed = vec![network("dear", [9, 9, 9]), network("cheap", [3, 3, 3])];
    let mut front = front(listed, network("uniform", [2, 2, 2]));
    enter(&mut front, &[800, 800].map(evaluated), None);
    assert_eq!(front.winner, "cheap");
    assert_eq!(codes(&front.dominated), ["dear"]);
    assert!(front.comparison.is_none());
}

#[test]
fn of_networks_with_the_same_accuracy_the_one_with_the_lowest_loss_wins() {
    let listed = ["dear", "cheap", "wrong"].map(|code| network(code, [9, 9, 9]));
    let mut front = front(listed.to_vec(), network("uniform", [2, 2, 2]));
    front.networks[1] = network("cheap", [3, 3, 3]);
    let with = |right, loss| Evaluated { loss, ..evaluated(right) };
    // The loss decides between equal accuracies only.
    enter(&mut front, &[with(800, 0.25), with(800, 0.5), with(799, 0.125)], None);
    assert_eq!(front.winner, "dear");
    assert_eq!(front.networks[0].verified.unwrap().int8_loss, Some(0.25));
    assert_eq!(front.decided_by_loss(), Some((1, [0.25, 0.5])));
}

#[test]
fn the_loss_has_not_decided_without_an_equal_accuracy() {
    let listed = vec![network("dear", [9, 9, 9]), network("cheap", [3, 3, 3])];
    let mut front = front(listed, network("uniform", [2, 2, 2]));
    enter(&mut front, &[801, 800].map(evaluated), None);
    assert_eq!((front.winner.as_str(), front.decided_by_loss()), ("dear", None));
}

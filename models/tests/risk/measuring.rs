//! Metrics against values worked out by hand.

use loadstar_models::risk::metrics::{
    auc, average_precision, base_rate, brier, calibration_error, lift,
};
use loadstar_models::risk::{Metrics, RiskError};

const SCORES: [f64; 6] = [0.9, 0.8, 0.7, 0.6, 0.55, 0.2];
const OUTCOMES: [bool; 6] = [true, false, true, true, false, false];

fn close(found: f64, by_hand: f64) {
    assert!((found - by_hand).abs() < 1e-12, "{found}, by hand {by_hand}");
}

/// Of the nine pairs of a positive and a negative, 0.7 and 0.6 lose to 0.8.
#[test]
fn auc_counts_the_pairs_in_the_right_order() {
    close(auc(&SCORES, &OUTCOMES).unwrap(), 7.0 / 9.0);
}

#[test]
fn auc_gives_a_tie_half_a_pair() {
    // Pairs: 0.5 against 0.5 (half), 0.5 against 0.1 (won), twice.
    close(auc(&[0.5, 0.5, 0.5, 0.1], &[true, true, false, false]).unwrap(), 3.0 / 4.0);
    close(auc(&[0.3; 5], &[true, false, true, false, false]).unwrap(), 0.5);
}

/// Positives at ranks 1, 3 and 4: (1/1 + 2/3 + 3/4) / 3.
#[test]
fn average_precision_is_the_mean_precision_at_the_positives() {
    let by_hand = (1.0 + 2.0 / 3.0 + 3.0 / 4.0) / 3.0;
    close(average_precision(&SCORES, &OUTCOMES).unwrap(), by_hand);
}

/// Ties are one step: both positives are reached at three rows.
#[test]
fn average_precision_takes_ties_together() {
    let found = average_precision(&[0.5, 0.5, 0.5, 0.1], &[true, false, true, false]).unwrap();
    close(found, 2.0 / 3.0);
}

#[test]
fn lift_compares_the_top_with_all() {
    // The top third is one positive and one negative: 0.5 over 0.5.
    close(lift(&SCORES, &OUTCOMES, 1.0 / 3.0).unwrap(), 1.0);
    close(lift(&SCORES, &OUTCOMES, 1.0 / 6.0).unwrap(), 2.0);
    // Two of ten rows are wanted; one comes from a tie of four with one positive.
    let scores = [0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1];
    let mut outcomes = [false; 10];
    (outcomes[0], outcomes[3]) = (true, true);
    close(lift(&scores, &outcomes, 0.2).unwrap(), (1.0 + 0.25) / 2.0 / 0.2);
}

#[test]
fn brier_is_the_mean_squared_error() {
    close(brier(&[0.8, 0.4, 0.1], &[true, true, false]), (0.04 + 0.36 + 0.01) / 3.0);
}

/// Bin 0: mean 0.05, rate 0; bin 2: mean 0.25, rate 0.5; bin 9: mean 0.975,
/// rate 1 (1.0 belongs to the last bin). Weighted by two of six rows each.
#[test]
fn calibration_error_weights_the_gaps_of_the_bins_by_rows() {
    let probabilities = [0.04, 0.06, 0.22, 0.28, 0.95, 1.0];
    let outcomes = [false, false, true, false, true, true];
    let by_hand = (0.05 + 0.25 + 0.025) / 3.0;
    close(calibration_error(&probabilities, &outcomes, 10), by_hand);
}

#[test]
fn one_class_has_no_ranking() {
    assert_eq!(auc(&SCORES, &[true; 6]), None);
    assert_eq!(auc(&[], &[]), None);
    assert_eq!(average_precision(&SCORES, &[false; 6]), None);
    assert_eq!(lift(&SCORES, &[false; 6], 0.1), None);
    assert_eq!(lift(&SCORES, &OUTCOMES, 0.0), None);
    assert_eq!(base_rate(&[]), 0.0);
    let error = Metrics::of(&SCORES, &[true; 6]).unwrap_err();
    assert!(matches!(error, RiskError::TooFewOfClass { label: false, .. }), "{error}");
}

//! Cross-validation.

use loadstar_models::risk::{RiskError, RiskSpec, RiskTable, evaluate};

use super::rows::{batch, customers, flags, ids, numbers, scorecard, sigmoid, table, words};

fn spec() -> RiskSpec {
    scorecard("test")
}

#[test]
fn folds_share_rows_and_positives_evenly_and_progress_is_told() {
    let made = customers(5003, -2.0, 21);
    let mut told = Vec::new();
    let evaluation =
        evaluate(&made.table(), &spec(), &mut |done, of| told.push((done, of))).unwrap();
    assert_eq!(told, [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]);
    assert_eq!(evaluation.folds.len(), 5);
    let positives = made.label.iter().filter(|&&label| label).count() as u64;
    assert_eq!(evaluation.mean.rows, 5003);
    assert_eq!(evaluation.mean.positives, positives);
    for fold in &evaluation.folds {
        assert!(fold.rows.abs_diff(5003 / 5) <= 2, "{fold:?}");
        assert!(fold.positives.abs_diff(positives / 5) <= 1, "{fold:?}");
    }
    let mean = evaluation.folds.iter().map(|fold| fold.auc).sum::<f64>() / 5.0;
    assert!((evaluation.mean.auc - mean).abs() < 1e-9);
}

/// The probabilities the rows were drawn with are the best there can be.
#[test]
fn comes_close_to_the_truth_and_is_calibrated() {
    let made = customers(20_000, -2.0, 22);
    let truth: Vec<f64> = (0..20_000)
        .map(|row| {
            let tenure = made.tenure[row];
            let tenure = if tenure.is_nan() { 0.8 } else { -0.08 * tenure };
            let region = if made.region[row] == "east" { 0.9 } else { 0.0 };
            sigmoid(-2.0 + 0.5 * made.late[row] + tenure + region)
        })
        .collect();
    let best = loadstar_models::risk::Metrics::of(&truth, &made.label).unwrap();
    let found = evaluate(&made.table(), &spec(), &mut |_, _| ()).unwrap();
    assert!(found.pooled.auc > best.auc - 0.01, "{} of {}", found.pooled.auc, best.auc);
    assert!(found.pooled.calibration_error < 0.01, "{}", found.pooled.calibration_error);
    assert_eq!(found.features[..3].iter().filter(|(_, used)| *used == 5).count(), 3);
}

#[test]
fn deciles_cover_all_rows_from_the_highest_score_down() {
    let made = customers(4001, -1.5, 23);
    let evaluation = evaluate(&made.table(), &spec(), &mut |_, _| ()).unwrap();
    let deciles = &evaluation.deciles;
    assert_eq!(deciles.len(), 10);
    assert_eq!(deciles.iter().map(|decile| decile.rows).sum::<u64>(), 4001);
    assert!(deciles.windows(2).all(|pair| pair[0].min_probability >= pair[1].min_probability));
    assert!(deciles[0].lift > 1.5 && deciles[9].lift < 0.7);
    assert!((deciles[9].cumulative_gain - 1.0).abs() < 1e-9);
    assert_eq!(evaluation.out_of_fold.iter().flatten().count(), 4001);
}

#[test]
fn a_seed_decides_the_figures_and_the_order_of_rows_does_not() {
    let whole = batch(customers(2000, -1.0, 24).columns());
    let run = |parts: &[arrow::array::RecordBatch], seed| {
        let table = RiskTable::from_batches(parts, "id", Some("label")).unwrap();
        evaluate(&table, &spec().seed(seed), &mut |_, _| ()).unwrap()
    };
    let first = run(std::slice::from_ref(&whole), 1);
    assert_eq!(first, run(std::slice::from_ref(&whole), 1));
    assert_eq!(first.folds, run(&[whole.slice(700, 1300), whole.slice(0, 700)], 1).folds);
    assert_ne!(first.folds, run(&[whole], 2).folds);
}

/// Every customer appears five times with the same outcome and a number that
/// gives the customer away: only folds that keep customers whole stay honest.
#[test]
fn rows_of_one_id_stay_in_one_fold() {
    let customers = 600;
    let rows = customers * 5;
    let risky = |customer: usize| (customer * 7919) % 11 < 4;
    let table = table(vec![
        ("id", words((0..rows).map(|row| format!("c{}", row % customers)))),
        ("tell", words((0..rows).map(|row| format!("t{}", row % customers)))),
        ("label", flags((0..rows).map(|row| risky(row % customers)))),
    ]);
    let evaluation = evaluate(&table, &spec(), &mut |_, _| ()).unwrap();
    assert!(evaluation.pooled.auc < 0.55, "{}", evaluation.pooled.auc);
}

#[test]
fn too_few_of_an_outcome_for_the_folds_is_an_error() {
    let table = table(vec![
        ("id", ids(100)),
        ("x", numbers((0..100).map(f64::from))),
        ("label", flags((0..100).map(|row| row < 3))),
    ]);
    let error = evaluate(&table, &spec(), &mut |_, _| ()).unwrap_err();
    assert!(
        matches!(error, RiskError::TooFewOfClass { label: true, have: 3, need: 5, .. }),
        "{error}"
    );
    let evaluation = evaluate(&table, &spec().folds(3), &mut |_, _| ());
    assert!(evaluation.is_ok(), "{evaluation:?}");
}

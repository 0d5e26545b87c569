//! Boosted trees: when they are chosen, and what they tell.

use arrow::array::ArrayRef;
use loadstar_models::risk::{
    Boosted, Method, MethodKind, RiskError, RiskModel, RiskSpec, RiskTable, evaluate, fit,
};

use super::rows::{Draws, batch, customers, flags, ids, numbers, sigmoid, table, words};

fn spec() -> RiskSpec {
    RiskSpec::new("test")
}

fn trees(model: &RiskModel) -> &Boosted {
    let Method::Boosted(trees) = &model.method else { panic!("{}", model.choice.text_en()) };
    trees
}

/// Risky where exactly one of two numbers is high: neither says anything alone.
fn either_or(rows: usize, seed: u64) -> Vec<(&'static str, ArrayRef)> {
    let mut draws = Draws::new(seed);
    let mut drawn = || (0..rows).map(|_| draws.uniform()).collect::<Vec<f64>>();
    let (use_, debt, noise, luck) = (drawn(), drawn(), drawn(), drawn());
    let risky = |row: usize| if (use_[row] > 0.5) == (debt[row] > 0.5) { 0.05 } else { 0.4 };
    let label = (0..rows).map(|row| luck[row] < risky(row)).collect::<Vec<bool>>();
    vec![
        ("id", ids(rows)),
        ("use", numbers(use_.clone())),
        ("debt", numbers(debt.clone())),
        ("noise", numbers(noise)),
        ("label", flags(label)),
    ]
}

#[test]
fn trees_are_chosen_where_only_together_features_say_something() {
    let model = fit(&table(either_or(3000, 1)), &spec()).unwrap();
    let told = model.choice.text_en();
    assert!(told.starts_with("boosted trees: the scorecard says less of 3000 rows"), "{told}");
    assert!(model.scores().auc > 0.72, "{}", model.scores().auc);
    let gains = trees(&model).features.iter().map(|feature| feature.gain_share);
    let gains: Vec<f64> = gains.collect();
    assert!(gains[2] < 0.3 && (gains.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{gains:?}");
    let text = model.table();
    assert!(text.contains("share of the gain") && text.contains("debt"), "{text}");
}

#[test]
fn the_scorecard_is_chosen_where_trees_say_no_more() {
    let model = fit(&customers(700, -1.0, 2).table(), &spec()).unwrap();
    let told = model.choice.text_en();
    assert!(
        told.starts_with("the scorecard: boosted trees do not say clearly more of 700 rows"),
        "{told}"
    );
    assert!(matches!(model.method, Method::Scorecard(_)));
    let asked = fit(&customers(700, -1.0, 2).table(), &spec().method(MethodKind::Boosted));
    assert!(matches!(asked.unwrap().method, Method::Boosted(_)));
}

/// Each of the two numbers is a reason, and no other: with exact Shapley values
/// the parts add up to the distance from the average.
#[test]
fn reasons_name_what_only_together_is_risky() {
    let model = fit(&table(either_or(3000, 3)), &spec()).unwrap();
    let probe = batch(vec![
        ("id", ids(3)),
        ("use", numbers([0.9, 0.1, 0.9])),
        ("debt", numbers([0.1, 0.9, 0.9])),
        ("noise", numbers([0.5, 0.5, 0.5])),
    ]);
    let probe = RiskTable::from_batches(&[probe], "id", None).unwrap();
    let scores = model.score(&probe).unwrap();
    for score in &scores[..2] {
        assert!(score.probability > 0.3, "{score:?}");
        let named = score.reasons.iter().flatten().map(|reason| reason.feature.as_str());
        let named: Vec<&str> = named.collect();
        assert!(named.len() >= 2 && !named[..2].contains(&"noise"), "{named:?}");
    }
    assert!(scores[2].probability < 0.1, "{:?}", scores[2]);
    let log_odds = |probability: f64| (probability / (1.0 - probability)).ln();
    let sum = |at: usize| scores[at].reasons.iter().flatten().map(|r| r.contribution).sum::<f64>();
    // What is left over is the average and what speaks against the risk.
    let left = log_odds(scores[0].probability) - sum(0);
    assert!(left < log_odds(0.25), "{left}");
}

/// The riskiest few have exact reasons, the others cheaper ones: none
/// goes without where it is risky.
#[test]
fn every_risky_row_has_a_reason_however_many_there_are() {
    let table = table(either_or(6000, 4));
    let model = fit(&table, &spec()).unwrap();
    let scores = model.score(&table).unwrap();
    let risky: Vec<_> = scores.iter().filter(|score| score.probability > 0.3).collect();
    assert!(risky.len() > 1500, "{}", risky.len());
    let planted = risky.iter().filter(|score| {
        let first = score.reasons[0].as_ref().unwrap();
        ["use", "debt"].contains(&first.feature.as_str())
    });
    let planted = planted.count();
    assert!(planted * 50 > risky.len() * 49, "{planted} of {}", risky.len());
}

/// What was so before the cut is no longer so after it: only later rows, judged
/// by what was known an embargo before, show that the pattern is gone.
#[test]
fn later_rows_decide_not_rows_of_the_same_time() {
    let rows = 4000;
    let mut draws = Draws::new(5);
    let instant = |row: usize| (row % 8) as i64 * 30;
    let mut columns = either_or(rows, 6);
    let shifted =
        (0..rows).map(|row| if instant(row) >= 150 { draws.uniform() < 0.2 } else { false });
    let shifted: Vec<bool> = shifted.collect();
    let old = table(either_or(rows, 6));
    let label = old.labels().unwrap().iter().zip(&shifted).enumerate();
    let label = label.map(|(row, (&old, &new))| if instant(row) >= 150 { new } else { old });
    columns[4].1 = flags(label.collect::<Vec<bool>>());
    let instants: Vec<i64> = (0..rows).map(instant).collect();
    let known = table(columns.clone()).with_instants(instants).unwrap();
    let in_time = fit(&known, &spec().embargo_days(60)).unwrap();
    let compared = in_time.choice.compared.as_ref().unwrap();
    assert_eq!(compared.held_from, Some(180));
    assert!(compared.boosted.rows < 1200, "{}", compared.boosted.rows);
    assert!((compared.boosted.auc - 0.5).abs() < 0.1, "{}", compared.boosted.auc);
    assert!(matches!(in_time.method, Method::Scorecard(_)), "{}", in_time.choice.text_en());
    assert!(in_time.choice.text_en().contains("later rows of other ids"));
    let judged = evaluate(&known, &spec().folds(2).embargo_days(60), &mut |_, _| ()).unwrap();
    assert_eq!((judged.held_from, judged.pooled.rows), (Some(180), 1000));
    assert!((judged.pooled.auc - 0.5).abs() < 0.1, "{}", judged.pooled.auc);
    let without = fit(&table(columns), &spec()).unwrap();
    assert!(matches!(without.method, Method::Boosted(_)), "{}", without.choice.text_en());
    let short = table(either_or(10, 1)).with_instants(vec![0; 9]).unwrap_err();
    assert!(matches!(short, RiskError::BadSpec { .. }), "{short}");
}

/// A feature that was written down after the outcome.
#[test]
fn a_planted_leak_is_told_by_name() {
    let made = customers(3000, -1.0, 7);
    let mut draws = Draws::new(7);
    let closed = made.label.iter().map(|&label| {
        let right = draws.uniform() < 0.99;
        f64::from(u8::from(label == right)) * 10.0 + draws.uniform()
    });
    let closed: Vec<f64> = closed.collect();
    let mut columns = made.columns();
    columns.push(("closing_balance", numbers(closed)));
    let leaking = fit(&table(columns), &spec()).unwrap();
    let doubt = leaking.doubt().unwrap();
    assert!(doubt.contains("\"closing_balance\""), "{doubt}");
    assert!(leaking.table().contains("warning: AUC"), "{}", leaking.table());
    assert_eq!(fit(&made.table(), &spec()).unwrap().doubt(), None);
}

#[test]
fn categories_gaps_and_words_never_seen_are_taken_as_they_come() {
    let made = customers(3000, -1.0, 8);
    let model = fit(&made.table(), &spec().method(MethodKind::Boosted)).unwrap();
    let probe = batch(vec![
        ("id", ids(3)),
        ("late", numbers([6.0, 6.0, f64::INFINITY])),
        ("tenure", numbers([1.0, f64::NAN, 1.0])),
        ("region", words(["east", "atlantis", ""])),
        ("shoe", numbers([40.0, f64::NAN, 40.0])),
    ]);
    let scores = model.score(&RiskTable::from_batches(&[probe], "id", None).unwrap()).unwrap();
    assert!(scores.iter().all(|score| score.probability > 0.4), "{scores:?}");
    let lacking = batch(vec![("id", ids(1)), ("late", numbers([1.0]))]);
    let lacking = RiskTable::from_batches(&[lacking], "id", None).unwrap();
    let error = model.score(&lacking).unwrap_err();
    assert!(matches!(error, RiskError::MissingFeature { .. }), "{error}");
}

#[test]
fn trees_read_back_score_to_the_last_bit_in_any_order_of_rows() {
    let whole = batch(either_or(2000, 9));
    let straight = RiskTable::from_batches(std::slice::from_ref(&whole), "id", Some("label"));
    let straight = straight.unwrap();
    let model = fit(&straight, &spec()).unwrap();
    let back = RiskModel::from_json(&model.to_json().unwrap()).unwrap();
    assert!(back == model);
    assert!(back.score(&straight).unwrap() == model.score(&straight).unwrap());
    let turned = [whole.slice(700, 1300), whole.slice(0, 700)];
    let turned = RiskTable::from_batches(&turned, "id", Some("label")).unwrap();
    assert!(fit(&turned, &spec()).unwrap() == model);
    let mut damaged = model;
    let Method::Boosted(trees) = &mut damaged.method else { panic!("no trees") };
    trees.features.pop();
    let error = RiskModel::from_json(&damaged.to_json().unwrap()).unwrap_err();
    assert!(error.to_string().contains("do not fit the features"), "{error}");
}

/// Hundreds of rows of each outcome, all the positive ones of two customers: no
/// three folds of customers can have both.
#[test]
fn many_rows_of_few_customers_are_a_scorecard() {
    let rows = 900;
    let id = |row: usize| match row % 3 {
        0 => format!("risky-{}", row % 2),
        _ => format!("safe-{row}"),
    };
    let columns = vec![
        ("id", words((0..rows).map(id))),
        ("x", numbers((0..rows).map(|row| (row % 3) as f64))),
        ("label", flags((0..rows).map(|row| row % 3 == 0))),
    ];
    let model = fit(&table(columns), &spec().folds(2)).unwrap();
    assert!(model.choice.text_en().contains("trees were not tried"), "{}", model.choice.text_en());
}

/// What is drawn at random tells nobody apart, however many trees look at it.
#[test]
fn noise_stays_at_the_base_rate() {
    let rows = 1500;
    let mut draws = Draws::new(10);
    let mut columns = vec![("id", ids(rows))];
    for name in ["a", "b", "c", "d", "e", "f"] {
        columns.push((name, numbers((0..rows).map(|_| draws.uniform()))));
    }
    columns.push(("label", flags((0..rows).map(|_| draws.uniform() < 0.2))));
    let found = evaluate(&table(columns), &spec().folds(3), &mut |_, _| ()).unwrap();
    assert!((found.pooled.auc - 0.5).abs() < 0.06, "{}", found.pooled.auc);
    assert!(found.pooled.calibration_error < 0.03, "{}", found.pooled.calibration_error);
}

/// Thieves of three kinds among honest customers, from nothing but columns
/// named by days.
#[test]
fn days_become_a_shape_that_tells_thieves() {
    let (rows, days) = (1500, 28);
    let mut draws = Draws::new(11);
    let thief: Vec<bool> = (0..rows).map(|_| draws.uniform() < 0.12).collect();
    let size: Vec<f64> = (0..rows).map(|_| (draws.uniform() * 3.0).exp()).collect();
    let mut columns = vec![("id", ids(rows))];
    let names: Vec<String> = (0..days).map(|day| format!("2025-03-{:02}", day + 1)).collect();
    for (day, name) in names.iter().enumerate() {
        let kwh = (0..rows).map(|row| {
            let honest = size[row] * (0.7 + 0.6 * draws.uniform());
            let tampered = thief[row] && day >= 8 + row % 12;
            if tampered { honest * [0.3, 0.0, 0.5][row % 3] } else { honest }
        });
        columns.push((name.as_str(), numbers(kwh.collect::<Vec<f64>>())));
    }
    columns.push(("label", flags(thief)));
    let table = table(columns);
    assert!(table.features().any(|name| name == "load_shape.deepest_step"));
    let found = evaluate(&table, &spec().folds(2), &mut |_, _| ()).unwrap();
    assert!(found.pooled.auc > 0.97, "{}", found.pooled.auc);
    let alone = sigmoid(0.0);
    assert!(found.pooled.calibration_error < alone * 0.1, "{}", found.pooled.calibration_error);
}

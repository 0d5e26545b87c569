//! What the scorecard learns, and what it refuses to.

use loadstar_models::risk::{
    Bins, LeftOutReason, RiskError, RiskSpec, RiskTable, Trend, evaluate, fit,
};

use super::rows::{Draws, batch, card, customers, flags, ids, numbers, scorecard, table, words};

fn spec() -> RiskSpec {
    scorecard("test")
}

#[test]
fn planted_causes_are_found_with_their_direction_and_noise_is_left_out() {
    let model = fit(&customers(8000, -2.0, 1).table(), &spec()).unwrap();
    let found = |feature: &str| {
        card(&model)
            .characteristics
            .iter()
            .find(|c| c.feature == feature)
            .unwrap_or_else(|| panic!("{feature} is not among {:?}", model.features()))
    };
    let trend = |feature: &str| match &found(feature).bins {
        Bins::Ordered { trend, .. } => *trend,
        Bins::Named { .. } => panic!("{feature} is not ordered"),
    };
    assert_eq!(trend("late"), Trend::Rising);
    assert_eq!(trend("tenure"), Trend::Falling);
    assert!(found("tenure").missing.unwrap().weight > 0.3);
    let Bins::Named { names, bins, .. } = &found("region").bins else { panic!("not named") };
    assert_eq!(names, &["east", "north", "south", "west"]);
    assert!(bins[0].weight > 0.3 && bins[1..].iter().all(|bin| bin.weight < 0.0), "{bins:?}");
    assert!(card(&model).characteristics.iter().all(|c| c.coefficient > 0.0));
    let shoe = card(&model).left_out.iter().find(|left| left.feature == "shoe").unwrap();
    assert_eq!(shoe.reason, LeftOutReason::NotInformative);
}

/// linfa takes the majority as positive; here it is the label, however common.
#[test]
fn probabilities_are_of_the_label_be_it_rare_or_common() {
    for intercept in [-4.0, -1.2, 2.0] {
        let made = customers(6000, intercept, 2);
        let table = made.table();
        let scores = fit(&table, &spec()).unwrap().score(&table).unwrap();
        let rate = made.label.iter().filter(|&&label| label).count() as f64 / 6000.0;
        let mean = scores.iter().map(|score| score.probability).sum::<f64>() / 6000.0;
        assert!((mean - rate).abs() < 0.01, "base rate {rate}, mean probability {mean}");
        let mean_of = |wanted: bool| {
            let of = || scores.iter().zip(&made.label).filter(|(_, label)| **label == wanted);
            of().map(|(score, _)| score.probability).sum::<f64>() / of().count() as f64
        };
        assert!(mean_of(true) > mean_of(false) * 1.05, "base rate {rate}");
    }
}

#[test]
fn constant_and_empty_columns_do_no_harm() {
    let made = customers(2000, -1.0, 3);
    let mut columns = made.columns();
    columns.push(("constant", numbers(vec![3.0; 2000])));
    columns.push(("one word", words(vec!["same"; 2000])));
    columns.push(("empty", numbers(vec![f64::NAN; 2000])));
    columns.push(("blank", words(vec![" "; 2000])));
    let model = fit(&table(columns), &spec()).unwrap();
    for name in ["constant", "one word", "empty", "blank"] {
        let left = card(&model).left_out.iter().find(|left| left.feature == name).unwrap();
        assert_eq!(left.reason, LeftOutReason::Constant, "{name}");
    }
    let alone = fit(&made.table(), &spec()).unwrap();
    assert_eq!(card(&model).characteristics, card(&alone).characteristics);
}

#[test]
fn infinities_are_the_ends_of_the_scale() {
    let made = customers(2000, -1.0, 4);
    let mut columns = made.columns();
    let edge = |row: usize| match row % 3 {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        _ => made.late[row],
    };
    columns.push(("edge", numbers((0..2000).map(edge))));
    let table = table(columns);
    let scores = fit(&table, &spec()).unwrap().score(&table).unwrap();
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(&score.probability)));
}

/// 10,000 categories of two rows, and 1,000 of twenty, that mean nothing: a
/// model that learned them by heart would look perfect in training.
#[test]
fn categories_without_meaning_do_not_lift_unseen_rows_above_chance() {
    let rows = 20_000;
    let mut draws = Draws::new(5);
    let label: Vec<bool> = (0..rows).map(|_| draws.uniform() < 0.2).collect();
    let many: Vec<String> = (0..rows).map(|_| format!("c{}", draws.below(10_000))).collect();
    let some: Vec<String> = (0..rows).map(|_| format!("d{}", draws.below(1_000))).collect();
    let columns = || {
        vec![
            ("id", ids(rows)),
            ("many", words(&many)),
            ("some", words(&some)),
            ("label", flags(label.clone())),
        ]
    };
    let evaluation = evaluate(&table(columns()), &spec(), &mut |_, _| ()).unwrap();
    assert!((evaluation.pooled.auc - 0.5).abs() < 0.02, "{}", evaluation.pooled.auc);
    assert!(evaluation.pooled.calibration_error < 0.01);
    // Beside real causes they take nothing away.
    let made = customers(rows, -2.0, 6);
    let clean = evaluate(&made.table(), &spec(), &mut |_, _| ()).unwrap().mean.auc;
    let mut noisy = made.columns();
    noisy.push(("many", words(&many)));
    noisy.push(("some", words(&some)));
    let noisy = evaluate(&table(noisy), &spec(), &mut |_, _| ()).unwrap().mean.auc;
    assert!((noisy - clean).abs() < 0.003, "{noisy} against {clean}");
}

#[test]
fn categories_that_matter_are_used_however_many() {
    let rows = 20_000;
    let mut draws = Draws::new(7);
    let street: Vec<usize> = (0..rows).map(|_| draws.below(500)).collect();
    let label: Vec<bool> = street
        .iter()
        .map(|street| draws.uniform() < if street % 5 == 0 { 0.5 } else { 0.1 })
        .collect();
    let streets = words(street.iter().map(|street| format!("street {street}")));
    let table = table(vec![("id", ids(rows)), ("street", streets), ("label", flags(label))]);
    let evaluation = evaluate(&table, &spec(), &mut |_, _| ()).unwrap();
    // Knowing the streets exactly would give about 0.71.
    assert!(evaluation.mean.auc > 0.68, "{}", evaluation.mean.auc);
}

#[test]
fn the_same_seed_and_rows_give_the_same_model_in_any_order() {
    let made = customers(3000, -1.0, 8);
    let model = fit(&made.table(), &spec()).unwrap();
    assert_eq!(model, fit(&made.table(), &spec()).unwrap());
    let whole = batch(made.columns());
    let turned = [whole.slice(1000, 2000), whole.slice(0, 1000)];
    let turned = RiskTable::from_batches(&turned, "id", Some("label")).unwrap();
    assert_eq!(model, fit(&turned, &spec()).unwrap());
    assert_ne!(model, fit(&made.table(), &spec().seed(8)).unwrap());
}

#[test]
fn a_table_without_information_gives_the_base_rate() {
    let label: Vec<bool> = (0..1000).map(|row| row % 4 == 0).collect();
    let table =
        table(vec![("id", ids(1000)), ("one", numbers(vec![1.0; 1000])), ("label", flags(label))]);
    let model = fit(&table, &spec()).unwrap();
    for score in model.score(&table).unwrap() {
        assert!((score.probability - 0.25).abs() < 1e-3, "{}", score.probability);
        assert_eq!(score.reasons, [None, None, None]);
    }
}

#[test]
fn a_column_that_is_the_label_is_learned_without_failing() {
    for rows in [60, 5000] {
        let label: Vec<bool> = (0..rows).map(|row| row % 3 == 0).collect();
        let table = table(vec![
            ("id", ids(rows)),
            ("leak", numbers(label.iter().map(|&label| f64::from(u8::from(label))))),
            ("label", flags(label.clone())),
        ]);
        let scores = fit(&table, &spec()).unwrap().score(&table).unwrap();
        assert!(
            scores.iter().zip(&label).all(|(score, &label)| (score.probability > 0.5) == label)
        );
    }
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let with = |label: Vec<bool>| {
        let rows = label.len();
        let made = numbers((0..rows).map(|row| row as f64));
        table(vec![("id", ids(rows)), ("x", made), ("label", flags(label))])
    };
    let error = fit(&with(vec![true; 50]), &spec()).unwrap_err();
    assert!(matches!(error, RiskError::TooFewOfClass { label: false, have: 0, .. }), "{error}");
    let error = fit(&with(vec![false; 50]), &spec()).unwrap_err();
    assert!(error.to_string().starts_with("0 of 50 rows are labelled true"), "{error}");
    assert!(matches!(fit(&with(Vec::new()), &spec()), Err(RiskError::NoRows)));
    let bare = table(vec![("id", ids(2)), ("label", flags([true, false]))]);
    assert!(matches!(fit(&bare, &spec()), Err(RiskError::NoFeatures)));
    let unlabelled = RiskTable::from_batches(
        &[batch(vec![("id", ids(2)), ("x", numbers([1.0, 2.0]))])],
        "id",
        None,
    );
    assert!(matches!(fit(&unlabelled.unwrap(), &spec()), Err(RiskError::NoLabel)));
    // One customer seen often is one customer.
    let label: Vec<bool> = (0..40).map(|row| row % 4 == 0).collect();
    let same =
        words((0..40).map(|row| if row % 4 == 0 { "one".to_owned() } else { format!("{row}") }));
    let repeated =
        table(vec![("id", same), ("x", numbers((0..40).map(f64::from))), ("label", flags(label))]);
    let error = fit(&repeated, &spec()).unwrap_err();
    assert!(matches!(error, RiskError::TooFewOfClass { label: true, .. }), "{error}");
    for (wrong, what) in [
        (spec().folds(1), "folds is 1"),
        (spec().l2(f64::NAN), "l2 is NaN"),
        (spec().min_segment_share(0.7), "min_segment_share"),
        (spec().min_category_rows(0), "min_category_rows"),
        (RiskSpec::new(" "), "name"),
    ] {
        let error = fit(&bare, &wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn a_few_rows_are_enough_to_fit() {
    for rows in [4, 9, 25] {
        let table = table(vec![
            ("id", ids(rows)),
            ("x", numbers((0..rows).map(|row| row as f64))),
            ("w", words((0..rows).map(|row| ["a", "b", "c"][row % 3]))),
            ("label", flags((0..rows).map(|row| row % 2 == 0))),
        ]);
        let scores = fit(&table, &spec()).unwrap().score(&table).unwrap();
        assert!(scores.iter().all(|score| score.probability.is_finite()));
    }
}

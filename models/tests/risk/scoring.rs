//! Applying a model, and its reasons.

use linfa::ParamGuard;
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use loadstar_models::risk::{Method, RiskError, RiskModel, RiskTable, fit};
use ndarray::Array1;
use proptest::prelude::*;

use super::rows::{batch, card, customers, flags, ids, numbers, scorecard, table, words};

fn model() -> RiskModel {
    fit(&customers(6000, -2.0, 11).table(), &scorecard("arrears").training_window("2025")).unwrap()
}

/// One row of the features the model uses.
fn one(late: f64, tenure: f64, region: &str) -> RiskTable {
    let columns = vec![
        ("id", words(["a"])),
        ("late", numbers([late])),
        ("tenure", numbers([tenure])),
        ("region", words([region])),
    ];
    RiskTable::from_batches(&[batch(columns)], "id", None).unwrap()
}

#[test]
fn reasons_name_the_strongest_causes_first_and_read_well() {
    let score = model().score(&one(6.0, f64::NAN, "east")).unwrap().remove(0);
    let reasons: Vec<_> = score.reasons.iter().flatten().collect();
    assert_eq!(score.id, "a");
    assert_eq!(reasons.len(), 3);
    assert_eq!((reasons[0].feature.as_str(), reasons[0].value.as_deref()), ("late", Some("6")));
    assert!(reasons.windows(2).all(|pair| pair[0].contribution >= pair[1].contribution));
    assert!(reasons.iter().all(|reason| reason.contribution > 0.0));
    let text = reasons[0].text_en();
    assert!(text.starts_with("late = 6 (+") && text.ends_with(')'), "{text}");
    let missing = reasons.iter().find(|reason| reason.feature == "tenure").unwrap();
    assert!(missing.text_en().starts_with("tenure is missing (+"), "{}", missing.text_en());
    assert!(missing.text_zh().starts_with("tenure 缺失（+"), "{}", missing.text_zh());
}

/// All three features are among the reasons of a risky row, so that they have
/// to account for the whole of its distance from the average.
#[test]
fn contributions_add_up_to_the_distance_from_the_average() {
    let made = customers(6000, -2.0, 11);
    let model = fit(&made.table(), &scorecard("arrears")).unwrap();
    let log_odds = |score: f64| (score / (1.0 - score)).ln();
    let rows = [(6.0, f64::NAN, "east"), (5.0, f64::NAN, "east"), (6.0, 0.5, "east")];
    let distances: Vec<f64> = rows
        .iter()
        .map(|&(late, tenure, region)| {
            let score = model.score(&one(late, tenure, region)).unwrap().remove(0);
            let sum: f64 = score.reasons.iter().flatten().map(|reason| reason.contribution).sum();
            log_odds(score.probability) - sum
        })
        .collect();
    assert_eq!(card(&model).characteristics.len(), 3);
    let average = model.score(&one(f64::NAN, 0.0, "")).map(|_| distances[0]).unwrap();
    assert!(distances.iter().all(|d| (d - average).abs() < 1e-9), "{distances:?}");
}

#[test]
fn a_safe_row_has_no_more_reasons_than_it_has_risks() {
    let score = model().score(&one(0.0, 19.0, "west")).unwrap().remove(0);
    assert_eq!(score.reasons, [None, None, None]);
    let score = model().score(&one(0.0, 19.0, "east")).unwrap().remove(0);
    assert_eq!(score.reasons[0].as_ref().unwrap().feature, "region");
    assert_eq!(score.reasons[1], None);
}

#[test]
fn a_category_or_a_gap_never_seen_counts_as_average() {
    let model = model();
    let mean = |name: &str| {
        card(&model)
            .characteristics
            .iter()
            .find(|c| c.feature == name)
            .map(|c| c.mean_weight)
            .unwrap()
    };
    let probability = |region| model.score(&one(2.0, 5.0, region)).unwrap()[0].probability;
    let (east, other, west) = (probability("east"), probability("atlantis"), probability("west"));
    assert!(west < other && other < east, "{west} {other} {east}");
    // Neither had been missing in training.
    assert_eq!(other, probability(""));
    assert!(mean("region").abs() < 0.2);
    assert!(model.score(&one(f64::NAN, 5.0, "west")).unwrap()[0].probability.is_finite());
}

#[test]
fn columns_that_lack_or_changed_type_are_named() {
    let model = model();
    let score = |columns| {
        let table = RiskTable::from_batches(&[batch(columns)], "id", None).unwrap();
        model.score(&table)
    };
    let error =
        score(vec![("id", words(["a"])), ("late", numbers([1.0])), ("tenure", numbers([1.0]))]);
    match error.unwrap_err() {
        RiskError::MissingFeature { model, feature, present } => {
            assert_eq!((model.as_str(), feature.as_str()), ("arrears", "region"));
            assert_eq!(present, "late, tenure");
        }
        other => panic!("{other}"),
    }
    let rows = |late, region| {
        vec![("id", words(["a"])), ("late", late), ("tenure", numbers([1.0])), ("region", region)]
    };
    let error = score(rows(words(["often"]), words(["east"]))).unwrap_err().to_string();
    assert!(error.contains("\"late\" as numbers, the input has text such as \"often\""), "{error}");
    let error = score(rows(numbers([1.0]), numbers([4.0]))).unwrap_err().to_string();
    assert!(error.contains("\"region\" as text, the input has numbers"), "{error}");
    // The same numbers as text, and a column without a single value, are fine.
    let plain = score(rows(numbers([4.0]), words(["east"]))).unwrap();
    assert_eq!(
        score(rows(words(["4"]), words(["east"]))).unwrap()[0].probability,
        plain[0].probability
    );
    assert!(score(rows(numbers([4.0]), numbers([f64::NAN]))).is_ok());
}

#[test]
fn no_rows_give_no_scores() {
    let empty = one(1.0, 1.0, "east");
    assert_eq!(model().score(&empty).unwrap().len(), 1);
    let whole = batch(customers(10, 0.0, 1).columns());
    let none = RiskTable::from_batches(&[whole.slice(0, 0)], "id", None).unwrap();
    assert!(none.is_empty());
    assert_eq!(model().score(&none).unwrap(), []);
}

#[test]
fn a_model_read_back_is_the_same_to_the_last_bit() {
    // Values with every digit there is, so that nothing is exact by luck.
    let made = customers(6000, -2.0, 12);
    let mut columns = made.columns();
    columns.push(("third", numbers(made.late.iter().map(|late| late / 3.0 + 1e-9))));
    columns.push(("tiny", numbers(made.tenure.iter().map(|tenure| tenure * 1.234_567_89e-30))));
    let table = table(columns);
    for intercept_rows in [6000, 150] {
        let part = customers(intercept_rows, -1.0, 13);
        for table in [&table, &part.table()] {
            let model =
                fit(table, &scorecard("kept").training_window("2024-01 to 2025-06")).unwrap();
            let back = RiskModel::from_json(&model.to_json().unwrap()).unwrap();
            assert_eq!(back, model);
            assert_eq!(back.score(table).unwrap(), model.score(table).unwrap());
        }
    }
}

#[test]
fn a_model_of_another_format_or_damaged_is_refused() {
    let json = model().to_json().unwrap();
    let later = json.replacen("\"format\":2", "\"format\":3", 1);
    let error = RiskModel::from_json(&later).unwrap_err();
    assert!(error.to_string().contains("format 3"), "{error}");
    assert!(RiskModel::from_json("{}").is_err());
    let mut damaged = model();
    let Method::Scorecard(card) = &mut damaged.method else { panic!("no scorecard") };
    for characteristic in &mut card.characteristics {
        if let loadstar_models::risk::Bins::Ordered { bins, .. } = &mut characteristic.bins {
            bins.pop();
        }
    }
    let error = RiskModel::from_json(&damaged.to_json().unwrap()).unwrap_err();
    assert!(error.to_string().contains("bins of"), "{error}");
}

#[test]
fn the_points_table_shows_every_segment_and_its_direction() {
    let model = model();
    let text = model.table();
    assert!(text.contains("\narrears: 6000 rows"), "{text}");
    for part in ["2025", "late", "up to 0.5", "(missing)", "east", "sum of points"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let widths: std::collections::BTreeSet<usize> = text
        .lines()
        .filter(|line| line.starts_with("---"))
        .map(|line| line.chars().count())
        .collect();
    assert_eq!(widths.len(), 1);
    let line = text.lines().find(|line| line.contains(" east ")).unwrap();
    assert!(line.trim_end().rsplit(' ').next().unwrap().starts_with('+'), "{line}");
}

#[test]
fn fits_as_a_linfa_estimator() {
    let made = customers(1500, -1.0, 14);
    let dataset = DatasetBase::new(made.table(), Array1::from(made.label.clone()));
    let fitted = scorecard("linfa").check().unwrap().fit(&dataset).unwrap();
    assert_eq!(fitted, fit(&made.table(), &scorecard("linfa")).unwrap());
    let short = DatasetBase::new(made.table(), Array1::from(vec![true; 3]));
    assert!(scorecard("linfa").fit(&short).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the data, probabilities are probabilities, and a feature whose
    /// risk was found to rise never lowers it.
    #[test]
    fn scores_are_monotone_in_a_monotone_feature(seed in 0u64..1000, rows in 300usize..1500) {
        let made = customers(rows, -1.0, seed);
        let table = table(vec![
            ("id", ids(rows)),
            ("late", numbers(made.late.clone())),
            ("shoe", numbers(made.shoe.clone())),
            ("label", flags(made.label.clone())),
        ]);
        let model = fit(&table, &scorecard("monotone")).unwrap();
        let steps: Vec<f64> = (-4..40).map(|step| f64::from(step) / 4.0).collect();
        let probe = batch(vec![
            ("id", ids(steps.len())),
            ("late", numbers(steps.clone())),
            ("shoe", numbers(vec![40.0; steps.len()])),
        ]);
        let probe = RiskTable::from_batches(&[probe], "id", None).unwrap();
        let found: Vec<f64> = model.score(&probe).unwrap().iter().map(|s| s.probability).collect();
        prop_assert!(found.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!(found.is_sorted(), "{found:?}");
    }
}

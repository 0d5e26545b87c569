//! Shapley values against their definition, and what columns gain.

use linfa::Dataset;
use linfa::traits::{Fit, Predict};
use loadstar_models::boost::{Boost, Loss};
use ndarray::{Array1, Array2, Axis, array};
use serde_json::Value;

use crate::rows::sample;

/// Mean of a tree's leaves with only `known` columns known: the other splits
/// send a row both ways, in proportion to the training rows.
fn value_of(tree: &Value, place: usize, row: &[f64], known: usize) -> f64 {
    let node = &tree["nodes"][place];
    let child = |side: usize| node["children"][side].as_u64().unwrap() as usize;
    let number = node["value"].as_f64().unwrap();
    if child(0) == place {
        return number;
    }
    let column = node["column"].as_u64().unwrap() as usize;
    if known >> column & 1 == 1 {
        let right = match row[column].is_nan() {
            true => node["missing_right"].as_bool().unwrap(),
            false => row[column] > number,
        };
        return value_of(tree, child(usize::from(right)), row, known);
    }
    let weight = |place: usize| tree["weights"][place].as_f64().unwrap();
    let sides = [0, 1].map(|s| weight(child(s)) * value_of(tree, child(s), row, known));
    (sides[0] + sides[1]) / weight(place)
}

/// Shapley's sum over all sets of other columns.
fn by_definition(trees: &[Value], row: &[f64]) -> Vec<f64> {
    let columns = row.len();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    let value = |known| trees.iter().map(|tree| value_of(tree, 0, row, known)).sum::<f64>();
    let of = |column: usize| {
        let others = (0..1_usize << columns).filter(|set| set >> column & 1 == 0);
        let terms = others.map(|set| {
            let size = set.count_ones() as usize;
            let share = factorial(size) * factorial(columns - size - 1) / factorial(columns);
            share * (value(set | 1 << column) - value(set))
        });
        terms.sum::<f64>()
    };
    (0..columns).map(of).collect()
}

#[test]
fn shapley_values_are_those_of_the_definition() {
    let (x, y) = sample(400, 4, 9);
    let params = Boost::params().trees(8).max_leaves(12).min_leaf_rows(5).learning_rate(0.5);
    let model = params.fit(&Dataset::new(x.clone(), y)).unwrap();
    let read = serde_json::to_value(&model).unwrap();
    let trees = read["trees"].as_array().unwrap();
    let values = model.shap(&x).unwrap();
    for i in (0..400).step_by(17) {
        let wanted = by_definition(trees, &x.row(i).to_vec());
        for (value, wanted) in values.row(i).iter().zip(wanted) {
            assert!((value - wanted).abs() < 1e-12, "row {i}: {value} {wanted}");
        }
    }
}

#[test]
fn shapley_values_sum_to_the_score_less_the_expectation() {
    let (mut x, y) = sample(3_000, 6, 13);
    x.column_mut(4).mapv_inplace(|value| (value * 20.0).floor());
    let y = y.mapv(|y| f64::from(u8::from(y > 1.8)));
    let params = Boost::params().loss(Loss::Logistic).max_leaves(40).categories(&[4]);
    let model = params.fit(&Dataset::new(x.clone(), y)).unwrap();
    let (scores, values) = (model.scores(&x).unwrap(), model.shap(&x).unwrap());
    let sums = values.sum_axis(Axis(1)) + model.expectation();
    assert!((&sums - &scores).iter().all(|d| d.abs() < 1e-9));
    // On rows without weights the expectation is the mean.
    assert!((scores.mean().unwrap() - model.expectation()).abs() < 1e-9);
}

#[test]
fn columns_that_say_nothing_gain_little() {
    let (x, y) = sample(2_000, 6, 0);
    let model = Boost::params().trees(20).fit(&Dataset::new(x, y)).unwrap();
    let gains = model.importance();
    assert!(gains[0] > 10.0 * gains[1] && gains[1] > 10.0 * gains[4] && gains[4] >= 0.0);
}

#[test]
fn a_tree_of_one_split_gives_all_to_its_column() {
    let x = array![[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]];
    let data = Dataset::new(x.clone(), array![0.0, 0.0, 0.0, 8.0]);
    let params = Boost::params().trees(1).learning_rate(1.0).min_leaf_rows(1).max_leaves(2);
    let model = params.fit(&data).unwrap();
    let values: Array2<f64> = model.shap(&x).unwrap();
    let wanted = array![[-2.0, 0.0], [-2.0, 0.0], [-2.0, 0.0], [6.0, 0.0]];
    assert!((&values - &wanted).iter().all(|d| d.abs() < 1e-7));
    let predicted: Array1<f64> = model.predict(&x);
    assert!((predicted[3] - 8.0).abs() < 1e-7);
}

#[test]
fn ways_down_the_trees_add_up_to_the_scores_and_of_one_split_are_shapleys() {
    let (x, y) = sample(700, 4, 9);
    let data = Dataset::new(x.clone(), y);
    let model = Boost::params().trees(20).max_leaves(12).fit(&data).unwrap();
    let sums = model.ways(&x).unwrap().sum_axis(Axis(1)) + model.expectation();
    let scores = model.scores(&x).unwrap();
    assert!(sums.iter().zip(&scores).all(|(sum, score)| (sum - score).abs() < 1e-9));
    let stump = Boost::params().trees(1).max_leaves(2).fit(&data).unwrap();
    let (ways, shap) = (stump.ways(&x).unwrap(), stump.shap(&x).unwrap());
    assert!(ways.iter().zip(&shap).all(|(way, value)| (way - value).abs() < 1e-12));
    assert!(ways.iter().any(|way| way.abs() > 0.01));
}

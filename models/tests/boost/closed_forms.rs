//! Figures that can be reckoned by hand.

use linfa::Dataset;
use linfa::traits::{Fit, Predict};
use loadstar_models::boost::{Boost, BoostParams, Loss};
use ndarray::{Array1, Array2, Axis, array, s};

use crate::rows::{Draws, sample};

fn stump() -> BoostParams {
    Boost::params().trees(1).learning_rate(1.0).max_leaves(2).min_leaf_rows(1)
}

fn near(a: &Array1<f64>, b: &Array1<f64>, apart: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= apart)
}

#[test]
fn one_split_parts_where_the_squares_are_least() {
    let (x, y) = (array![[1.0], [2.0], [3.0], [4.0]], array![1.0, 2.0, 10.0, 11.0]);
    let data = Dataset::new(x, y);
    let model = stump().fit(&data).unwrap();
    // Mean 6, residuals −5 −4 4 5: means −4.5 and 4.5, score 2 · 9² / 2 = 81.
    let at: Array1<f64> = model.predict(&array![[0.0], [2.49], [2.51], [9.0]]);
    assert!(near(&at, &array![1.5, 1.5, 10.5, 10.5], 1e-8));
    assert!((model.importance()[0] - 81.0).abs() < 1e-6);
    // With λ = 2 the leaves are 9 / (2 + 2), and half of it is taken.
    let shrunk = stump().l2(2.0).learning_rate(0.5).fit(&data).unwrap();
    let at: Array1<f64> = shrunk.predict(&array![[1.0], [4.0]]);
    assert!(near(&at, &array![6.0 - 1.125, 6.0 + 1.125], 1e-8));
}

#[test]
fn one_logistic_split_is_a_newton_step_from_the_log_odds() {
    let (x, y) = (array![[0.0], [0.0], [1.0], [1.0], [1.0]], array![0.0, 0.0, 1.0, 1.0, 0.0]);
    let model = stump().loss(Loss::Logistic).fit(&Dataset::new(x, y)).unwrap();
    // Share 0.4: H is 0.24 a row; G is 0.8 on the left and −0.8 on the right.
    let start = (0.4_f64 / 0.6).ln();
    let scores = model.scores(&array![[0.0], [1.0]]).unwrap();
    assert!(near(&scores, &array![start - 0.8 / 0.48, start + 0.8 / 0.72], 1e-8));
    let shares: Array1<f64> = model.predict(&array![[0.0], [1.0]]);
    assert!(near(&shares, &scores.mapv(|score| 1.0 / (1.0 + (-score).exp())), 1e-12));
}

#[test]
fn a_constant_target_is_predicted_without_a_tree() {
    let (x, _) = sample(300, 3, 7);
    let y = Array1::from_elem(300, 0.1);
    for loss in [Loss::Squared, Loss::Quantile(0.3)] {
        let model = Boost::params().loss(loss).fit(&Dataset::new(x.clone(), y.clone())).unwrap();
        assert_eq!(model.trees(), 0);
        let predicted: Array1<f64> = model.predict(&x);
        assert!(predicted.iter().all(|value| (value - 0.1).abs() < 1e-12));
    }
}

#[test]
fn quantiles_cover_their_share() {
    let mut draws = Draws::new(5);
    let x = Array2::from_shape_fn((20_000, 2), |_| draws.uniform());
    let y = x.map_axis(Axis(1), |row| 5.0 * row[0] + (0.5 + row[1]) * draws.uniform());
    for level in [0.1, 0.5, 0.9] {
        let params = Boost::params().loss(Loss::Quantile(level)).max_leaves(15);
        let fitted = x.slice(s![..10_000, ..]).to_owned();
        let data = Dataset::new(fitted, y.slice(s![..10_000]).to_owned());
        let predicted = params.fit(&data).unwrap().predict(&x);
        let below = |rows: std::ops::Range<usize>| {
            let count = rows.len() as f64;
            rows.filter(|i| y[*i] <= predicted[*i]).count() as f64 / count
        };
        assert!((below(0..10_000) - level).abs() < 0.01, "{level}: {}", below(0..10_000));
        assert!((below(10_000..20_000) - level).abs() < 0.03, "{level}");
        // The level's quantile of the noise is `level` times its width.
        let truth = x.map_axis(Axis(1), |row| 5.0 * row[0] + (0.5 + row[1]) * level);
        assert!((&predicted - &truth).mapv(f64::abs).mean().unwrap() < 0.08, "{level}");
    }
}

#[test]
fn a_weight_of_two_is_a_row_given_twice_and_of_zero_a_row_not_given() {
    let (x, y) = sample(200, 3, 11);
    let weights = Array1::from_shape_fn(200, |i| [1.0_f32, 2.0, 0.0][i % 3]);
    let of = |remainder: usize| (0..200).filter(|i| i % 3 == remainder).collect::<Vec<_>>();
    let (once, twice) = (of(0), of(1));
    let repeat = [once, twice.clone(), twice].concat();
    let repeated = Dataset::new(x.select(Axis(0), &repeat), y.select(Axis(0), &repeat));
    let weighted = Dataset::new(x, y).with_weights(weights);
    // Not the pinball loss: its derivatives are two numbers, so splits tie.
    let params = Boost::params().trees(30).min_leaf_rows(1).min_leaf_hessian(8.0);
    let (a, b) = (params.fit(&weighted).unwrap(), params.fit(&repeated).unwrap());
    let rows = repeated.records();
    assert!(near(&a.predict(rows), &b.predict(rows), 1e-6));
    assert!((a.expectation() - b.expectation()).abs() < 1e-6);
}

#[test]
fn more_trees_bring_the_error_down_as_far_as_lightgbms() {
    let (x, y) = sample(8_000, 5, 0);
    let half = Dataset::new(x.slice(s![..4_000, ..]).to_owned(), y.slice(s![..4_000]).to_owned());
    let error = |trees| {
        let model = Boost::params().trees(trees).fit(&half).unwrap();
        let apart = &model.predict(&x.slice(s![4_000.., ..])) - &y.slice(s![4_000..]);
        apart.mapv(|d| d * d).mean().unwrap()
    };
    // LightGBM 4.7 has 0.1339 and 0.0063 on these rows: most is the jump's few
    // rows on the wrong side.
    assert!(
        (error(10) - 0.134).abs() < 0.003 && error(200) < 0.007,
        "{} {}",
        error(10),
        error(200)
    );
}

#[test]
fn rows_and_columns_sampled_by_the_seed_still_learn() {
    let (x, y) = sample(2_000, 6, 0);
    let data = Dataset::new(x.clone(), y.clone());
    let params = Boost::params().row_share(0.5).column_share(0.5);
    let (a, b) = (params.clone().fit(&data).unwrap(), params.clone().seed(8).fit(&data).unwrap());
    assert_eq!(a, params.fit(&data).unwrap());
    assert_ne!(a, b);
    let apart = &a.predict(&x) - &y;
    assert!(apart.mapv(|d| d * d).mean().unwrap() < 0.02);
}

#[test]
fn trees_that_see_no_row_are_left_out() {
    let data = Dataset::new(array![[1.0], [2.0], [3.0]], array![1.0, 2.0, 6.0]);
    let params = Boost::params().row_share(0.01).min_leaf_rows(1);
    let model = params.fit(&data).unwrap();
    let predicted: Array1<f64> = model.predict(&array![[1.0], [f64::NAN]]);
    assert_eq!((model.trees(), predicted), (0, array![3.0, 3.0]));
}

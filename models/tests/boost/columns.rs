//! Missing values, categories, and columns that may only rise or fall.

use std::cmp::Ordering;

use linfa::Dataset;
use linfa::traits::{Fit, Predict};
use loadstar_models::boost::{Boost, Loss};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

use crate::rows::{Draws, sample};

#[test]
fn missing_values_go_where_they_belong() {
    // Those missing behave as the small ones do; then as nothing else does.
    let x = Array2::from_shape_fn((400, 1), |(i, _)| match i % 4 {
        0 => f64::NAN,
        _ => i as f64,
    });
    let small = x.map_axis(Axis(1), |row| if row[0] > 200.0 { 5.0 } else { 1.0 });
    let alone = x.map_axis(Axis(1), |row| if row[0].is_nan() { 9.0 } else { 1.0 });
    let stump = Boost::params().trees(1).learning_rate(1.0).max_leaves(2);
    for y in [small, alone] {
        let predicted = stump.fit(&Dataset::new(x.clone(), y.clone())).unwrap().predict(&x);
        assert!((&predicted - &y).iter().all(|d| d.abs() < 1e-7));
    }
}

#[test]
fn values_that_first_go_missing_when_scored_go_with_the_larger_side() {
    let x = Array2::from_shape_fn((100, 1), |(i, _)| i as f64);
    let y = x.map_axis(Axis(1), |row| if row[0] >= 30.0 { 5.0 } else { 1.0 });
    let stump = Boost::params().trees(1).learning_rate(1.0).max_leaves(2);
    let model = stump.fit(&Dataset::new(x, y)).unwrap();
    let predicted: Array1<f64> = model.predict(&array![[f64::NAN], [f64::INFINITY], [-1e308]]);
    assert!((&predicted - &array![5.0, 5.0, 1.0]).iter().all(|d| d.abs() < 1e-7));
}

#[test]
fn one_split_finds_the_categories_that_go_together() {
    // Even and odd categories: no threshold parts them, one set does.
    let x = Array2::from_shape_fn((1_000, 1), |(i, _)| (i % 10) as f64 + 100.0);
    let y = x.map_axis(Axis(1), |row| if row[0] % 2.0 == 0.0 { 1.0 } else { -1.0 });
    let data = Dataset::new(x.clone(), y.clone());
    let stump = Boost::params().trees(1).learning_rate(1.0).max_leaves(2);
    let wrong = |predicted: Array1<f64>| (&predicted - &y).iter().any(|d| d.abs() > 1e-7);
    assert!(wrong(stump.fit(&data).unwrap().predict(&x)));
    let model = stump.categories(&[0]).fit(&data).unwrap();
    assert!(!wrong(model.predict(&x)));
    // A category never seen goes with the missing ones.
    let unseen: Array1<f64> = model.predict(&array![[55.0], [f64::NAN], [100.5]]);
    assert!(unseen[0] == unseen[1] && unseen[0] == unseen[2]);
}

#[test]
fn few_categories_part_one_by_one_and_missing_is_one_of_them() {
    let x = Array2::from_shape_fn((900, 1), |(i, _)| [1.0, 2.0, f64::NAN][i % 3]);
    let y = x.map_axis(Axis(1), |row| if row[0].is_nan() { 4.0 } else { row[0] });
    let params = Boost::params().trees(1).learning_rate(1.0).max_leaves(3).categories(&[0]);
    let predicted = params.fit(&Dataset::new(x.clone(), y.clone())).unwrap().predict(&x);
    assert!((&predicted - &y).iter().all(|d| d.abs() < 1e-7));
}

#[test]
fn categories_beside_numbers_lower_the_error() {
    let mut draws = Draws::new(3);
    let mut x = Array2::from_shape_fn((4_000, 3), |_| draws.uniform());
    x.column_mut(1).mapv_inplace(|u| (u * 40.0).floor());
    let effect: Vec<f64> = (0..40).map(|_| draws.uniform()).collect();
    let y = x.map_axis(Axis(1), |row| row[0] + effect[row[1] as usize]);
    let error = |categories: &[usize]| {
        let params = Boost::params().trees(20).max_leaves(8).categories(categories);
        let predicted = params.fit(&Dataset::new(x.clone(), y.clone())).unwrap().predict(&x);
        (&predicted - &y).mapv(|d| d * d).mean().unwrap()
    };
    assert!(error(&[1]) < 0.5 * error(&[]), "{} {}", error(&[1]), error(&[]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_monotone_column_never_turns(
        seed in any::<u64>(),
        rising in any::<bool>(),
        which in 0..3_u8,
        missing in any::<bool>(),
    ) {
        let mut draws = Draws::new(seed);
        let mut x = Array2::from_shape_fn((300, 3), |_| draws.uniform());
        let mut y = x.map_axis(Axis(1), |row| (9.0 * row[0]).sin() + row[1] + draws.uniform());
        let loss = [Loss::Squared, Loss::Logistic, Loss::Quantile(0.7)][usize::from(which)];
        if loss == Loss::Logistic {
            y.mapv_inplace(|y| f64::from(u8::from(y > 1.0)));
        }
        if missing {
            x.iter_mut().step_by(5).for_each(|value| *value = f64::NAN);
        }
        let direction = if rising { Ordering::Greater } else { Ordering::Less };
        let params = Boost::params().loss(loss).trees(20).min_leaf_rows(3).learning_rate(0.4);
        let data = Dataset::new(x.clone(), y);
        let model = params.monotone(&[(0, direction)]).fit(&data).unwrap();
        for row in x.rows().into_iter().step_by(10) {
            let line = Array2::from_shape_fn((50, 3), |(i, j)| match j {
                0 => i as f64 / 49.0,
                _ => row[j],
            });
            let scores = model.scores(&line).unwrap().to_vec();
            let sign = if rising { 1.0 } else { -1.0 };
            let in_order = scores.windows(2).all(|pair| sign * (pair[1] - pair[0]) >= -1e-12);
            prop_assert!(in_order);
        }
    }
}

#[test]
fn a_monotone_column_still_learns_what_it_may() {
    let (x, y) = sample(3_000, 3, 0);
    let params = Boost::params().monotone(&[(0, Ordering::Greater)]);
    let predicted = params.fit(&Dataset::new(x.clone(), y.clone())).unwrap().predict(&x);
    assert!((&predicted - &y).mapv(|d| d * d).mean().unwrap() < 0.005);
    let against = Boost::params().monotone(&[(0, Ordering::Less)]);
    let model = against.fit(&Dataset::new(x, y)).unwrap();
    assert!(model.importance()[0] < 0.05 * model.importance().sum());
}

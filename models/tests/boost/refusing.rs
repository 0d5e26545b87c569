//! What is refused, and that the sentence says what to do.

use std::cmp::Ordering;

use linfa::Dataset;
use linfa::error::Error;
use linfa::traits::{Fit, Predict};
use loadstar_models::boost::{Boost, BoostParams, Loss};
use ndarray::{Array1, Array2, array};

fn said(params: &BoostParams, x: Array2<f64>, y: Array1<f64>) -> String {
    params.fit(&Dataset::new(x, y)).expect_err("has to be refused").to_string()
}

#[test]
fn parameters_outside_their_range_are_named_with_it() {
    let (x, y) = (array![[1.0], [2.0]], array![0.0, 1.0]);
    let params = Boost::params;
    for (params, wanted) in [
        (params().trees(0), "trees 0: give 1 or more"),
        (params().learning_rate(0.0), "learning_rate 0: give a number above 0 up to 1"),
        (params().learning_rate(f64::NAN), "learning_rate NaN: give a number above 0"),
        (params().max_leaves(1), "max_leaves 1: give 2 to 65536"),
        (params().min_leaf_rows(0), "min_leaf_rows 0: give 1 or more"),
        (params().min_leaf_hessian(-1.0), "min_leaf_hessian -1: give a number from 0 up"),
        (params().l2(f64::INFINITY), "l2 inf: give a number from 0 up"),
        (params().min_gain(-0.5), "min_gain -0.5: give a number from 0 up"),
        (params().max_bins(256), "max_bins 256: give 2 to 255"),
        (params().row_share(1.5), "row_share 1.5: give a number above 0 up to 1"),
        (params().column_share(0.0), "column_share 0: give a number above 0 up to 1"),
        (params().validation_share(1.0), "validation_share 1: give a number from 0 below 1"),
        (params().category_smoothing(-1.0), "category_smoothing -1: give a number from 0"),
        (params().category_l2(-1.0), "category_l2 -1: give a number from 0"),
        (params().loss(Loss::Quantile(1.0)), "quantile level 1: give a number between 0 and 1"),
        (params().patience(5), "give a validation_share, or use fit_validated"),
        (params().patience(100), "patience 100 never ends 100 trees: give fewer"),
        (params().categories(&[1]), "column 1 of 1: give an index below 1"),
        (params().monotone(&[(3, Ordering::Less)]), "column 3 of 1: give an index below 1"),
        (
            params().categories(&[0]).monotone(&[(0, Ordering::Less)]),
            "column 0 is categorical and monotone",
        ),
    ] {
        let said = said(&params, x.clone(), y.clone());
        assert!(said.contains(wanted), "{said:?} lacks {wanted:?}");
    }
}

#[test]
fn rows_that_cannot_be_learned_from_are_named() {
    let x = array![[1.0, f64::NAN], [2.0, f64::INFINITY]];
    let said_x = said(&Boost::params(), x, array![0.0, 1.0]);
    assert!(said_x.contains("row 1 has inf in column 1: give NaN for missing"), "{said_x}");
    let x = array![[1.0], [2.0]];
    let said_y = said(&Boost::params(), x.clone(), array![0.0, f64::NAN]);
    assert!(said_y.contains("row 1 has the target NaN: give a number"), "{said_y}");
    let logistic = Boost::params().loss(Loss::Logistic);
    let said_y = said(&logistic, x.clone(), array![0.5, 1.0]);
    assert!(said_y.contains("row 0 has the target 0.5: give 0 or 1"), "{said_y}");
    let weighted = Dataset::new(x, array![0.0, 1.0]).with_weights(array![1.0, -1.0]);
    let said_w = Boost::params().fit(&weighted).unwrap_err().to_string();
    assert!(said_w.contains("row 1 has the weight -1: give a number of 0 or more"), "{said_w}");
}

#[test]
fn shapes_that_do_not_fit_are_errors_not_panics() {
    let fit = |x: Array2<f64>, y: Array1<f64>| Boost::params().fit(&Dataset::new(x, y));
    let none = fit(Array2::zeros((0, 2)), Array1::zeros(0));
    assert!(matches!(none, Err(Error::NotEnoughSamples)));
    let uneven = fit(Array2::zeros((3, 2)), Array1::zeros(2));
    assert!(matches!(uneven, Err(Error::MismatchedShapes(3, 2))));
    assert!(fit(Array2::zeros((3, 0)), Array1::zeros(3)).is_err());
    let weightless =
        Dataset::new(array![[1.0]], array![1.0]).with_weights(Array1::from_elem(1, 0.0));
    assert!(matches!(Boost::params().fit(&weightless), Err(Error::NotEnoughSamples)));
    let model = fit(Array2::zeros((3, 2)), Array1::zeros(3)).unwrap();
    let wide = Array2::zeros((2, 3));
    assert!(matches!(model.scores(&wide), Err(Error::MismatchedShapes(3, 2))));
    assert!(matches!(model.shap(&wide), Err(Error::MismatchedShapes(3, 2))));
    let predicted: Array1<f64> = model.predict(&wide);
    assert!(predicted.iter().all(|value| value.is_nan()));
    assert_eq!(model.scores(&Array2::zeros((0, 2))).unwrap().len(), 0);
}

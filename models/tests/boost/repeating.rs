//! The same model however it is come by.

use linfa::Dataset;
use linfa::traits::{Fit, Predict};
use loadstar_models::boost::{Boost, Loss};
use ndarray::{Array1, ShapeBuilder, array};
use serde_json::json;

use crate::rows::sample;

#[test]
fn the_model_is_the_same_byte_for_byte_with_any_number_of_threads() {
    // Rows, then columns, enough for every step to be shared out.
    for (rows, columns) in [(150_000, 12), (600, 140)] {
        let (x, y) = sample(rows, columns, 17);
        let over = y.mapv(|y| f64::from(u8::from(y > 1.8)));
        for (loss, y) in
            [(Loss::Squared, y.clone()), (Loss::Logistic, over), (Loss::Quantile(0.2), y)]
        {
            let data = Dataset::new(x.clone(), y);
            let params = Boost::params().loss(loss).trees(3).row_share(0.95).categories(&[5]);
            let fit = |threads| {
                let model = params.clone().threads(threads).fit(&data).unwrap();
                serde_json::to_string(&model).unwrap()
            };
            let one = fit(1);
            assert!(one.len() > 3_000);
            assert_eq!(one, fit(2));
            assert_eq!(one, fit(3));
        }
    }
}

#[test]
fn a_model_read_back_predicts_the_same_to_the_last_bit() {
    let (mut x, y) = sample(3_000, 5, 10);
    x.column_mut(3).mapv_inplace(|value| (value * 300.0).floor() + 1e9);
    x.column_mut(1).mapv_inplace(|value| value * 1e-7);
    let model = Boost::params().categories(&[3]).fit(&Dataset::new(x.clone(), y)).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let back: Boost = serde_json::from_str(&text).unwrap();
    let (scores, again) = (model.scores(&x).unwrap(), back.scores(&x).unwrap());
    assert_eq!(scores, again);
}

#[test]
fn a_damaged_model_is_refused_when_it_is_read() {
    let (x, y) = sample(500, 3, 0);
    let model = Boost::params().trees(2).fit(&Dataset::new(x, y)).unwrap();
    let whole = serde_json::to_value(&model).unwrap();
    let node = |field: &str| format!("/trees/1/nodes/0/{field}");
    for (place, value) in [
        (node("children"), json!([1, 9_999])),
        (node("children"), json!([0, 1])),
        (node("column"), json!(3)),
        ("/trees/1/weights".into(), json!([1.0])),
        ("/trees/1/nodes".into(), json!([])),
    ] {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(&place).unwrap() = value;
        let said = serde_json::from_value::<Boost>(damaged).expect_err(&place).to_string();
        assert!(said.contains("tree 1 of the boosted model is damaged: fit it again"), "{said}");
    }
    assert_eq!(serde_json::from_value::<Boost>(whole).unwrap(), model);
}

#[test]
fn a_row_scores_the_same_alone_among_others_and_in_any_layout() {
    let (x, y) = sample(1_003, 5, 10);
    let model = Boost::params().fit(&Dataset::new(x.clone(), y.clone())).unwrap();
    let all: Array1<f64> = model.predict(&x);
    for i in [0, 7, 500, 1_002] {
        let alone: Array1<f64> = model.predict(&x.row(i).insert_axis(ndarray::Axis(0)));
        assert_eq!(alone[0], all[i]);
    }
    let mut by_columns = ndarray::Array2::zeros((1_003, 5).f());
    by_columns.assign(&x);
    let predicted: Array1<f64> = model.predict(&by_columns);
    assert_eq!(predicted, all);
    assert_eq!(Boost::params().fit(&Dataset::new(by_columns, y)).unwrap(), model);
}

#[test]
fn training_scores_are_the_predictions() {
    // The next tree goes on from the scores of binned rows: were those others
    // than the predictions of raw rows, the mean residual would not vanish.
    let (x, y) = sample(5_000, 4, 6);
    let model = Boost::params().trees(300).fit(&Dataset::new(x.clone(), y.clone())).unwrap();
    let rest = &y - &model.predict(&x);
    assert!(rest.mean().unwrap().abs() < 1e-9);
    let model = Boost::params().trees(1).learning_rate(1.0).fit(&Dataset::new(
        array![[1.0], [1.0 + f64::EPSILON]].select(ndarray::Axis(0), &[[0; 20], [1; 20]].concat()),
        Array1::from_shape_fn(40, |i| f64::from(u8::from(i >= 20))),
    ));
    let predicted: Array1<f64> = model.unwrap().predict(&array![[1.0], [1.0 + f64::EPSILON]]);
    assert!(predicted[0].abs() < 1e-8 && (predicted[1] - 1.0).abs() < 1e-8);
}

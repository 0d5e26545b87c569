//! Early stopping.

use linfa::traits::{Fit, Predict};
use linfa::{Dataset, ParamGuard};
use loadstar_models::boost::{Boost, Loss};
use ndarray::{Array1, Array2, Axis, s};

use crate::rows::Draws;

/// Much noise: a fit of many trees learns it by heart.
fn noisy(rows: usize) -> Dataset<f64, f64, ndarray::Ix1> {
    let mut draws = Draws::new(2);
    let x = Array2::from_shape_fn((rows, 4), |_| draws.uniform());
    let y = x.map_axis(Axis(1), |row| row[0] + 4.0 * draws.uniform());
    Dataset::new(x, y)
}

#[test]
fn stops_after_its_patience_and_keeps_the_best() {
    let data = noisy(2_000);
    let params = Boost::params().trees(500).patience(10).validation_share(0.3);
    let model = params.clone().fit(&data).unwrap();
    let losses = model.validation_losses();
    assert!(losses.len() < 200, "{}", losses.len());
    assert_eq!(losses.len(), model.trees() + 10);
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[model.trees() - 1], least);
    assert_eq!(model, params.fit(&data).unwrap());
}

#[test]
fn rows_of_ones_own_choice_are_watched() {
    let data = noisy(3_000);
    let (x, y) = (data.records(), data.targets());
    let of = |rows: std::ops::Range<usize>| {
        Dataset::new(x.slice(s![rows.clone(), ..]).to_owned(), y.slice(s![rows]).to_owned())
    };
    let (training, validation) = (of(0..2_000), of(2_000..3_000));
    for loss in [Loss::Squared, Loss::Quantile(0.8)] {
        let params = Boost::params().loss(loss).trees(500).patience(20).check().unwrap();
        let model = params.fit_validated(&training, &validation).unwrap();
        assert_eq!(model.validation_losses().len(), model.trees() + 20);
        // The loss it tells is that of its predictions.
        let predicted: Array1<f64> = model.predict(validation.records());
        let losses = predicted.iter().zip(validation.targets()).map(|(f, y)| match loss {
            Loss::Quantile(level) => (level * (y - f)).max((level - 1.0) * (y - f)),
            _ => 0.5 * (y - f) * (y - f),
        });
        let mean = losses.sum::<f64>() / 1_000.0;
        assert!((mean - model.validation_losses()[model.trees() - 1]).abs() < 1e-9);
    }
}

#[test]
fn rows_set_aside_teach_nothing() {
    // Were the rows set aside learned from, their loss would fall with the rest.
    let data = noisy(2_000);
    let params = Boost::params().trees(200).max_leaves(100).min_leaf_rows(1).learning_rate(0.3);
    let model = params.validation_share(0.5).fit(&data).unwrap();
    let apart = &model.predict(data.records()) - data.targets();
    let (fitted, aside): (Vec<f64>, Vec<f64>) = apart.iter().partition(|d| d.abs() < 0.05);
    assert!((800..1_200).contains(&fitted.len()), "{} {}", fitted.len(), aside.len());
}

/// To the last bit, past the end and across blocks of rows.
#[test]
fn staged_scores_are_those_of_fits_of_fewer_trees() {
    let data = noisy(700);
    let fit = |trees| Boost::params().trees(trees).fit(&data).unwrap();
    let staged = fit(30).staged_scores(&data.records, &[0, 7, 7, 30, 99]).unwrap();
    for (stage, trees) in [(1, 7), (2, 7), (3, 30), (4, 30)] {
        assert_eq!(staged.column(stage), fit(trees).scores(&data.records).unwrap(), "{trees}");
    }
    assert!(staged.column(0).iter().all(|score| *score == staged[[0, 0]]));
    assert_eq!(fit(3).staged_scores(&data.records, &[]).unwrap().dim(), (700, 0));
    assert!(fit(3).staged_scores(&data.records.slice(s![.., ..2]), &[3]).is_err());
}

//! Weighted ridge regression: Gram matrix and Cholesky, every penalty from one
//! Gram matrix. Hoerl & Kennard, Technometrics 12 (1970).
//!
//! Inputs are standardised with weighted moments; prediction clamps them to the
//! range seen in training, so that a forecast never extrapolates a slope.

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::error::Error;
use linfa::param_guard::ParamGuard;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::moments::Moments;

/// Hyperparameters of [`Ridge`], not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeParams(RidgeValidParams);

/// Checked hyperparameters of [`Ridge`].
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeValidParams {
    lambda: f64,
    min_active_rows: usize,
}

impl RidgeParams {
    /// Penalty per unit of weight on the squared standardised coefficients:
    /// minimises `Σ w (y − xβ − α)² + λ Σ w ‖β‖²`.
    #[must_use]
    pub fn lambda(mut self, lambda: f64) -> Self {
        self.0.lambda = lambda;
        self
    }

    /// Columns that are not zero in fewer rows than this are left out.
    #[must_use]
    pub fn min_active_rows(mut self, rows: usize) -> Self {
        self.0.min_active_rows = rows;
        self
    }
}

impl ParamGuard for RidgeParams {
    type Checked = RidgeValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&Self::Checked, Error> {
        if self.0.lambda.is_finite() && self.0.lambda >= 0.0 {
            Ok(&self.0)
        } else {
            Err(Error::Parameters(format!("lambda {}: give a number of 0 or more", self.0.lambda)))
        }
    }

    fn check(self) -> Result<Self::Checked, Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// A fitted weighted ridge regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ridge {
    pub(crate) scaling: Scaling,
    /// One per kept column, then the intercept, for standardised inputs.
    pub(crate) coefficients: Array1<f64>,
}

impl Ridge {
    /// Hyperparameters with `λ = 0.001` and no column left out for rarity.
    pub fn params() -> RidgeParams {
        RidgeParams(RidgeValidParams { lambda: 1e-3, min_active_rows: 0 })
    }

    /// Slopes in the units of the inputs, zero for columns left out.
    pub fn coefficients(&self) -> Array1<f64> {
        let mut slopes = Array1::zeros(self.scaling.columns);
        for (j, column) in self.scaling.kept.iter().enumerate() {
            slopes[column.index] = self.coefficients[j] / column.scale;
        }
        slopes
    }

    /// Value at zero inputs (of inputs not clamped).
    pub fn intercept(&self) -> f64 {
        let kept = self.scaling.kept.iter().zip(&self.coefficients);
        self.coefficients[self.scaling.kept.len()]
            - kept.map(|(column, beta)| beta * column.mean / column.scale).sum::<f64>()
    }

    /// Prediction for one row; a missing input counts as its training mean.
    pub(crate) fn predict_row(&self, row: &[f64]) -> f64 {
        let kept = self.scaling.kept.iter().zip(&self.coefficients);
        self.coefficients[self.scaling.kept.len()]
            + kept.map(|(column, beta)| beta * column.standardise(row[column.index])).sum::<f64>()
    }
}

impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = f64>> Fit<ArrayBase<D, Ix2>, T, Error>
    for RidgeValidParams
{
    type Object = Ridge;

    /// Fits with the dataset's weights, one per row, if it has any.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Ridge, Error> {
        let (x, y) = (dataset.records(), dataset.as_single_targets());
        if x.nrows() != y.len() {
            return Err(Error::MismatchedShapes(x.nrows(), y.len()));
        }
        if x.nrows() == 0 {
            return Err(Error::NotEnoughSamples);
        }
        let weights = match dataset.weights() {
            Some(weights) => weights.iter().map(|&w| f64::from(w)).collect(),
            None => Array1::ones(y.len()),
        };
        let mut moments = Moments::about(x.view());
        moments.add(x.view(), y, weights.view());
        let system = moments.system(|_| self.min_active_rows);
        system.ridge(self.lambda, &[system.all()]).ok_or_else(|| {
            Error::NotConverged("the Gram matrix is singular: give a larger lambda".into())
        })
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for Ridge {
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<f64>) {
        for (value, row) in y.iter_mut().zip(x.rows()) {
            *value = self.predict_row(&row.to_vec());
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(x.nrows())
    }
}

/// How one column is standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) index: usize,
    pub(crate) mean: f64,
    pub(crate) scale: f64,
    /// Range seen in training.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Column {
    fn standardise(&self, value: f64) -> f64 {
        if value.is_finite() {
            (value.clamp(self.low, self.high) - self.mean) / self.scale
        } else {
            0.0
        }
    }
}

/// The columns a fit keeps, of how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) columns: usize,
    pub(crate) kept: Vec<Column>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::Dataset;
    use linfa::traits::Predict;
    use ndarray::{Array2, array, s};

    fn sample(rows: usize) -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_fn((rows, 3), |(i, j)| {
            ((i * (j + 2)) as f64 * 0.37).sin() + j as f64
        });
        let y = Array1::from_shape_fn(rows, |i| {
            2.0 + x[[i, 0]] - 3.0 * x[[i, 2]] + (i as f64).cos() * 0.1
        });
        (x, y)
    }

    #[test]
    fn one_input_follows_the_closed_form() {
        // x standardised has variance 1: β = cov / (1 + λ) per standard deviation.
        let (x, y) = (array![[1.0], [2.0], [3.0], [4.0]], array![2.0, 4.0, 5.0, 9.0]);
        let fitted = Ridge::params().lambda(0.25).fit(&Dataset::new(x, y)).unwrap();
        // covariance 2.75, variance 1.25: slope 2.75 / 1.25 / 1.25 = 1.76 and mean 5 at x = 2.5
        assert!((fitted.coefficients()[0] - 1.76).abs() < 1e-12);
        assert!((fitted.intercept() - (5.0 - 1.76 * 2.5)).abs() < 1e-12);
    }

    #[test]
    fn without_penalty_it_is_least_squares_and_prediction_is_clamped() {
        let x = array![[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 1.0]];
        let y = x.dot(&array![2.0, -1.0]) + 7.0;
        let fitted = Ridge::params().lambda(0.0).fit(&Dataset::new(x.clone(), y.clone())).unwrap();
        let back: Array1<f64> = fitted.predict(&x);
        assert!((&back - &y).iter().all(|d| d.abs() < 1e-10));
        let far: Array1<f64> = fitted.predict(&array![[100.0, 1.0]]);
        assert!((far[0] - (7.0 + 6.0 - 1.0)).abs() < 1e-10);
    }

    #[test]
    fn a_weight_of_two_is_a_row_given_twice() {
        let (x, y) = sample(12);
        let twice = ndarray::concatenate![ndarray::Axis(0), x, x.slice(s![..4, ..])];
        let y_twice = ndarray::concatenate![ndarray::Axis(0), y, y.slice(s![..4])];
        let weights = Array1::from_shape_fn(12, |i| if i < 4 { 2.0_f32 } else { 1.0 });
        let params = Ridge::params().lambda(0.1);
        let weighted = params.fit(&Dataset::new(x, y).with_weights(weights)).unwrap();
        let repeated = params.fit(&Dataset::new(twice, y_twice)).unwrap();
        let apart = weighted.coefficients() - repeated.coefficients();
        assert!(apart.iter().all(|d| d.abs() < 1e-10));
    }

    #[test]
    fn a_negative_penalty_and_a_singular_matrix_are_refused() {
        let data = Dataset::new(array![[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]], array![1.0, 2.0, 3.0]);
        assert!(Ridge::params().lambda(-1.0).fit(&data).is_err());
        assert!(Ridge::params().lambda(0.1).fit(&data).is_ok());
    }
}

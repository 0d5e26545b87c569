//! Weighted ridge regression: Gram matrix and Cholesky, every penalty from one
//! Gram matrix. Hoerl & Kennard, Technometrics 12 (1970).
//!
//! Inputs are standardised with weighted moments; prediction clamps them to the
//! range seen in training, so that a forecast never extrapolates a slope.

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::error::Error;
use linfa::param_guard::ParamGuard;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, ArrayView2, Data, Ix2, s};
use serde::{Deserialize, Serialize};

use super::cholesky::Cholesky;

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
    scaling: Scaling,
    /// One per kept column, then the intercept, for standardised inputs.
    coefficients: Array1<f64>,
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
        let rare = |_: usize| self.min_active_rows;
        let system = System::new(x.view(), y, weights.view(), rare);
        let coefficients = system.solve(self.lambda).ok_or_else(|| {
            Error::NotConverged("the Gram matrix is singular: give a larger lambda".into())
        })?;
        Ok(Ridge { scaling: system.scaling, coefficients })
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Column {
    index: usize,
    mean: f64,
    scale: f64,
    low: f64,
    high: f64,
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Scaling {
    columns: usize,
    kept: Vec<Column>,
}

/// The weighted, standardised normal equations of one fit.
#[derive(Debug, Clone)]
pub(crate) struct System {
    scaling: Scaling,
    /// Rows × (kept columns + 1), each row times the root of its weight.
    z: Array2<f64>,
    y: Array1<f64>,
    gram: Array2<f64>,
    moment: Array1<f64>,
    weight: f64,
}

impl System {
    /// Standardises and multiplies out. `min_active(column)` rows must be other
    /// than zero for a column to be kept.
    pub(crate) fn new(
        x: ArrayView2<'_, f64>,
        y: ArrayView1<'_, f64>,
        weights: ArrayView1<'_, f64>,
        min_active: impl Fn(usize) -> usize,
    ) -> Self {
        let (rows, columns) = x.dim();
        let weight = weights.sum();
        let mut kept = Vec::with_capacity(columns);
        let mean = weights.dot(&x) / weight;
        let mut active = vec![0_usize; columns];
        let mut square = Array1::<f64>::zeros(columns);
        let mut low = x.row(0).to_owned();
        let mut high = low.clone();
        for (row, &w) in x.rows().into_iter().zip(weights) {
            for j in 0..columns {
                let value = row[j];
                active[j] += usize::from(value != 0.0);
                square[j] += w * (value - mean[j]) * (value - mean[j]);
                low[j] = low[j].min(value);
                high[j] = high[j].max(value);
            }
        }
        for j in 0..columns {
            let scale = (square[j] / weight).sqrt();
            if active[j] >= min_active(j) && scale > 1e-9 * (1.0 + mean[j].abs()) {
                kept.push(Column { index: j, mean: mean[j], scale, low: low[j], high: high[j] });
            }
        }
        let p = kept.len();
        let mut z = Array2::<f64>::zeros((rows, p + 1));
        for i in 0..rows {
            let (source, root) = (x.row(i), weights[i].sqrt());
            let mut row = z.row_mut(i);
            for (j, column) in kept.iter().enumerate() {
                row[j] = root * (source[column.index] - column.mean) / column.scale;
            }
            row[p] = root;
        }
        let y = Array1::from_shape_fn(rows, |i| y[i] * weights[i].sqrt());
        let gram = z.t().dot(&z);
        let moment = z.t().dot(&y);
        Self { scaling: Scaling { columns, kept }, z, y, gram, moment, weight }
    }

    fn factor(&self, gram: &Array2<f64>, weight: f64, lambda: f64) -> Option<Cholesky> {
        let mut penalised = gram.clone();
        let p = self.scaling.kept.len();
        penalised.diag_mut().slice_mut(s![..p]).map_inplace(|d| *d += lambda * weight);
        Cholesky::factor(penalised)
    }

    fn solve(&self, lambda: f64) -> Option<Array1<f64>> {
        Some(self.factor(&self.gram, self.weight, lambda)?.solve(&self.moment))
    }

    /// Predictions of rows `from..` by fits on the rows before, one column per
    /// penalty, unweighted. The later rows leave the one Gram matrix.
    pub(crate) fn forward(&self, from: usize, lambdas: &[f64]) -> Array2<f64> {
        let later = self.z.slice(s![from.., ..]);
        let later_y = self.y.slice(s![from..]);
        let gram = &self.gram - &later.t().dot(&later);
        let moment = &self.moment - &later.t().dot(&later_y);
        let root = later.column(later.ncols() - 1);
        let weight = self.weight - root.dot(&root);
        let mut predictions = Array2::from_elem((later.nrows(), lambdas.len()), f64::NAN);
        for (mut column, &lambda) in predictions.columns_mut().into_iter().zip(lambdas) {
            if let Some(factor) = self.factor(&gram, weight, lambda) {
                column.assign(&(later.dot(&factor.solve(&moment)) / root));
            }
        }
        predictions
    }

    /// The fit, and for rows `from..` the errors (actual − predicted) of fits
    /// that leave out the row's block of `block` rows: `(I − H)⁻¹ e` block by
    /// block, exact. Cook & Weisberg, Residuals and Influence (1982), 2.2.
    pub(crate) fn finish(
        self,
        lambda: f64,
        from: usize,
        block: usize,
    ) -> Option<(Ridge, Array1<f64>)> {
        let factor = self.factor(&self.gram, self.weight, lambda)?;
        let coefficients = factor.solve(&self.moment);
        let later = self.z.slice(s![from.., ..]);
        let residuals = &self.y.slice(s![from..]) - &later.dot(&coefficients);
        let mut half = later.t().as_standard_layout().into_owned();
        factor.solve_lower(half.view_mut());
        let mut errors = residuals.clone();
        for start in (0..residuals.len()).step_by(block.max(1)) {
            let end = (start + block.max(1)).min(residuals.len());
            let part = half.slice(s![.., start..end]);
            let left = Array2::<f64>::eye(end - start) - part.t().dot(&part);
            if let Some(block) = Cholesky::factor(left) {
                errors
                    .slice_mut(s![start..end])
                    .assign(&block.solve(&residuals.slice(s![start..end]).to_owned()));
            }
        }
        let errors = errors / later.column(later.ncols() - 1);
        Some((Ridge { scaling: self.scaling, coefficients }, errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::Dataset;
    use linfa::traits::Predict;
    use ndarray::array;

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

    #[test]
    fn left_out_blocks_equal_refits_without_them() {
        let (x, y) = sample(40);
        let weights = Array1::from_shape_fn(40, |i| 0.95_f64.powi(39 - i as i32));
        let whole = System::new(x.view(), y.view(), weights.view(), |_| 0);
        let (lambda, weight) = (0.01, weights.sum());
        let (_, errors) = whole.clone().finish(lambda, 20, 5).unwrap();
        for start in [20, 25, 35] {
            let out = whole.z.slice(s![start..start + 5, ..]);
            let gram = &whole.gram - &out.t().dot(&out);
            let moment = &whole.moment - &out.t().dot(&whole.y.slice(s![start..start + 5]));
            let beta = whole.factor(&gram, weight, lambda).unwrap().solve(&moment);
            for i in start..start + 5 {
                let predicted = whole.z.row(i).dot(&beta) / weights[i].sqrt();
                assert!((y[i] - predicted - errors[i - 20]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn forward_predictions_never_see_the_later_rows() {
        let (x, mut y) = sample(40);
        let weights = Array1::ones(40);
        let honest = System::new(x.view(), y.view(), weights.view(), |_| 0).forward(30, &[0.01]);
        y.slice_mut(s![30..]).fill(1e6);
        let corrupt = System::new(x.view(), y.view(), weights.view(), |_| 0).forward(30, &[0.01]);
        assert!((&honest - &corrupt).iter().all(|d| d.abs() < 1e-3));
    }
}

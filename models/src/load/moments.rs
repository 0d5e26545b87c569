//! Weighted sums of products of rows, from which ridge regressions are solved.
//!
//! They add up and fade: a fit is brought up to date by the rows that came
//! since, without another look at those of before.

use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::cholesky::Cholesky;
use super::ridge::{Column, Ridge, Scaling};

/// Sums of products of rows, columns measured from a reference so that no
/// digits are lost; the last row and column are the intercept's.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    reference: Vec<(f64, f64)>,
    rows: usize,
    gram: Array2<f64>,
    moment: Array1<f64>,
    active: Vec<usize>,
    range: Vec<(f64, f64)>,
}

impl Moments {
    /// None yet; columns will be measured from the middle of these rows.
    pub(crate) fn about(x: ArrayView2<'_, f64>) -> Self {
        let rows = x.nrows().max(1) as f64;
        let reference = x.columns().into_iter().map(|column| {
            let mean = column.sum() / rows;
            let square = column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / rows;
            (mean, if square > 0.0 { square.sqrt() } else { 1.0 })
        });
        let p = x.ncols();
        Self {
            reference: reference.collect(),
            rows: 0,
            gram: Array2::zeros((p + 1, p + 1)),
            moment: Array1::zeros(p + 1),
            active: vec![0; p],
            range: vec![(f64::INFINITY, f64::NEG_INFINITY); p],
        }
    }

    /// Rows so far, whatever their weight.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes rows in.
    pub(crate) fn add(
        &mut self,
        x: ArrayView2<'_, f64>,
        y: ArrayView1<'_, f64>,
        weights: ArrayView1<'_, f64>,
    ) {
        let (rows, p) = x.dim();
        let mut z = Array2::<f64>::zeros((rows, p + 1));
        for ((mut z, x), w) in z.rows_mut().into_iter().zip(x.rows()).zip(weights) {
            let root = w.sqrt();
            for (j, &value) in x.iter().enumerate() {
                let (mean, scale) = self.reference[j];
                z[j] = root * (value - mean) / scale;
                self.active[j] += usize::from(value != 0.0);
                let (low, high) = &mut self.range[j];
                (*low, *high) = (low.min(value), high.max(value));
            }
            z[p] = root;
        }
        let y = Array1::from_shape_fn(rows, |i| y[i] * weights[i].sqrt());
        self.rows += rows;
        general_mat_mul(1.0, &z.t(), &z, 1.0, &mut self.gram);
        general_mat_vec_mul(1.0, &z.t(), &y, 1.0, &mut self.moment);
    }

    /// Every weight so far times `factor`.
    pub(crate) fn fade(&mut self, factor: f64) {
        self.gram *= factor;
        self.moment *= factor;
    }

    /// Standardises with the weighted moments. `min_active(column)` rows must
    /// be other than zero for a column to be kept.
    pub(crate) fn system(&self, min_active: impl Fn(usize) -> usize) -> System {
        let p = self.reference.len();
        let weight = self.gram[[p, p]];
        let mut kept = Vec::with_capacity(p);
        let mut within = Vec::with_capacity(p);
        for (j, &(middle, unit)) in self.reference.iter().enumerate() {
            let mean = self.gram[[j, p]] / weight;
            let scale = (self.gram[[j, j]] / weight - mean * mean).max(0.0).sqrt();
            let (low, high) = self.range[j];
            let (mean_x, scale_x) = (middle + mean * unit, scale * unit);
            if self.active[j] >= min_active(j) && scale_x > 1e-7 * (1.0 + mean_x.abs()) {
                kept.push(Column { index: j, mean: mean_x, scale: scale_x, low, high });
                within.push((j, mean, scale));
            }
        }
        let k = kept.len();
        let mut gram = Array2::<f64>::zeros((k + 1, k + 1));
        let mut moment = Array1::<f64>::zeros(k + 1);
        for (a, &(i, mean_i, scale_i)) in within.iter().enumerate() {
            for (b, &(j, mean_j, scale_j)) in within[..=a].iter().enumerate() {
                let product = self.gram[[i, j]] - weight * mean_i * mean_j;
                gram[[a, b]] = product / (scale_i * scale_j);
                gram[[b, a]] = gram[[a, b]];
            }
            moment[a] = (self.moment[i] - mean_i * self.moment[p]) / scale_i;
        }
        gram[[k, k]] = weight;
        moment[k] = self.moment[p];
        System { scaling: Scaling { columns: p, kept }, gram, moment, weight }
    }
}

/// The standardised normal equations of one fit.
#[derive(Debug, Clone)]
pub(crate) struct System {
    scaling: Scaling,
    gram: Array2<f64>,
    moment: Array1<f64>,
    weight: f64,
}

/// Rows as a [`System`] sees them: standardised, times the root of their
/// weight, the intercept last.
pub(crate) struct Seen {
    z: Array2<f64>,
    y: Array1<f64>,
}

impl System {
    /// Positions of all kept columns.
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.scaling.kept.len()).collect()
    }

    /// Positions of those kept columns of which `of` says so.
    pub(crate) fn part(&self, of: impl Fn(usize) -> bool) -> Vec<usize> {
        let kept = self.scaling.kept.iter().enumerate();
        kept.filter(|(_, column)| of(column.index)).map(|(position, _)| position).collect()
    }

    pub(crate) fn see(
        &self,
        x: ArrayView2<'_, f64>,
        y: ArrayView1<'_, f64>,
        weights: ArrayView1<'_, f64>,
    ) -> Seen {
        let k = self.scaling.kept.len();
        let mut z = Array2::<f64>::zeros((x.nrows(), k + 1));
        for ((mut z, x), w) in z.rows_mut().into_iter().zip(x.rows()).zip(weights) {
            let root = w.sqrt();
            for (j, column) in self.scaling.kept.iter().enumerate() {
                z[j] = root * (x[column.index] - column.mean) / column.scale;
            }
            z[k] = root;
        }
        Seen { z, y: Array1::from_shape_fn(x.nrows(), |i| y[i] * weights[i].sqrt()) }
    }

    /// Factor of the penalised Gram matrix of some columns and the intercept.
    fn factor(
        &self,
        gram: &Array2<f64>,
        weight: f64,
        lambda: f64,
        part: &[usize],
    ) -> Option<Cholesky> {
        let places = self.with_intercept(part);
        let mut penalised = Array2::from_shape_fn((places.len(), places.len()), |(a, b)| {
            gram[[places[a], places[b]]]
        });
        let k = part.len();
        penalised.diag_mut().slice_mut(s![..k]).map_inplace(|d| *d += lambda * weight);
        Cholesky::factor(penalised)
    }

    fn with_intercept(&self, part: &[usize]) -> Vec<usize> {
        part.iter().copied().chain([self.scaling.kept.len()]).collect()
    }

    /// The mean of the fits on each part of the columns, which is one fit.
    pub(crate) fn ridge(&self, lambda: f64, parts: &[Vec<usize>]) -> Option<Ridge> {
        let mut coefficients = Array1::<f64>::zeros(self.moment.len());
        for part in parts {
            let factor = self.factor(&self.gram, self.weight, lambda, part)?;
            let places = self.with_intercept(part);
            let solved = factor.solve(&self.moment.select(Axis(0), &places));
            for (&place, value) in places.iter().zip(&solved) {
                coefficients[place] += value / parts.len() as f64;
            }
        }
        Some(Ridge { scaling: self.scaling.clone(), coefficients })
    }

    /// Predictions of `later` rows by fits on the others, one column per
    /// penalty, unweighted. The later rows leave the one Gram matrix.
    pub(crate) fn forward(&self, later: &Seen, lambdas: &[f64], part: &[usize]) -> Array2<f64> {
        let places = self.with_intercept(part);
        let z = &later.z;
        let gram = &self.gram - &z.t().dot(z);
        let moment = (&self.moment - &z.t().dot(&later.y)).select(Axis(0), &places);
        let root = z.column(z.ncols() - 1);
        let weight = self.weight - root.dot(&root);
        let z = z.select(Axis(1), &places);
        let mut predictions = Array2::from_elem((z.nrows(), lambdas.len()), f64::NAN);
        for (mut column, &lambda) in predictions.columns_mut().into_iter().zip(lambdas) {
            if let Some(factor) = self.factor(&gram, weight, lambda, part) {
                column.assign(&(z.dot(&factor.solve(&moment)) / root));
            }
        }
        predictions
    }

    /// For `later` rows the errors (actual − predicted) of fits that leave out
    /// the row's block of `block` rows: `(I − H)⁻¹ e` block by block, exact.
    /// Cook & Weisberg, Residuals and Influence (1982), 2.2.
    pub(crate) fn left_out(
        &self,
        later: &Seen,
        lambda: f64,
        block: usize,
        part: &[usize],
    ) -> Option<Array1<f64>> {
        let factor = self.factor(&self.gram, self.weight, lambda, part)?;
        let places = self.with_intercept(part);
        let z = later.z.select(Axis(1), &places);
        let solved = factor.solve(&self.moment.select(Axis(0), &places));
        let residuals = &later.y - &z.dot(&solved);
        let mut half = z.t().as_standard_layout().into_owned();
        factor.solve_lower(half.view_mut());
        let mut errors = residuals.clone();
        for start in (0..residuals.len()).step_by(block.max(1)) {
            let end = (start + block.max(1)).min(residuals.len());
            let columns = half.slice(s![.., start..end]);
            let left = Array2::<f64>::eye(end - start) - columns.t().dot(&columns);
            if let Some(left) = Cholesky::factor(left) {
                let own = residuals.slice(s![start..end]).to_owned();
                errors.slice_mut(s![start..end]).assign(&left.solve(&own));
            }
        }
        Some(errors / later.z.column(later.z.ncols() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rows: usize) -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_fn((rows, 3), |(i, j)| {
            ((i * (j + 2)) as f64 * 0.37).sin() + j as f64
        });
        let y = Array1::from_shape_fn(rows, |i| {
            2.0 + x[[i, 0]] - 3.0 * x[[i, 2]] + (i as f64).cos() * 0.1
        });
        (x, y)
    }

    fn moments(x: &Array2<f64>, y: &Array1<f64>, weights: &Array1<f64>) -> Moments {
        let mut moments = Moments::about(x.view());
        moments.add(x.view(), y.view(), weights.view());
        moments
    }

    #[test]
    fn left_out_blocks_equal_refits_without_them() {
        let (x, y) = sample(40);
        let weights = Array1::from_shape_fn(40, |i| 0.95_f64.powi(39 - i as i32));
        let whole = moments(&x, &y, &weights).system(|_| 0);
        let seen = whole.see(x.view(), y.view(), weights.view());
        let (lambda, weight, all) = (0.01, weights.sum(), whole.all());
        let errors = whole.left_out(&seen, lambda, 5, &all).unwrap();
        for start in [20, 25, 35] {
            let out = seen.z.slice(s![start..start + 5, ..]);
            let gram = &whole.gram - &out.t().dot(&out);
            let moment = &whole.moment - &out.t().dot(&seen.y.slice(s![start..start + 5]));
            let beta = whole.factor(&gram, weight, lambda, &all).unwrap().solve(&moment);
            for i in start..start + 5 {
                let predicted = seen.z.row(i).dot(&beta) / weights[i].sqrt();
                assert!((y[i] - predicted - errors[i]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn forward_predictions_never_see_the_later_rows() {
        let (x, mut y) = sample(40);
        let weights = Array1::ones(40);
        let forward = |y: &Array1<f64>| {
            let system = moments(&x, y, &weights).system(|_| 0);
            let (x, w) = (x.slice(s![30.., ..]), weights.slice(s![30..]));
            let later = system.see(x, y.slice(s![30..]), w);
            system.forward(&later, &[0.01], &system.all())
        };
        let honest = forward(&y);
        y.slice_mut(s![30..]).fill(1e6);
        assert!((&honest - &forward(&y)).iter().all(|d| d.abs() < 1e-3));
    }

    #[test]
    fn rows_taken_in_later_are_as_good_as_rows_from_the_first() {
        let (x, y) = sample(60);
        let weights = Array1::from_shape_fn(60, |i| 0.9_f64.powi(59 - i as i32));
        let at_once = moments(&x, &y, &weights).system(|_| 0);
        // The first forty as of row 39, faded by the twenty days since.
        let early = Array1::from_shape_fn(40, |i| 0.9_f64.powi(39 - i as i32));
        let mut grown = moments(&x.slice(s![..40, ..]).to_owned(), &y, &early);
        grown.fade(0.9_f64.powi(20));
        grown.add(x.slice(s![40.., ..]), y.slice(s![40..]), weights.slice(s![40..]));
        let grown = grown.system(|_| 0);
        let (a, b) = (at_once.ridge(0.01, &[at_once.all()]), grown.ridge(0.01, &[grown.all()]));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!((&a.coefficients() - &b.coefficients()).iter().all(|d| d.abs() < 1e-9));
        assert!((a.intercept() - b.intercept()).abs() < 1e-9);
    }

    #[test]
    fn parts_of_the_columns_are_averaged() {
        let (x, y) = sample(40);
        let system = moments(&x, &y, &Array1::ones(40)).system(|_| 0);
        let (first, second) = (vec![0, 1], vec![1, 2]);
        let fit = |parts: &[Vec<usize>]| system.ridge(0.1, parts).unwrap();
        let mean = fit(&[first.clone(), second.clone()]);
        let (a, b) = (fit(&[first]), fit(&[second]));
        for i in 0..40 {
            let row = x.row(i).to_vec();
            let expected = (a.predict_row(&row) + b.predict_row(&row)) / 2.0;
            assert!((mean.predict_row(&row) - expected).abs() < 1e-12);
        }
    }
}

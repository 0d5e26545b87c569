//! linfa's logistic regression, the right way round.
//!
//! linfa-logistic takes the majority class as the positive one, so its
//! coefficients change sign with the balance of the classes. Here positive is
//! always `true`.

use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::error::{Result, RiskError};

/// Coefficients, one per column, and the intercept of the log-odds of `true`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    pub(super) coefficients: Array1<f64>,
    pub(super) intercept: f64,
}

impl Logistic {
    /// Fits `inputs` (rows × columns) to `outcomes`, both of which classes have
    /// to occur, starting from `start`.
    pub(super) fn fit(
        inputs: ArrayView2<'_, f64>,
        outcomes: &Array1<bool>,
        l2: f64,
        start: Option<&Self>,
    ) -> Result<Self> {
        let rows = inputs.nrows() as f64;
        let positives = outcomes.iter().filter(|&&outcome| outcome).count() as f64;
        if inputs.ncols() == 0 {
            let intercept = (positives / (rows - positives)).ln();
            return Ok(Self { coefficients: Array1::zeros(0), intercept });
        }
        // The sign linfa will use is not known before the fit, except by the
        // rule it documents; a start of the wrong sign only costs iterations.
        let sign = if positives * 2.0 > rows { 1.0 } else { -1.0 };
        let dataset = DatasetBase::new(inputs, outcomes.view());
        let mut reason = String::new();
        // Its tolerance is on the summed gradient, hence a share of the rows.
        // The line search gives up where rounding hides the descent; a looser
        // tolerance stops before that.
        for tolerance in [1e-6, 1e-5, 1e-4, 1e-3] {
            let mut parameters = LogisticRegression::default()
                .alpha(l2)
                .max_iterations(500)
                .gradient_tolerance(tolerance * rows);
            if let Some(start) = start {
                let at = start.coefficients.iter().chain([&start.intercept]);
                let at = at.map(|value| value * sign).collect();
                parameters = parameters.initial_params(at);
            }
            match parameters.fit(&dataset) {
                Ok(fitted) => {
                    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
                    let found = Self {
                        coefficients: fitted.params() * sign,
                        intercept: fitted.intercept() * sign,
                    };
                    if found.coefficients.iter().all(|value| value.is_finite()) {
                        return Ok(found);
                    }
                    "a coefficient is not finite".clone_into(&mut reason);
                }
                Err(error) => reason = error.to_string(),
            }
        }
        Err(RiskError::NotConverged { reason })
    }

    /// Log-odds of `true` per row of `inputs`.
    pub(super) fn margins(&self, inputs: ArrayView2<'_, f64>) -> Array1<f64> {
        inputs.dot(&self.coefficients) + self.intercept
    }
}

/// Fits with no coefficient below zero: columns are left out, the most negative
/// first, until none is. Returns the fit and the columns it uses.
///
/// Where every column already is a log-odds, a negative coefficient means that
/// the column merely corrects another; keeping it would turn reasons and
/// monotone features upside down.
pub(super) fn fit_nonnegative(
    inputs: &Array2<f64>,
    outcomes: &Array1<bool>,
    l2: f64,
) -> Result<(Logistic, Vec<usize>)> {
    let mut used: Vec<usize> = (0..inputs.ncols()).collect();
    let mut fitted = Logistic::fit(inputs.view(), outcomes, l2, None)?;
    loop {
        let worst = (0..used.len())
            .min_by(|&a, &b| fitted.coefficients[a].total_cmp(&fitted.coefficients[b]))
            .filter(|&at| fitted.coefficients[at] <= 0.0);
        let Some(worst) = worst else {
            return Ok((fitted, used));
        };
        used.remove(worst);
        let left: Vec<usize> = (0..=used.len()).filter(|&at| at != worst).collect();
        let start = Logistic {
            coefficients: fitted.coefficients.select(Axis(0), &left),
            intercept: fitted.intercept,
        };
        let inputs = inputs.select(Axis(1), &used);
        fitted = Logistic::fit(inputs.view(), outcomes, l2, Some(&start))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One binary input: without a penalty the optimum is the log-odds of the
    /// two halves.
    fn halves(low: (usize, usize), high: (usize, usize)) -> (Array2<f64>, Array1<bool>) {
        let half = |input: f64, (negatives, positives): (usize, usize)| {
            std::iter::repeat_n((input, false), negatives)
                .chain(std::iter::repeat_n((input, true), positives))
        };
        let rows: Vec<(f64, bool)> = half(0.0, low).chain(half(1.0, high)).collect();
        let inputs = Array2::from_shape_fn((rows.len(), 1), |(row, _)| rows[row].0);
        (inputs, rows.iter().map(|row| row.1).collect())
    }

    #[test]
    fn positive_is_true_whichever_class_is_the_larger() {
        for (low, high) in [((90, 10), (70, 30)), ((30, 70), (10, 90)), ((60, 40), (40, 60))] {
            let (inputs, outcomes) = halves(low, high);
            let fitted = Logistic::fit(inputs.view(), &outcomes, 0.0, None).unwrap();
            let odds =
                |(negatives, positives): (usize, usize)| (positives as f64 / negatives as f64).ln();
            let found = (fitted.intercept, fitted.intercept + fitted.coefficients[0]);
            assert!((found.0 - odds(low)).abs() < 1e-4, "{low:?}: {found:?}");
            assert!((found.1 - odds(high)).abs() < 1e-4, "{high:?}: {found:?}");
        }
    }

    #[test]
    fn a_column_that_would_count_backwards_is_left_out() {
        let (inputs, outcomes) = halves((90, 10), (70, 30));
        let both = ndarray::concatenate![Axis(1), inputs.clone(), inputs.mapv(|x| -x * 0.5)];
        let (fitted, used) = fit_nonnegative(&both, &outcomes, 0.1).unwrap();
        assert_eq!(used, [0]);
        assert!(fitted.coefficients[0] > 0.0);
    }
}

//! A data set as a fit needs it, checked.

use std::borrow::Cow;

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::error::Error;
use ndarray::{ArrayBase, Data, Ix2};

use super::bins::LARGEST;
use super::histogram::MAX_ROWS;
use super::loss::Loss;
use super::params::BoostValidParams;

/// Rows, targets and weights.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) columns: usize,
    /// Row after row.
    pub(super) values: Cow<'a, [f64]>,
    pub(super) targets: Vec<f64>,
    pub(super) weights: Vec<f64>,
    weighted: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new<D: Data<Elem = f64>, T: AsSingleTargets<Elem = f64>>(
        dataset: &'a DatasetBase<ArrayBase<D, Ix2>, T>,
        params: &BoostValidParams,
    ) -> Result<Self, Error> {
        let x = dataset.records();
        let targets = dataset.as_single_targets().to_vec();
        let (rows, columns) = x.dim();
        if rows != targets.len() {
            return Err(Error::MismatchedShapes(rows, targets.len()));
        }
        if rows == 0 {
            return Err(Error::NotEnoughSamples);
        }
        let weights: Vec<f64> = match dataset.weights() {
            Some(weights) => weights.iter().map(|&weight| f64::from(weight)).collect(),
            None => vec![1.0; rows],
        };
        if weights.len() != rows {
            return Err(Error::MismatchedShapes(rows, weights.len()));
        }
        let values = match x.as_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(x.iter().copied().collect()),
        };
        let weighted = dataset.weights().is_some();
        let table = Self { columns, values, targets, weights, weighted };
        table.fault(params).map_or(Ok(table), |fault| Err(Error::Parameters(fault)))
    }

    /// Rows that weigh anything.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.targets.len() as u32).filter(|row| self.weights[*row as usize] > 0.0)
    }

    pub(super) fn target_and_weight(&self, row: u32) -> (f64, f64) {
        (self.targets[row as usize], self.weights[row as usize])
    }

    /// Weight of `rows`.
    pub(super) fn weight(&self, rows: &[u32]) -> f64 {
        match self.weighted {
            true => rows.iter().map(|row| self.weights[*row as usize]).sum(),
            false => rows.len() as f64,
        }
    }

    fn fault(&self, params: &BoostValidParams) -> Option<String> {
        let (rows, columns) = (self.targets.len(), self.columns);
        if columns == 0 {
            return Some("no columns: give at least one".into());
        }
        if rows > MAX_ROWS {
            return Some(format!("{rows} rows: give a sample of at most {MAX_ROWS}"));
        }
        let named = params.categories.iter().chain(params.monotone.iter().map(|(name, _)| name));
        if let Some(column) = named.into_iter().find(|column| **column >= columns) {
            return Some(format!("column {column} of {columns}: give an index below {columns}"));
        }
        if let Some(place) = self.values.iter().position(|value| value.abs() > LARGEST) {
            let (row, column, value) = (place / columns, place % columns, self.values[place]);
            return Some(format!(
                "row {row} has {value} in column {column}: give NaN for missing, else a number \
                 of at most {LARGEST:e} in size"
            ));
        }
        let fits = |target: f64| match params.loss {
            Loss::Logistic => target == 0.0 || target == 1.0,
            Loss::Squared | Loss::Quantile(_) => target.abs() <= LARGEST.sqrt(),
        };
        if let Some(row) = self.targets.iter().position(|target| !fits(*target)) {
            let wanted = match params.loss {
                Loss::Logistic => "0 or 1".into(),
                Loss::Squared | Loss::Quantile(_) => {
                    format!("a number of at most {:e} in size", LARGEST.sqrt())
                }
            };
            return Some(format!("row {row} has the target {}: give {wanted}", self.targets[row]));
        }
        let weighs = |weight: f64| weight.is_finite() && weight >= 0.0;
        if let Some(row) = self.weights.iter().position(|weight| !weighs(*weight)) {
            return Some(format!(
                "row {row} has the weight {}: give a number of 0 or more",
                self.weights[row]
            ));
        }
        None
    }
}

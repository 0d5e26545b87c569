//! The fitted ensemble: scores, importance, linfa's prediction.

use linfa::error::Error;
use linfa::traits::PredictInplace;
use ndarray::{Array1, Array2, ArrayBase, Axis, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::bins::{MISSING, category};
use super::loss::Loss;
use super::params;
use super::params::BoostParams;
use super::shap;
use super::stored;
use super::tree::Tree;
use crate::parallel;

/// Rows that go down the trees together and stay in the cache.
const BLOCK_ROWS: usize = 256;
/// Rows times trees worth a thread.
const THREAD_WORK: usize = 50_000;
/// What exact Shapley values cost, a score being one.
const SHAP_COST: usize = 500;
/// What the ways down the trees cost.
const WAYS_COST: usize = 4;

/// A fitted ensemble of trees. Read back with serde, it is checked: a damaged
/// one is an error, not a panic when it scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "stored::Stored")]
pub struct Boost {
    pub(super) loss: Loss,
    pub(super) columns: usize,
    /// Score before the first tree.
    pub(super) start: f64,
    pub(super) categories: Vec<Categories>,
    pub(super) trees: Vec<Tree>,
    /// Loss on the validation rows after each tree that was grown.
    pub(super) validation_losses: Vec<f64>,
}

/// The known categories of a column, ascending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Categories {
    pub(super) column: usize,
    pub(super) known: Vec<f64>,
}

impl Boost {
    /// Hyperparameters with LightGBM's defaults.
    #[must_use]
    pub fn params() -> BoostParams {
        params::BoostParams::default()
    }

    /// Columns of the rows it was fitted to and can score.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of trees, after early stopping.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// The loss it was fitted to.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Mean loss on the validation rows after each tree, those dropped by early
    /// stopping included; empty if there were no such rows.
    pub fn validation_losses(&self) -> &[f64] {
        &self.validation_losses
    }

    /// Gain of all splits by each column.
    pub fn importance(&self) -> Array1<f64> {
        let mut gains = Array1::zeros(self.columns);
        for tree in &self.trees {
            for (node, gain) in tree.nodes.iter().zip(&tree.gains) {
                gains[node.column as usize] += gain;
            }
        }
        gains
    }

    /// Raw scores, one per row of `x`: log-odds for [`Loss::Logistic`], the
    /// predictions themselves otherwise. NaN is missing.
    ///
    /// # Errors
    ///
    /// [`Error::MismatchedShapes`] if `x` has other than
    /// [`columns`](Self::columns) columns.
    pub fn scores<D: Data<Elem = f64>>(&self, x: &ArrayBase<D, Ix2>) -> Result<Array1<f64>, Error> {
        let mut scores = Array1::from_elem(x.nrows(), self.start);
        let work = |rows: &[f64], scores: &mut [f64]| {
            for tree in &self.trees {
                tree.add(rows, self.columns, scores);
            }
        };
        self.each_block(x, scores.as_slice_mut().unwrap_or_default(), (1, 1), work)?;
        Ok(scores)
    }

    /// [`scores`](Self::scores) as they were after some numbers of trees, which
    /// rise: a column each.
    ///
    /// # Errors
    ///
    /// As [`scores`](Self::scores).
    pub fn staged_scores<D: Data<Elem = f64>>(
        &self,
        x: &ArrayBase<D, Ix2>,
        after: &[usize],
    ) -> Result<Array2<f64>, Error> {
        let mut staged = Array2::zeros((x.nrows(), after.len()));
        if after.is_empty() {
            return Ok(staged);
        }
        let work = |rows: &[f64], staged: &mut [f64]| {
            let mut scores = vec![self.start; rows.len() / self.columns];
            let mut grown = 0;
            for (stage, &trees) in after.iter().enumerate() {
                let trees = trees.clamp(grown, self.trees.len());
                for tree in &self.trees[grown..trees] {
                    tree.add(rows, self.columns, &mut scores);
                }
                grown = trees;
                for (row, score) in staged.chunks_exact_mut(after.len()).zip(&scores) {
                    row[stage] = *score;
                }
            }
        };
        self.each_block(x, staged.as_slice_mut().unwrap_or_default(), (after.len(), 1), work)?;
        Ok(staged)
    }

    /// What each column adds to each row's raw score: exact Shapley values, a
    /// row per row of `x`, which sum to the score less [`expectation`]. Missing
    /// columns are averaged over the training rows of each split's children.
    /// Lundberg et al., Nature Machine Intelligence 2 (2020), algorithm 2.
    ///
    /// # Errors
    ///
    /// As [`scores`](Self::scores).
    ///
    /// [`expectation`]: Self::expectation
    pub fn shap<D: Data<Elem = f64>>(&self, x: &ArrayBase<D, Ix2>) -> Result<Array2<f64>, Error> {
        let mut values = Array2::zeros((x.nrows(), self.columns));
        let work = |rows: &[f64], values: &mut [f64]| {
            let values = values.chunks_exact_mut(self.columns);
            for (row, values) in rows.chunks_exact(self.columns).zip(values) {
                for tree in &self.trees {
                    shap::add(tree, row, values);
                }
            }
        };
        self.each_block(
            x,
            values.as_slice_mut().unwrap_or_default(),
            (self.columns, SHAP_COST),
            work,
        )?;
        Ok(values)
    }

    /// What each split on a row's way down the trees adds to its raw score, by
    /// column: sums as [`shap`](Self::shap) does, at the price of a score, but
    /// gives a split the less the nearer it is to the root. Saabas, 2014.
    ///
    /// # Errors
    ///
    /// As [`scores`](Self::scores).
    pub fn ways<D: Data<Elem = f64>>(&self, x: &ArrayBase<D, Ix2>) -> Result<Array2<f64>, Error> {
        let expectations: Vec<Vec<f64>> = self.trees.iter().map(Tree::expectations).collect();
        let mut values = Array2::zeros((x.nrows(), self.columns));
        let work = |rows: &[f64], values: &mut [f64]| {
            let values = values.chunks_exact_mut(self.columns);
            for (row, values) in rows.chunks_exact(self.columns).zip(values) {
                for (tree, expectations) in self.trees.iter().zip(&expectations) {
                    tree.add_way(expectations, row, values);
                }
            }
        };
        self.each_block(
            x,
            values.as_slice_mut().unwrap_or_default(),
            (self.columns, WAYS_COST),
            work,
        )?;
        Ok(values)
    }

    /// Mean raw score of the training rows, by the trees' weights.
    pub fn expectation(&self) -> f64 {
        self.start + self.trees.iter().map(Tree::expectation).sum::<f64>()
    }

    /// `work` on blocks of rows and of their outputs, `width` a row; of a tree it
    /// takes `cost` times as long as a score.
    fn each_block<D: Data<Elem = f64>>(
        &self,
        x: &ArrayBase<D, Ix2>,
        outputs: &mut [f64],
        (width, cost): (usize, usize),
        work: impl Fn(&[f64], &mut [f64]) + Sync,
    ) -> Result<(), Error> {
        if x.ncols() != self.columns {
            return Err(Error::MismatchedShapes(x.ncols(), self.columns));
        }
        let rows = BLOCK_ROWS.div_ceil(cost).max(BLOCK_ROWS / 32);
        let blocks: Vec<_> =
            x.axis_chunks_iter(Axis(0), rows).zip(outputs.chunks_mut(rows * width)).collect();
        let threads = parallel::threads(0).min(x.nrows() * self.trees.len() * cost / THREAD_WORK);
        parallel::each(blocks, threads, |(rows, outputs)| {
            if self.categories.is_empty()
                && let Some(rows) = rows.as_slice()
            {
                return work(rows, outputs);
            }
            let mut rows: Vec<f64> = rows.iter().copied().collect();
            self.encode(&mut rows);
            work(&rows, outputs);
        });
        Ok(())
    }

    /// Puts bins in place of categories, as the trees know them.
    pub(super) fn encode(&self, rows: &mut [f64]) {
        for Categories { column, known } in &self.categories {
            for row in rows.chunks_exact_mut(self.columns) {
                let value = row[*column];
                let bin = if value.is_nan() { MISSING } else { category(known, value) };
                row[*column] = bin as f64;
            }
        }
    }
}

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for Boost {
    /// Means, probabilities or quantiles, as the loss has it; NaN throughout if
    /// `x` has another number of columns than the training rows
    /// ([`scores`](Boost::scores) gives an error instead).
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<f64>) {
        match self.scores(x) {
            Ok(scores) => {
                for (value, score) in y.iter_mut().zip(scores) {
                    *value = self.loss.answer(score);
                }
            }
            Err(_) => y.fill(f64::NAN),
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(x.nrows())
    }
}

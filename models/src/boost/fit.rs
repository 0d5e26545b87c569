//! Tree after tree on the derivatives of the loss.

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::error::Error;
use linfa::traits::Fit;
use ndarray::{ArrayBase, Data, Ix2};

use super::bins::{Binned, Cuts, decimal};
use super::grow::{Grower, Grown};
use super::histogram::Derivatives;
use super::loss::{Loss, quantile};
use super::model::{Boost, Categories};
use super::params::BoostValidParams;
use super::sample::{Draw, uniform};
use super::table::Table;
use crate::parallel;

/// Digits of what a model stores, after the first: text gives them back.
pub(super) const DIGITS: usize = 11;
/// Rows that are scored at once.
const CHUNK_ROWS: usize = 4_096;

impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = f64>> Fit<ArrayBase<D, Ix2>, T, Error>
    for BoostValidParams
{
    type Object = Boost;

    /// Fits with the dataset's weights, one per row, if it has any. NaN is
    /// missing; the targets of [`Loss::Logistic`] are 0 and 1.
    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Boost, Error> {
        let table = Table::new(dataset, self)?;
        let (training, validation) = table.rows().partition(|row| {
            self.validation_share == 0.0
                || uniform(self.seed, Draw::Validation, 0, *row as usize) >= self.validation_share
        });
        self.boost(&table, training, validation, None)
    }
}

impl BoostValidParams {
    /// Fits to `training` and watches the loss on `validation`, as
    /// [`patience`](super::BoostParams::patience) has it.
    ///
    /// # Errors
    ///
    /// As [`Fit::fit`], for either data set.
    pub fn fit_validated<D: Data<Elem = f64>, T: AsSingleTargets<Elem = f64>>(
        &self,
        training: &DatasetBase<ArrayBase<D, Ix2>, T>,
        validation: &DatasetBase<ArrayBase<D, Ix2>, T>,
    ) -> Result<Boost, Error> {
        let (table, held) = (Table::new(training, self)?, Table::new(validation, self)?);
        if table.columns != held.columns {
            return Err(Error::MismatchedShapes(table.columns, held.columns));
        }
        let rows = held.rows().collect();
        self.boost(&table, table.rows().collect(), rows, Some(&held))
    }

    /// Trees on the rows `training` of `table`; `validation` are rows of `held`,
    /// or of `table` without it.
    fn boost(
        &self,
        table: &Table<'_>,
        training: Vec<u32>,
        validation: Vec<u32>,
        held: Option<&Table<'_>>,
    ) -> Result<Boost, Error> {
        if training.is_empty() {
            return Err(Error::NotEnoughSamples);
        }
        if self.patience > 0 && validation.is_empty() {
            return Err(Error::Parameters(format!(
                "patience {} without validation rows: give a validation_share, or use \
                 fit_validated",
                self.patience
            )));
        }
        let threads = parallel::threads(self.threads);
        let (max_bins, columns) = (self.max_bins, table.columns);
        let binned =
            Binned::new(&table.values, columns, &training, &self.categories, max_bins, threads);
        let start = training.iter().map(|row| table.target_and_weight(*row));
        let mut model = Boost {
            loss: self.loss,
            columns,
            start: decimal(self.loss.start(start), DIGITS),
            categories: categories(&binned),
            trees: Vec::new(),
            validation_losses: Vec::new(),
        };
        let mut scored = Scored::new(table, &model);
        let mut held = held.map(|held| Scored::new(held, &model));
        let mut derivatives = Derivatives::new(table.targets.len());
        let mut grower = Grower::new(&binned, self, threads);
        let mut best = (f64::INFINITY, 0);
        for index in 0..self.trees {
            let (y, w) = (&table.targets, &table.weights);
            derivatives.compute(self.loss, y, w, &scored.scores, threads);
            let seen = |row: &u32| {
                self.row_share == 1.0
                    || uniform(self.seed, Draw::Rows, index, *row as usize) < self.row_share
            };
            grower.rows.clear();
            grower.rows.extend(training.iter().copied().filter(seen));
            let mut grown = grower.grow(&derivatives, &self.open_columns(index, columns));
            if grown.tree.nodes.len() == 1 {
                if self.row_share == 1.0 && self.column_share == 1.0 {
                    break;
                }
                continue;
            }
            self.finish(&mut grown, &grower.rows, &scored, threads);
            scored.add(&grown, &grower.rows, threads);
            if let Some(held) = &mut held {
                held.add(&grown, &[], threads);
            }
            model.trees.push(grown.tree);
            if !validation.is_empty() {
                let loss = held.as_ref().unwrap_or(&scored).loss(self.loss, &validation);
                model.validation_losses.push(loss);
                if loss < best.0 {
                    best = (loss, model.trees.len());
                }
                if self.patience > 0 && model.trees.len() >= best.1 + self.patience {
                    break;
                }
            }
        }
        if self.patience > 0 {
            model.trees.truncate(best.1);
        }
        Ok(model)
    }

    /// Which columns tree `index` may split; one at least.
    fn open_columns(&self, index: usize, columns: usize) -> Vec<bool> {
        let draw = |column| uniform(self.seed, Draw::Columns, index, column);
        let mut order: Vec<usize> = (0..columns).collect();
        order.sort_by(|a, b| draw(*a).total_cmp(&draw(*b)));
        let count = (self.column_share * columns as f64).round().max(1.0) as usize;
        let mut open = vec![false; columns];
        for column in order.into_iter().take(count) {
            open[column] = true;
        }
        open
    }

    /// Sets leaves anew where the loss asks for it, shrinks them, and weighs
    /// the nodes.
    fn finish(&self, grown: &mut Grown, rows: &[u32], scored: &Scored<'_>, threads: usize) {
        let tree = &mut grown.tree;
        let nodes = &tree.nodes;
        let threads = if matches!(self.loss, Loss::Quantile(_)) { threads } else { 1 };
        let found = parallel::each(grown.leaves.iter().collect(), threads, |leaf| {
            let (place, range, (low, high)) = leaf;
            let rows = &rows[range.clone()];
            let value = match self.loss {
                Loss::Quantile(level) => {
                    let rest = rows.iter().map(|row| {
                        let (target, weight) = scored.table.target_and_weight(*row);
                        (target - scored.scores[*row as usize], weight)
                    });
                    quantile(rest.collect(), level).max(*low).min(*high)
                }
                Loss::Squared | Loss::Logistic => nodes[*place].value,
            };
            (*place, decimal(self.learning_rate * value, DIGITS), scored.table.weight(rows))
        });
        for (place, value, weight) in found {
            tree.nodes[place].value = value;
            tree.weights[place] = weight;
        }
        for place in (0..tree.nodes.len()).rev() {
            if !tree.is_leaf(place) {
                let [left, right] = tree.nodes[place].children;
                tree.weights[place] = tree.weights[left as usize] + tree.weights[right as usize];
            }
        }
    }
}

fn categories(binned: &Binned) -> Vec<Categories> {
    let columns = binned.cuts.iter().enumerate();
    let categories = columns.filter_map(|(column, cuts)| match cuts {
        Cuts::Categories(known) => Some(Categories { column, known: known.clone() }),
        Cuts::Numbers(_) => None,
    });
    categories.collect()
}

/// A table with the scores of its rows so far.
#[derive(Debug)]
struct Scored<'a> {
    table: &'a Table<'a>,
    /// The rows with bins in place of categories, if there are any.
    encoded: Option<Vec<f64>>,
    scores: Vec<f64>,
}

impl<'a> Scored<'a> {
    fn new(table: &'a Table<'a>, model: &Boost) -> Self {
        let encoded = (!model.categories.is_empty()).then(|| {
            let mut rows = table.values.to_vec();
            model.encode(&mut rows);
            rows
        });
        Self { table, encoded, scores: vec![model.start; table.targets.len()] }
    }

    /// Adds a tree's leaves. Where `rows`, in leaves already, are all there
    /// are, no row has to go down the tree.
    fn add(&mut self, grown: &Grown, rows: &[u32], threads: usize) {
        if rows.len() == self.scores.len() {
            for (place, range, _) in &grown.leaves {
                let value = grown.tree.nodes[*place].value;
                for row in &rows[range.clone()] {
                    self.scores[*row as usize] += value;
                }
            }
            return;
        }
        let (width, values) = (self.table.columns, self.encoded.as_deref());
        let values = values.unwrap_or(&self.table.values);
        let pieces =
            values.chunks(CHUNK_ROWS * width).zip(self.scores.chunks_mut(CHUNK_ROWS)).collect();
        parallel::each(pieces, threads, |(rows, scores)| grown.tree.add(rows, width, scores));
    }

    /// Mean loss of `rows`.
    fn loss(&self, loss: Loss, rows: &[u32]) -> f64 {
        let losses = rows.iter().map(|row| {
            let (target, weight) = self.table.target_and_weight(*row);
            weight * loss.value(target, self.scores[*row as usize])
        });
        losses.sum::<f64>() / self.table.weight(rows)
    }
}

//! A risk model of boosted trees.

use std::borrow::Cow;

use linfa::ParamGuard;
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, probability};
use super::column::{Column, Kind, MISSING, Values};
use super::error::{Result, RiskError};
use super::evaluation::Metrics;
use super::score::{Explainer, Score};
use super::table::RiskTable;
use crate::boost::{Boost, BoostParams, Loss};
use crate::parallel;

/// So many rows, the riskiest, have exact Shapley values for reasons, which
/// cost hundreds of times a score.
const ROWS_EXACT: usize = 300;
/// So many have reasons at all, if they are riskier than the average.
const ROWS_EXPLAINED: usize = 100_000;
/// Rows explained at a time.
const BLOCK_ROWS: usize = 4_096;

/// Boosted trees on every feature, calibrated: their scores are log-odds before
/// calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    /// The features, in the order of the trees' columns.
    pub features: Vec<BoostedFeature>,
    /// Ensembles, whose weighted scores are summed.
    pub ensembles: Vec<Ensemble>,
    /// Added to their sum.
    pub intercept: f64,
    /// Share of the training rows that was positive.
    pub base_rate: f64,
    /// How good it is on rows it did not see, in the folds of the choice.
    pub scores: Metrics,
    /// From log-odds to probabilities.
    pub calibration: Calibration,
}

/// Trees grown one way, from one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// How they were grown.
    pub setting: Setting,
    /// What their score is multiplied by.
    pub weight: f64,
    /// The trees.
    pub trees: Boost,
}

/// One feature of boosted trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostedFeature {
    /// Name of the column.
    pub feature: String,
    /// How it is read.
    pub kind: Kind,
    /// The categories known, in the order of their codes; empty for others.
    pub categories: Vec<String>,
    /// Share of what all splits gained, 0 to 1.
    pub gain_share: f64,
}

/// How trees are grown; what each counts for is learnt from rows held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Small trees of large leaves: many rows, noisy outcomes.
    Shallow,
    /// Large trees of few rows a leaf, half of the columns a tree.
    Deep,
    /// Cuts drawn at random, a third of the columns a tree: many features that
    /// each say little.
    Random,
}

impl Setting {
    pub(super) const ALL: [Self; 3] = [Self::Shallow, Self::Deep, Self::Random];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Shallow => "shallow",
            Self::Deep => "deep",
            Self::Random => "random cuts",
        }
    }

    /// Numbers of trees that are tried, rising.
    pub(super) const fn trees(self) -> &'static [usize] {
        match self {
            Self::Shallow => &[20, 40, 60, 80, 110, 150, 200, 300],
            Self::Deep => &[20, 40, 60, 80, 100, 130, 160, 200],
            Self::Random => &[100, 200, 300, 400, 500, 600, 800],
        }
    }

    /// Ensembles that are averaged, each of its own seed.
    const fn ensembles(self) -> usize {
        match self {
            Self::Shallow => 1,
            Self::Deep | Self::Random => 3,
        }
    }

    fn most_trees(self) -> usize {
        self.trees().last().copied().unwrap_or(1)
    }

    fn params(self) -> BoostParams {
        let params = Boost::params().loss(Loss::Logistic).trees(self.most_trees());
        match self {
            Self::Shallow => params.learning_rate(0.05).max_leaves(15).min_leaf_rows(50).l2(5.0),
            Self::Deep => params
                .learning_rate(0.07)
                .max_leaves(127)
                .min_leaf_rows(5)
                .l2(1.0)
                .column_share(0.5),
            Self::Random => params
                .learning_rate(0.02)
                .max_leaves(31)
                .min_leaf_rows(20)
                .l2(1.0)
                .column_share(0.3)
                .random_cuts(true),
        }
    }
}

/// The columns of a table as trees take them.
pub(super) struct Inputs<'a> {
    columns: Vec<Cow<'a, Column>>,
    /// The categories of each, in the order of their codes.
    categories: Vec<Vec<String>>,
    /// Of each column of text, the code of each of its own.
    codes: Vec<Vec<f64>>,
}

impl<'a> Inputs<'a> {
    /// As they are to be learnt.
    pub(super) fn to_learn(table: &'a RiskTable) -> Self {
        let columns: Vec<_> = table.columns.iter().map(Column::interpreted).collect();
        let categories = columns.iter().map(|column| sorted_names(column)).collect();
        Self::new(columns, categories)
    }

    /// As a model knows them.
    fn known(table: &'a RiskTable, model: &str, features: &[BoostedFeature]) -> Result<Self> {
        let needed = features.iter().map(|known| (known.feature.as_str(), known.kind));
        let columns = table.read_for(model, needed)?;
        let categories = features.iter().map(|known| known.categories.clone()).collect();
        Ok(Self::new(columns, categories))
    }

    fn new(columns: Vec<Cow<'a, Column>>, categories: Vec<Vec<String>>) -> Self {
        let codes = columns.iter().zip(&categories).map(|(column, known)| match &column.values {
            Values::Number(_) => Vec::new(),
            // One never seen has a code that no tree knows.
            Values::Text { names, .. } => {
                let code = |name| known.binary_search(name).unwrap_or(known.len()) as f64;
                names.iter().map(code).collect()
            }
        });
        let codes = codes.collect();
        Self { columns, categories, codes }
    }

    /// Some rows, NaN where missing.
    pub(super) fn matrix(&self, rows: &[usize]) -> Array2<f64> {
        let mut matrix = Array2::from_elem((rows.len(), self.columns.len()), f64::NAN);
        for (place, (column, codes)) in self.columns.iter().zip(&self.codes).enumerate() {
            let mut cells = matrix.column_mut(place);
            for (cell, &row) in cells.iter_mut().zip(rows) {
                *cell = match &column.values {
                    // Endless values are beyond all others.
                    Values::Number(values) => values[row].clamp(f64::MIN, f64::MAX),
                    Values::Text { codes: of_row, .. } if of_row[row] == MISSING => f64::NAN,
                    Values::Text { codes: of_row, .. } => codes[of_row[row] as usize],
                };
            }
        }
        matrix
    }

    fn params(&self, setting: Setting, seed: u64) -> BoostParams {
        let text = self.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Text);
        let text: Vec<usize> = text.map(|(place, _)| place).collect();
        // Several ensembles grow side by side.
        let threads = (parallel::available() / Setting::ALL.len()).max(1);
        setting.params().categories(&text).seed(seed).threads(threads)
    }

    /// The most trees that are tried.
    pub(super) fn grown(&self, setting: Setting, seed: u64, rows: &Labelled) -> Result<Boost> {
        Ok(self.params(setting, seed).check()?.fit(rows)?)
    }

    /// The ensembles that a model is made of.
    pub(super) fn ensembles(
        &self,
        parts: &[Part],
        seed: u64,
        rows: &Labelled,
    ) -> Result<Vec<Ensemble>> {
        let of_part = |part: &Part| {
            (0..part.setting.ensembles()).map({
                let part = *part;
                move |number| (part, number)
            })
        };
        let grow = |(Part { setting, trees, weight }, number): (Part, usize)| {
            let params = self.params(setting, seed.wrapping_add(number as u64)).trees(trees);
            let weight = super::stored(weight / setting.ensembles() as f64);
            Ok(Ensemble { setting, weight, trees: params.check()?.fit(rows)? })
        };
        let ensembles = parts.iter().flat_map(of_part).collect();
        parallel::each(ensembles, parallel::available(), grow).into_iter().collect()
    }

    /// The features, with what each gained.
    pub(super) fn features(&self, ensembles: &[Ensemble]) -> Vec<BoostedFeature> {
        let mut gains = Array1::<f64>::zeros(self.columns.len());
        for ensemble in ensembles {
            gains += &(ensemble.trees.importance() * ensemble.weight);
        }
        let all = gains.sum().max(f64::MIN_POSITIVE);
        let columns = self.columns.iter().zip(&self.categories).zip(gains);
        columns
            .map(|((column, categories), gain)| BoostedFeature {
                feature: column.name.clone(),
                kind: column.kind,
                categories: categories.clone(),
                gain_share: super::stored(gain / all),
            })
            .collect()
    }
}

/// What one setting adds to a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) setting: Setting,
    pub(super) trees: usize,
    pub(super) weight: f64,
}

/// Rows with what became of them, 0 or 1.
pub(super) type Labelled = DatasetBase<Array2<f64>, Array1<f64>>;

fn sorted_names(column: &Column) -> Vec<String> {
    let Values::Text { names, .. } = &column.values else { return Vec::new() };
    let mut names = names.clone();
    names.sort_unstable();
    names
}

impl Boosted {
    /// Probabilities of some rows.
    pub(super) fn probabilities(
        &self,
        model: &str,
        table: &RiskTable,
        rows: &[usize],
    ) -> Result<Vec<f64>> {
        self.calibrated(&Inputs::known(table, model, &self.features)?, rows)
    }

    fn calibrated(&self, inputs: &Inputs<'_>, rows: &[usize]) -> Result<Vec<f64>> {
        let mut probabilities = Vec::with_capacity(rows.len());
        for rows in rows.chunks(BLOCK_ROWS) {
            let matrix = inputs.matrix(rows);
            let mut margins = Array1::from_elem(rows.len(), self.intercept);
            for ensemble in &self.ensembles {
                margins.scaled_add(ensemble.weight, &ensemble.trees.scores(&matrix)?);
            }
            let calibrated = margins.iter().map(|&margin| self.calibration.apply(margin));
            probabilities.extend(calibrated.map(probability));
        }
        Ok(probabilities)
    }

    /// Probabilities and reasons of every row.
    pub(super) fn score(&self, model: &str, table: &RiskTable) -> Result<Vec<Score>> {
        let inputs = Inputs::known(table, model, &self.features)?;
        let mut all: Vec<usize> = (0..table.len()).collect();
        let scored = table.ids().iter().zip(self.calibrated(&inputs, &all)?);
        let mut scores: Vec<Score> =
            scored.map(|(id, probability)| Score::bare(id, probability)).collect();
        all.retain(|&row| scores[row].probability > self.base_rate);
        all.sort_by(|&a, &b| scores[b].probability.total_cmp(&scores[a].probability));
        all.truncate(ROWS_EXPLAINED);
        let (riskiest, others) = all.split_at(ROWS_EXACT.min(all.len()));
        self.explain(&inputs, riskiest, Boost::shap, &mut scores)?;
        self.explain(&inputs, others, Boost::ways, &mut scores)?;
        Ok(scores)
    }

    /// Gives some rows their reasons, by what each column adds to an ensemble's
    /// score.
    fn explain(
        &self,
        inputs: &Inputs<'_>,
        rows: &[usize],
        adds: impl Fn(&Boost, &Array2<f64>) -> std::result::Result<Array2<f64>, linfa::Error>,
        scores: &mut [Score],
    ) -> Result<()> {
        let explainer = Explainer::new(self.expectation(), &self.calibration);
        for rows in rows.chunks(BLOCK_ROWS) {
            let matrix = inputs.matrix(rows);
            let mut contributions = Array2::<f64>::zeros(matrix.dim());
            for ensemble in &self.ensembles {
                contributions.scaled_add(ensemble.weight, &adds(&ensemble.trees, &matrix)?);
            }
            for (&row, contributions) in rows.iter().zip(contributions.rows()) {
                let feature =
                    |at: usize| (self.features[at].feature.clone(), inputs.columns[at].show(row));
                scores[row].reasons = explainer.explain(&contributions.to_vec(), feature).1;
            }
        }
        Ok(())
    }

    /// Mean log-odds of the training rows, before calibration.
    fn expectation(&self) -> f64 {
        let ensembles = self.ensembles.iter();
        self.intercept + ensembles.map(|one| one.trees.expectation() * one.weight).sum::<f64>()
    }

    /// A model read back has to fit its own features.
    pub(super) fn check(&self) -> Result<()> {
        let width = self.features.len();
        if self.ensembles.iter().any(|ensemble| ensemble.trees.columns() != width) {
            let reason = "the trees do not fit the features".to_owned();
            return Err(RiskError::BadModel { reason });
        }
        Ok(())
    }
}

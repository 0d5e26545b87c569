//! Scorecard or boosted trees: whichever says more of rows that it did not see.
//!
//! Both are fitted to some folds and judged on the others. Where the rows have
//! instants, a fold's rows are judged by what was known a horizon before them:
//! the last instants are held out, and what is learnt from comes from other ids,
//! at instants before those by at least the embargo.

use linfa::dataset::{DatasetBase, Records};
use linfa::traits::Fit;
use linfa::{Error, ParamGuard};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use super::boosted::{Boosted, Inputs, Labelled, Part, Setting};
use super::calibration::{Calibration, probability};
use super::error::{Result, RiskError};
use super::evaluation::Metrics;
use super::fit::fit_rows as fit_scorecard_rows;
use super::folds::canonical_order;
use super::held::Held;
use super::logistic::fit_nonnegative;
use super::model::{MODEL_FORMAT, Method, RiskModel};
use super::spec::{RiskSpec, ValidRiskSpec};
use super::stored;
use super::table::RiskTable;
use crate::parallel;

/// Folds in which the two are compared.
const FOLDS: usize = 3;
/// Rows of the scarcer outcome below which trees are not tried.
const MIN_SCARCE_ROWS: usize = 60;
/// Rows that are compared on: more would not change the choice.
const COMPARED_ROWS: usize = 60_000;
/// Standard errors by which trees have to say more: a scorecard is easier to
/// read, to check and to defend.
const CLEARLY: f64 = 2.0;
/// Penalty on the weights of the settings: little, as they are three.
const STACK_L2: f64 = 1.0;

/// Which method a model is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodKind {
    /// A weight-of-evidence scorecard.
    Scorecard,
    /// Boosted trees.
    Boosted,
}

/// How the method of a model was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The one chosen.
    pub method: MethodKind,
    /// How the two were compared; `None` where only one was tried.
    pub compared: Option<Comparison>,
}

/// The two methods on the same rows, which neither had seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The scorecard's measures.
    pub scorecard: Metrics,
    /// Those of the boosted trees, before calibration.
    pub boosted: Metrics,
    /// By how much the trees' log-loss is smaller, in nats a row.
    pub gain: f64,
    /// Standard error of that.
    pub gain_error: f64,
    /// First instant held out, in days since 1970-01-01; `None` where the rows
    /// have no instants, or too few.
    pub held_from: Option<i64>,
}

impl Choice {
    /// In English, one sentence.
    #[must_use]
    pub fn text_en(&self) -> String {
        let Some(compared) = &self.compared else {
            return match self.method {
                MethodKind::Scorecard => {
                    "a scorecard; trees were not tried: too few rows, or not asked for".to_owned()
                }
                MethodKind::Boosted => "boosted trees".to_owned(),
            };
        };
        let (chosen, than) = match self.method {
            MethodKind::Scorecard => ("the scorecard", "boosted trees do not say clearly more"),
            MethodKind::Boosted => ("boosted trees", "the scorecard says less"),
        };
        let held = match compared.held_from {
            Some(_) => "later rows of other ids",
            None => "rows held out",
        };
        format!(
            "{chosen}: {than} of {} {held} (AUC {:.3} boosted, {:.3} scorecard; log-loss {:+.4} ± {:.4})",
            compared.boosted.rows,
            compared.boosted.auc,
            compared.scorecard.auc,
            -compared.gain,
            compared.gain_error,
        )
    }
}

/// Fits the method that says more of rows held out.
///
/// Where nothing in the table tells the outcomes apart, the model is the base
/// rate.
///
/// # Errors
/// `NoLabel`, `NoRows`, `NoFeatures`; `TooFewOfClass` unless both outcomes
/// occur, in at least two ids; `BadSpec`; `NotConverged`.
pub fn fit(table: &RiskTable, spec: &RiskSpec) -> Result<RiskModel> {
    let labels = table.labels().ok_or(RiskError::NoLabel)?;
    let all: Vec<usize> = (0..table.len()).collect();
    fit_rows(table, labels, &all, spec.check_ref()?)
}

impl Fit<RiskTable, Array1<bool>, RiskError> for ValidRiskSpec {
    type Object = RiskModel;

    /// As [`fit()`], with the outcomes in the targets.
    fn fit(&self, dataset: &DatasetBase<RiskTable, Array1<bool>>) -> Result<RiskModel> {
        let (table, labels) = (dataset.records(), dataset.targets().to_vec());
        if labels.len() != table.nsamples() {
            return Err(Error::MismatchedShapes(labels.len(), table.nsamples()).into());
        }
        let all: Vec<usize> = (0..table.len()).collect();
        fit_rows(table, &labels, &all, self)
    }
}

/// Fits to some of the rows of a table.
pub(super) fn fit_rows(
    table: &RiskTable,
    labels: &[bool],
    rows: &[usize],
    spec: &ValidRiskSpec,
) -> Result<RiskModel> {
    let model = |method, choice| RiskModel {
        format: MODEL_FORMAT,
        name: spec.name.clone(),
        training_window: spec.training_window.clone(),
        seed: spec.seed,
        choice,
        method,
    };
    let scorecard = |compared| {
        let card = fit_scorecard_rows(table, labels, rows, spec)?;
        let choice = Choice { method: MethodKind::Scorecard, compared };
        Ok(model(Method::Scorecard(card), choice))
    };
    let positive = |rows: &[usize]| rows.iter().filter(|&&row| labels[row]).count();
    let order = canonical_order(table.ids(), rows, spec.seed);
    let compared = &order[..COMPARED_ROWS.min(order.len())];
    let positives = positive(compared);
    let few = positives.min(compared.len() - positives) < MIN_SCARCE_ROWS;
    if few || spec.method == Some(MethodKind::Scorecard) || table.columns.is_empty() {
        return scorecard(None);
    }
    let held = match Held::of(table, labels, compared, (FOLDS, spec.embargo_days)) {
        // Many rows, but of few ids.
        Err(RiskError::TooFewOfClass { .. }) => return scorecard(None),
        held => held?,
    };
    let inputs = Inputs::to_learn(table);
    let trees = held.trees(&inputs, labels, spec)?;
    let card = held.scorecard(table, labels, spec)?;
    let compared = held.compare(labels, &card, &trees)?;
    let better = compared.gain > CLEARLY * compared.gain_error;
    if !better && spec.method.is_none() {
        return scorecard(Some(compared));
    }
    let learnt = labelled(&inputs, labels, &order);
    let ensembles = inputs.ensembles(&trees.parts, spec.seed, &learnt)?;
    let outcomes: Vec<bool> = held.judged().map(|row| labels[row]).collect();
    let calibration = Calibration::fit(&trees.margins, &outcomes);
    let probabilities: Vec<f64> =
        trees.margins.iter().map(|&margin| probability(calibration.apply(margin))).collect();
    let boosted = Boosted {
        features: inputs.features(&ensembles),
        ensembles,
        intercept: trees.intercept,
        base_rate: stored(positive(rows) as f64 / rows.len() as f64),
        scores: Metrics::of(&probabilities, &outcomes)?,
        calibration,
    };
    let choice = Choice { method: MethodKind::Boosted, compared: Some(compared) };
    Ok(model(Method::Boosted(boosted), choice))
}

fn labelled(inputs: &Inputs<'_>, labels: &[bool], rows: &[usize]) -> Labelled {
    let targets = rows.iter().map(|&row| f64::from(u8::from(labels[row])));
    DatasetBase::new(inputs.matrix(rows), targets.collect())
}

/// What the settings are worth, and what they say of the rows judged.
struct Trees {
    parts: Vec<Part>,
    intercept: f64,
    margins: Vec<f64>,
}

impl Held {
    /// Every setting with the number of trees that says most once calibrated,
    /// stacked by a regression of the outcomes on what each says of rows it did
    /// not see (Wolpert 1992, Breiman 1996: no weight below zero).
    fn trees(&self, inputs: &Inputs<'_>, labels: &[bool], spec: &ValidRiskSpec) -> Result<Trees> {
        let folds: Vec<(Labelled, Labelled)> = self
            .folds
            .iter()
            .map(|(learnt, judged)| {
                (labelled(inputs, labels, learnt), labelled(inputs, labels, judged))
            })
            .collect();
        let outcomes: Array1<bool> = self.judged().map(|row| labels[row]).collect();
        let fold = |(setting, (learnt, judged)): (Setting, &(Labelled, Labelled))| {
            let grown = inputs.grown(setting, spec.seed, learnt)?;
            Ok(grown.staged_scores(judged.records(), setting.trees())?)
        };
        // The longest first.
        let settings = Setting::ALL.into_iter().rev();
        let tasks = settings.clone().flat_map(|setting| folds.iter().map(move |f| (setting, f)));
        let scores = parallel::each(tasks.collect(), parallel::available(), fold);
        let scores = scores.into_iter().collect::<Result<Vec<_>>>()?;
        let mut best = Vec::new();
        for (setting, scores) in settings.zip(scores.chunks(folds.len())) {
            let mut least: Option<(f64, usize, Array1<f64>)> = None;
            for (stage, &trees) in setting.trees().iter().enumerate() {
                let parts: Vec<_> = scores.iter().map(|fold| fold.column(stage)).collect();
                let margins = ndarray::concatenate(Axis(0), &parts).map_err(linfa::Error::from)?;
                let fitted = stacked(&margins.view().insert_axis(Axis(1)).to_owned(), &outcomes)?;
                let loss = mean_loss(&fitted.margins, &outcomes);
                if least.as_ref().is_none_or(|(least, ..)| loss < *least) {
                    least = Some((loss, trees, margins));
                }
            }
            best.extend(least.map(|(_, trees, margins)| (setting, trees, margins)));
        }
        let columns: Vec<_> = best.iter().map(|(_, _, margins)| margins.view()).collect();
        let columns = ndarray::stack(Axis(1), &columns).map_err(linfa::Error::from)?;
        let stack = stacked(&columns, &outcomes)?;
        let parts = best.iter().zip(stack.weights).filter(|(_, weight)| *weight > 0.0);
        let parts = parts.map(|((setting, trees, _), weight)| Part {
            setting: *setting,
            trees: *trees,
            weight,
        });
        let (intercept, margins) = (stack.intercept, stack.margins.to_vec());
        Ok(Trees { parts: parts.collect(), intercept, margins })
    }

    /// Probabilities of the rows judged.
    fn scorecard(
        &self,
        table: &RiskTable,
        labels: &[bool],
        spec: &ValidRiskSpec,
    ) -> Result<Vec<f64>> {
        let mut probabilities = Vec::new();
        for (learnt, judged) in &self.folds {
            let card = fit_scorecard_rows(table, labels, learnt, spec)?;
            probabilities.extend(card.probabilities(&spec.name, table, judged)?);
        }
        Ok(probabilities)
    }

    fn compare(&self, labels: &[bool], card: &[f64], trees: &Trees) -> Result<Comparison> {
        let outcomes: Vec<bool> = self.judged().map(|row| labels[row]).collect();
        // The weights of the stack have seen these outcomes (Akaike 1974).
        let seen = (trees.parts.len() + 1) as f64 / outcomes.len() as f64;
        let trees: Vec<f64> = trees.margins.iter().map(|&margin| probability(margin)).collect();
        let loss = |probability: f64, outcome: bool| {
            let likely = if outcome { probability } else { 1.0 - probability };
            -likely.max(f64::MIN_POSITIVE).ln()
        };
        let gains: Vec<f64> = card
            .iter()
            .zip(&trees)
            .zip(&outcomes)
            .map(|((&card, &trees), &outcome)| loss(card, outcome) - loss(trees, outcome))
            .collect();
        let rows = gains.len() as f64;
        let gain = gains.iter().sum::<f64>() / rows - seen;
        let variance = gains.iter().map(|one| (one - gain).powi(2)).sum::<f64>() / rows;
        Ok(Comparison {
            scorecard: Metrics::of(card, &outcomes)?,
            boosted: Metrics::of(&trees, &outcomes)?,
            gain: stored(gain),
            gain_error: stored((variance / rows).sqrt()),
            held_from: self.from,
        })
    }
}

/// A regression of outcomes on some scores.
struct Stack {
    /// Log-odds of each row.
    margins: Array1<f64>,
    /// Weight of each score.
    weights: Array1<f64>,
    intercept: f64,
}

fn stacked(scores: &Array2<f64>, outcomes: &Array1<bool>) -> Result<Stack> {
    let (fitted, used) = fit_nonnegative(scores, outcomes, STACK_L2)?;
    let mut weights = Array1::zeros(scores.ncols());
    for (&column, &weight) in used.iter().zip(&fitted.coefficients) {
        weights[column] = weight;
    }
    let margins = scores.dot(&weights) + fitted.intercept;
    Ok(Stack { margins, weights, intercept: stored(fitted.intercept) })
}

/// In nats a row.
fn mean_loss(log_odds: &Array1<f64>, outcomes: &Array1<bool>) -> f64 {
    let losses = log_odds.iter().zip(outcomes).map(|(&log_odds, &outcome)| {
        let against = if outcome { -log_odds } else { log_odds };
        against.max(0.0) + (-against.abs()).exp().ln_1p()
    });
    losses.sum::<f64>() / outcomes.len() as f64
}

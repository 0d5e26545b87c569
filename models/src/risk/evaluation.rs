//! How good a model is on rows it has not seen.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use super::choose::fit_rows;
use super::error::{Result, RiskError};
use super::folds::canonical_order;
use super::held::Held;
use super::metrics;
use super::spec::RiskSpec;
use super::stored;
use super::table::RiskTable;

/// Measures of a set of probabilities; each is defined in [`metrics`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Rows scored.
    pub rows: u64,
    /// Those that are positive.
    pub positives: u64,
    /// Share that is positive.
    pub base_rate: f64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Rate among the tenth scored highest, over the base rate.
    pub lift_top_tenth: f64,
    /// Brier score.
    pub brier: f64,
    /// Expected calibration error over ten equal widths of probability.
    pub calibration_error: f64,
}

impl Metrics {
    /// Measures probabilities by what became of the rows.
    ///
    /// # Errors
    /// `TooFewOfClass` unless both outcomes occur.
    pub fn of(probabilities: &[f64], outcomes: &[bool]) -> Result<Self> {
        let positives = outcomes.iter().filter(|&&outcome| outcome).count();
        let measured = (
            metrics::auc(probabilities, outcomes),
            metrics::average_precision(probabilities, outcomes),
            metrics::lift(probabilities, outcomes, 0.1),
        );
        let (Some(auc), Some(average_precision), Some(lift)) = measured else {
            let label = positives == 0;
            let rows = outcomes.len();
            return Err(RiskError::TooFewOfClass { label, have: 0, rows, need: 1 });
        };
        Ok(Self {
            rows: outcomes.len() as u64,
            positives: positives as u64,
            base_rate: stored(metrics::base_rate(outcomes)),
            auc: stored(auc),
            average_precision: stored(average_precision),
            lift_top_tenth: stored(lift),
            brier: stored(metrics::brier(probabilities, outcomes)),
            calibration_error: stored(metrics::calibration_error(probabilities, outcomes, 10)),
        })
    }

    /// Plain mean of each measure; rows and positives are summed.
    fn mean(folds: &[Self]) -> Self {
        let mean = |measure: fn(&Self) -> f64| {
            stored(folds.iter().map(measure).sum::<f64>() / folds.len().max(1) as f64)
        };
        Self {
            rows: folds.iter().map(|fold| fold.rows).sum(),
            positives: folds.iter().map(|fold| fold.positives).sum(),
            base_rate: mean(|fold| fold.base_rate),
            auc: mean(|fold| fold.auc),
            average_precision: mean(|fold| fold.average_precision),
            lift_top_tenth: mean(|fold| fold.lift_top_tenth),
            brier: mean(|fold| fold.brier),
            calibration_error: mean(|fold| fold.calibration_error),
        }
    }
}

/// A tenth of the rows, by score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// 1 is the tenth with the highest scores.
    pub decile: u32,
    /// Rows in it.
    pub rows: u64,
    /// Those that are positive.
    pub positives: u64,
    /// Share that is positive.
    pub rate: f64,
    /// `rate` over the base rate.
    pub lift: f64,
    /// Share of all positives found in this decile and those above.
    pub cumulative_gain: f64,
    /// Mean of the probabilities.
    pub mean_probability: f64,
    /// Least probability.
    pub min_probability: f64,
}

/// A cross-validated judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the model.
    pub name: String,
    /// Seed of the folds.
    pub seed: u64,
    /// Share of all rows that is positive.
    pub base_rate: f64,
    /// Measures of each fold, by a model fitted to the others.
    pub folds: Vec<Metrics>,
    /// Mean of the folds.
    pub mean: Metrics,
    /// Measures of all out-of-fold probabilities together. Its calibration
    /// error is the one to look at: in a fold, chance alone makes some.
    pub pooled: Metrics,
    /// Out-of-fold gain table, highest scores first.
    pub deciles: Vec<Decile>,
    /// Features in use in at least one fold, with the number of folds, most
    /// used first.
    pub features: Vec<(String, u32)>,
    /// First instant judged, in days since 1970-01-01: the models of the folds
    /// knew nothing from an embargo before it on. `None` where the rows have no
    /// instants, or too few.
    pub held_from: Option<i64>,
    /// Out-of-fold probability of each row judged, in the order of the table.
    #[serde(skip)]
    pub out_of_fold: Vec<Option<f64>>,
}

/// Evaluates by stratified, seeded cross-validation: rows are dealt into folds
/// by id, and for each fold everything, the cutting of features and the
/// calibration included, is fitted to the others. Where rows have instants, the
/// latest are judged by what was known an embargo before. `progress` is told (folds
/// done, folds in all).
///
/// # Errors
/// As [`super::fit()`], and `TooFewOfClass` when a fold would lack one of the
/// outcomes.
pub fn evaluate(
    table: &RiskTable,
    spec: &RiskSpec,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evaluation> {
    let spec = spec.check_ref()?;
    let labels = table.labels().ok_or(RiskError::NoLabel)?;
    if table.is_empty() {
        return Err(RiskError::NoRows);
    }
    let all: Vec<usize> = (0..table.len()).collect();
    let order = canonical_order(table.ids(), &all, spec.seed);
    let held = Held::of(table, labels, &order, (spec.folds, spec.embargo_days))?;

    let mut folds = Vec::with_capacity(spec.folds);
    let mut out_of_fold: Vec<Option<f64>> = vec![None; table.len()];
    let mut features: Vec<(String, u32)> = Vec::new();
    progress(0, spec.folds);
    for (done, (learnt, judged)) in held.folds.iter().enumerate() {
        let model = fit_rows(table, labels, learnt, spec)?;
        let probabilities = model.probabilities(table, judged)?;
        let outcomes: Vec<bool> = judged.iter().map(|&row| labels[row]).collect();
        folds.push(Metrics::of(&probabilities, &outcomes)?);
        for (&row, probability) in judged.iter().zip(probabilities) {
            out_of_fold[row] = Some(probability);
        }
        for feature in model.features() {
            match features.iter_mut().find(|(name, _)| name == feature) {
                Some((_, used)) => *used += 1,
                None => features.push((feature.to_owned(), 1)),
            }
        }
        progress(done + 1, spec.folds);
    }
    features.sort_by_key(|(_, used)| std::cmp::Reverse(*used));
    let judged: Vec<usize> = order.into_iter().filter(|&row| out_of_fold[row].is_some()).collect();
    let all = |row: usize| (out_of_fold[row].unwrap_or_default(), labels[row]);
    let (probabilities, outcomes): (Vec<f64>, Vec<bool>) =
        judged.iter().map(|&row| all(row)).unzip();
    let pooled = Metrics::of(&probabilities, &outcomes)?;
    Ok(Evaluation {
        name: spec.name.clone(),
        seed: spec.seed,
        base_rate: pooled.base_rate,
        mean: Metrics::mean(&folds),
        folds,
        held_from: held.from,
        deciles: deciles(&probabilities, &outcomes),
        pooled,
        features,
        out_of_fold,
    })
}

/// Ten groups of as equal a size as can be. Rows of equal score are divided
/// between neighbours by their order, which knows nothing of the outcome.
fn deciles(probabilities: &[f64], outcomes: &[bool]) -> Vec<Decile> {
    let mut ranked: Vec<usize> = (0..probabilities.len()).collect();
    ranked.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    let base_rate = metrics::base_rate(outcomes);
    let all_positives = base_rate * outcomes.len() as f64;
    let mut found = 0.0;
    (0..10)
        .map(|tenth| (tenth, &ranked[tenth * ranked.len() / 10..(tenth + 1) * ranked.len() / 10]))
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(tenth, rows)| {
            let size = rows.len() as f64;
            let positives = rows.iter().filter(|&&row| outcomes[row]).count() as f64;
            found += positives;
            let scores = || rows.iter().map(|&row| probabilities[row]);
            Decile {
                decile: tenth as u32 + 1,
                rows: rows.len() as u64,
                positives: positives as u64,
                rate: positives / size,
                lift: positives / size / base_rate,
                cumulative_gain: found / all_positives,
                mean_probability: scores().sum::<f64>() / size,
                min_probability: scores().fold(f64::INFINITY, f64::min),
            }
        })
        .collect()
}

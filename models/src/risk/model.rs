//! A fitted risk model of either method.

use serde::{Deserialize, Serialize};

use super::boosted::{Boosted, BoostedFeature};
use super::choose::Choice;
use super::error::{Result, RiskError};
use super::evaluation::Metrics;
use super::score::Score;
use super::scorecard::Scorecard;
use super::table::RiskTable;

/// Version of the stored form this crate writes, and the only one it reads.
pub const MODEL_FORMAT: u32 = 2;

/// AUC from which on a model is doubted.
const TOO_GOOD: f64 = 0.97;

/// A calibrated risk model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskModel {
    /// Version of this form: [`MODEL_FORMAT`].
    pub format: u32,
    /// What the model is called.
    pub name: String,
    /// The period it learned from, in the words of whoever fitted it.
    pub training_window: Option<String>,
    /// Seed of its folds.
    pub seed: u64,
    /// Which method it is of, and why.
    pub choice: Choice,
    /// What it learned.
    pub method: Method,
}

/// What a model learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A weight-of-evidence scorecard.
    Scorecard(Scorecard),
    /// Boosted trees.
    Boosted(Boosted),
}

impl RiskModel {
    /// How good it is on rows it did not see. Calibration saw their outcomes, so
    /// [`super::evaluate`] judges probabilities more strictly.
    #[must_use]
    pub fn scores(&self) -> &Metrics {
        match &self.method {
            Method::Scorecard(card) => &card.scores,
            Method::Boosted(trees) => &trees.scores,
        }
    }

    /// The features a table has to have to be scored.
    #[must_use]
    pub fn features(&self) -> Vec<&str> {
        match &self.method {
            Method::Scorecard(card) => card.features().collect(),
            Method::Boosted(trees) => {
                trees.features.iter().map(|feature| feature.feature.as_str()).collect()
            }
        }
    }

    /// Scores every row, in the order of the table. Columns the model does not
    /// use, the label among them, are ignored. Boosted trees give reasons for
    /// rows above the base rate, the 100,000 riskiest of them at most: the first
    /// 300 exact Shapley values ([`crate::boost::Boost::shap`]), the others what
    /// the splits on their way add ([`crate::boost::Boost::ways`]).
    ///
    /// # Errors
    /// `MissingFeature` and `FeatureType`, naming the column.
    pub fn score(&self, table: &RiskTable) -> Result<Vec<Score>> {
        match &self.method {
            Method::Scorecard(card) => card.score(&self.name, table),
            Method::Boosted(trees) => trees.score(&self.name, table),
        }
    }

    /// As [`RiskModel::score`], without reasons.
    ///
    /// # Errors
    /// As [`RiskModel::score`].
    pub fn score_only(&self, table: &RiskTable) -> Result<Vec<Score>> {
        let all: Vec<usize> = (0..table.len()).collect();
        let probabilities = self.probabilities(table, &all)?;
        let scored = table.ids().iter().zip(probabilities);
        Ok(scored.map(|(id, probability)| Score::bare(id, probability)).collect())
    }

    /// Probabilities alone, of some rows.
    pub(super) fn probabilities(&self, table: &RiskTable, rows: &[usize]) -> Result<Vec<f64>> {
        match &self.method {
            Method::Scorecard(card) => card.probabilities(&self.name, table, rows),
            Method::Boosted(trees) => trees.probabilities(&self.name, table, rows),
        }
    }

    /// What makes the model too good to be true, in words: rows it did not see
    /// are told apart nearly always, which nothing known before an outcome does.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let auc = self.scores().auc;
        let first = match &self.method {
            Method::Scorecard(card) => card.characteristics.first().map(|c| &c.feature),
            Method::Boosted(trees) => {
                let by_gain = |a: &&BoostedFeature, b: &&BoostedFeature| {
                    a.gain_share.total_cmp(&b.gain_share)
                };
                trees.features.iter().max_by(by_gain).map(|most| &most.feature)
            }
        };
        first.filter(|_| auc >= TOO_GOOD).map(|feature| {
            format!(
                "AUC {auc:.3} on rows not seen is too good to be true: is {feature:?} known before \
                 the outcome? If not, leave it out of the query"
            )
        })
    }

    /// The model on paper: the points of a scorecard, or how much each feature
    /// of boosted trees says.
    #[must_use]
    pub fn table(&self) -> String {
        let window = self.training_window.as_deref();
        let mut text = format!("{}\n", self.choice.text_en());
        if let Some(doubt) = self.doubt() {
            text.push_str(&format!("warning: {doubt}\n"));
        }
        match &self.method {
            Method::Scorecard(card) => text.push_str(&card.points_table(&self.name, window)),
            Method::Boosted(trees) => text.push_str(&trees.gains_table(&self.name, window)),
        }
        text
    }

    /// The model as JSON: what [`RiskModel::from_json`] reads, to the last bit.
    ///
    /// # Errors
    /// `BadModel` when a value has no JSON form.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| RiskError::BadModel { reason: error.to_string() })
    }

    /// Reads a model back.
    ///
    /// # Errors
    /// `BadModel` for anything but a model of this format.
    pub fn from_json(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let bad = |error: serde_json::Error| RiskError::BadModel { reason: error.to_string() };
        let Format { format } = serde_json::from_str(json).map_err(bad)?;
        if format != MODEL_FORMAT {
            let reason = format!("it is of format {format}, this version reads {MODEL_FORMAT}");
            return Err(RiskError::BadModel { reason });
        }
        let model: Self = serde_json::from_str(json).map_err(bad)?;
        match &model.method {
            Method::Scorecard(card) => card.check()?,
            Method::Boosted(trees) => trees.check()?,
        }
        Ok(model)
    }
}

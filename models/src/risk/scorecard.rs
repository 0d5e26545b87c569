//! A fitted scorecard.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::column::Kind;
use super::error::{Result, RiskError};
use super::evaluation::Metrics;

/// A weight-of-evidence scorecard: for each feature a table of segments with a
/// weight, joined by a logistic regression and calibrated.
///
/// Log-odds before calibration = intercept + Σ coefficient × weight; every
/// coefficient is above zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// How good it is on rows it did not see: cross-fitted on its training
    /// rows. Calibration saw the outcomes, so [`super::evaluate`] judges
    /// probabilities more strictly.
    pub scores: Metrics,
    /// Log-odds where every weight is zero.
    pub intercept: f64,
    /// The features in use, the most informative first.
    pub characteristics: Vec<Characteristic>,
    /// The features not in use, and why.
    pub left_out: Vec<LeftOut>,
    /// From log-odds to probabilities.
    pub calibration: Calibration,
}

/// One feature of a scorecard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Characteristic {
    /// Name of the column.
    pub feature: String,
    /// How it is read.
    pub kind: Kind,
    /// Information value on the training rows, in nats.
    pub information_value: f64,
    /// Factor of the weights, above zero.
    pub coefficient: f64,
    /// Mean weight of the training rows: what reasons are measured against.
    pub mean_weight: f64,
    /// Segment of missing values, when there were any in training. A missing
    /// value never seen counts as average.
    pub missing: Option<Bin>,
    /// The other segments.
    pub bins: Bins,
}

/// The segments of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bins {
    /// By value: bin i holds values up to and including `upper[i]`, the last
    /// bin the rest.
    Ordered {
        /// Rising; one fewer than `bins`.
        upper: Vec<f64>,
        /// From the lowest values up.
        bins: Vec<Bin>,
        /// How risk moves with the value.
        trend: Trend,
    },
    /// By category.
    Named {
        /// Sorted; bin i is `names[i]`.
        names: Vec<String>,
        /// One per name.
        bins: Vec<Bin>,
        /// Categories too rare for a bin of their own, and, being as rare,
        /// ones never seen. Without it a category never seen counts as average.
        other: Option<Bin>,
    },
}

/// How risk moves with the value of an ordered feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// The higher, the riskier.
    Rising,
    /// The higher, the safer.
    Falling,
    /// The data say clearly that it turns.
    Turning,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Training rows.
    pub rows: u64,
    /// Those that are positive.
    pub positives: u64,
    /// Weight of evidence, in nats; above zero where risk is above average.
    pub weight: f64,
}

/// A feature that is not in the scorecard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Name of the column.
    pub feature: String,
    /// Information value on the training rows, in nats.
    pub information_value: f64,
    /// Why it is not in use.
    pub reason: LeftOutReason,
}

/// Why a feature is not in a scorecard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// It has one value, or none.
    Constant,
    /// What it says of the rows it learned from does not hold for others.
    NotInformative,
    /// Beside the other features it adds nothing.
    Redundant,
}

impl Scorecard {
    /// The features a table has to have to be scored.
    pub(super) fn features(&self) -> impl Iterator<Item = &str> {
        self.characteristics.iter().map(|characteristic| characteristic.feature.as_str())
    }

    /// A model read back has to fit its own borders.
    pub(super) fn check(&self) -> Result<()> {
        for characteristic in &self.characteristics {
            let fits = match &characteristic.bins {
                Bins::Ordered { upper, bins, .. } => bins.len() == upper.len() + 1,
                Bins::Named { names, bins, .. } => bins.len() == names.len(),
            };
            if !fits {
                let feature = &characteristic.feature;
                let reason = format!("the bins of \"{feature}\" do not fit their borders");
                return Err(RiskError::BadModel { reason });
            }
        }
        Ok(())
    }
}

//! What a fit makes small: its start, its derivatives, its leaves.

use serde::{Deserialize, Serialize};

/// Loss of a raw score `f` against a target `y`, summed over rows with their
/// weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `½ (y − f)²`: predicts the mean.
    Squared,
    /// `ln(1 + exp f) − y f` for targets 0 and 1: predicts the probability of 1.
    Logistic,
    /// `max(α (y − f), (α − 1) (y − f))`, the pinball loss: predicts the
    /// quantile of this level, above 0 and below 1. Koenker & Bassett,
    /// Econometrica 46 (1978).
    Quantile(f64),
}

impl Loss {
    /// The best constant score. The iterator yields target and weight.
    pub(super) fn start(self, rows: impl Iterator<Item = (f64, f64)>) -> f64 {
        if let Self::Quantile(level) = self {
            return quantile(rows.collect(), level);
        }
        let (mut sum, mut weight) = (0.0, 0.0);
        for (target, w) in rows {
            sum += w * target;
            weight += w;
        }
        let mean = sum / weight;
        match self {
            Self::Logistic => {
                let share = mean.clamp(1e-15, 1.0 - 1e-15);
                (share / (1.0 - share)).ln()
            }
            Self::Squared | Self::Quantile(_) => mean,
        }
    }

    /// First and second derivative by the score. The pinball loss has no second
    /// one: 1 stands in and the leaves are set anew afterwards, as in LightGBM.
    #[inline]
    pub(super) fn derivatives(self, target: f64, score: f64) -> (f64, f64) {
        match self {
            Self::Squared => (score - target, 1.0),
            Self::Logistic => {
                let share = sigmoid(score);
                (share - target, share * (1.0 - share))
            }
            Self::Quantile(level) => (if target > score { -level } else { 1.0 - level }, 1.0),
        }
    }

    /// Bounds of both derivatives, where they are known beforehand.
    pub(super) fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Squared => None,
            Self::Logistic => Some((1.0, 0.25)),
            Self::Quantile(level) => Some((level.max(1.0 - level), 1.0)),
        }
    }

    /// Loss of one row of weight 1.
    pub(super) fn value(self, target: f64, score: f64) -> f64 {
        let rest = target - score;
        match self {
            Self::Squared => 0.5 * rest * rest,
            Self::Logistic => score.max(0.0) + (-score.abs()).exp().ln_1p() - target * score,
            Self::Quantile(level) => (level * rest).max((level - 1.0) * rest),
        }
    }

    /// What a caller is told for a raw score.
    pub(super) fn answer(self, score: f64) -> f64 {
        match self {
            Self::Logistic => sigmoid(score),
            Self::Squared | Self::Quantile(_) => score,
        }
    }
}

#[inline]
fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// The least value at which the weights of values up to it reach `level`.
pub(super) fn quantile(mut rows: Vec<(f64, f64)>, level: f64) -> f64 {
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = level * rows.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut reached = 0.0;
    for &(value, weight) in &rows {
        reached += weight;
        if reached >= wanted {
            return value;
        }
    }
    rows.last().map_or(0.0, |(value, _)| *value)
}

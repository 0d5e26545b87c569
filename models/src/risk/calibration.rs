//! From a score to a probability that can be taken at its word.

use linfa::ParamGuard;
use linfa::composing::platt_scaling::{PlattParams, platt_newton_method};
use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use super::stored;

/// Rows of each class below which the data cannot say more than a straight line.
const MIN_CLASS_ROWS: usize = 200;

/// Least rows behind a point of the curve.
const MIN_POINT_ROWS: usize = 50;

/// How log-odds as the regression sees them become log-odds as they turned out,
/// out of fold. Never falling; strictly rising unless the scores said nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Calibration {
    /// `slope` × log-odds + `intercept` (Platt).
    Platt {
        /// At least 0.
        slope: f64,
        /// In log-odds.
        intercept: f64,
    },
    /// Isotonic regression (pool adjacent violators), joined by straight lines
    /// in log-odds and continued with slope 1 beyond its ends.
    Isotonic {
        /// (log-odds of the score, log-odds observed), both rising.
        points: Vec<(f64, f64)>,
    },
}

impl Calibration {
    /// Learns from `margins`, log-odds of rows that did not take part in the
    /// fit, and what became of the rows.
    pub(super) fn fit(margins: &[f64], outcomes: &[bool]) -> Self {
        let positives = outcomes.iter().filter(|&&outcome| outcome).count();
        let scarce = positives.min(outcomes.len() - positives);
        if scarce >= MIN_CLASS_ROWS {
            let points = isotonic_points(margins, outcomes);
            if points.len() > 1 {
                return Self::Isotonic { points };
            }
        }
        Self::platt(margins, outcomes)
    }

    fn platt(margins: &[f64], outcomes: &[bool]) -> Self {
        let fitted = PlattParams::<f64, ()>::default().check().and_then(|parameters| {
            platt_newton_method(ArrayView1::from(margins), ArrayView1::from(outcomes), &parameters)
        });
        match fitted {
            // linfa's a and b are those of 1 / (1 + exp(a x + b)).
            Ok((a, b)) if a.is_finite() && b.is_finite() && a < 0.0 => {
                Self::Platt { slope: stored(-a), intercept: stored(-b) }
            }
            // Scores that run against the outcome say nothing.
            Ok((a, _)) if a >= 0.0 => {
                let positives = outcomes.iter().filter(|&&outcome| outcome).count() as f64;
                let odds = (positives + 0.5) / (outcomes.len() as f64 - positives + 0.5);
                Self::Platt { slope: 0.0, intercept: stored(odds.ln()) }
            }
            // Newton's method stops short on a handful of rows; the regression's
            // own log-odds are then the best there is.
            _ => Self::Platt { slope: 1.0, intercept: 0.0 },
        }
    }

    /// Calibrated log-odds.
    pub(super) fn apply(&self, margin: f64) -> f64 {
        match self {
            Self::Platt { slope, intercept } => slope * margin + intercept,
            Self::Isotonic { points } => {
                let next = points.partition_point(|point| point.0 < margin);
                match (next.checked_sub(1).and_then(|at| points.get(at)), points.get(next)) {
                    (Some(a), Some(b)) => a.1 + (b.1 - a.1) * ((margin - a.0) / (b.0 - a.0)),
                    (Some(end), None) | (None, Some(end)) => end.1 + (margin - end.0),
                    (None, None) => margin,
                }
            }
        }
    }
}

/// Probability of log-odds.
pub(super) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

struct Block {
    rows: f64,
    positives: f64,
    margins: f64,
}

impl Block {
    fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.positives += other.positives;
        self.margins += other.margins;
    }

    /// Half a row of each outcome keeps the log-odds of a pure block finite.
    fn log_odds(&self) -> f64 {
        ((self.positives + 0.5) / (self.rows - self.positives + 0.5)).ln()
    }
}

/// Pools rows of equal score, then neighbours up to `MIN_POINT_ROWS`, then
/// whatever does not rise.
fn isotonic_points(margins: &[f64], outcomes: &[bool]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_unstable_by(|&a, &b| margins[a].total_cmp(&margins[b]).then(a.cmp(&b)));
    let mut blocks: Vec<Block> = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for row in order {
        let one = Block {
            rows: 1.0,
            positives: f64::from(u8::from(outcomes[row])),
            margins: margins[row],
        };
        match blocks.last_mut() {
            Some(block) if margins[row] == last || block.rows < MIN_POINT_ROWS as f64 => {
                block.join(&one);
            }
            _ => blocks.push(one),
        }
        last = margins[row];
    }
    let mut risen: Vec<Block> = Vec::with_capacity(blocks.len());
    for mut block in blocks {
        while let Some(before) = risen.last() {
            if before.log_odds() < block.log_odds() && block.rows >= MIN_POINT_ROWS as f64 {
                break;
            }
            block.join(before);
            risen.pop();
        }
        risen.push(block);
    }
    // The digits a stored model keeps, so that it scores as this one does.
    let mut points: Vec<(f64, f64)> =
        risen.iter().map(|b| (stored(b.margins / b.rows), stored(b.log_odds()))).collect();
    points.dedup_by(|next, kept| next.0 <= kept.0 || next.1 <= kept.1);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores that overstate the log-odds twofold, of known outcomes.
    fn overconfident(rows: usize) -> (Vec<f64>, Vec<bool>) {
        (0..rows)
            .map(|row| {
                let truth = (row % 41) as f64 / 10.0 - 2.0;
                // A low-discrepancy draw: the share of positives is as told.
                let draw = (row as f64 * 0.618_033_988_749_895).fract();
                (truth * 2.0, draw < probability(truth))
            })
            .unzip()
    }

    #[test]
    fn both_methods_undo_overconfidence() {
        for (rows, isotonic) in [(300, false), (20_000, true)] {
            let (margins, outcomes) = overconfident(rows);
            let calibration = Calibration::fit(&margins, &outcomes);
            assert_eq!(matches!(calibration, Calibration::Isotonic { .. }), isotonic);
            for margin in [-3.0, -1.0, 0.0, 1.0, 3.0] {
                let found = calibration.apply(margin);
                assert!((found - margin / 2.0).abs() < 0.35, "{rows}: {margin} gave {found}");
            }
        }
    }

    #[test]
    fn a_higher_score_is_never_a_lower_probability() {
        let (margins, outcomes) = overconfident(20_000);
        let calibration = Calibration::fit(&margins, &outcomes);
        let applied: Vec<f64> =
            (-1000..1000).map(|step| calibration.apply(f64::from(step) / 100.0)).collect();
        assert!(applied.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn scores_that_run_backwards_become_the_base_rate() {
        let (margins, outcomes) = overconfident(300);
        let backwards: Vec<f64> = margins.iter().map(|margin| -margin).collect();
        let calibration = Calibration::fit(&backwards, &outcomes);
        assert_eq!(calibration.apply(-3.0), calibration.apply(3.0));
    }
}

//! How far off a forecast may be: the distribution of out-of-sample errors,
//! by slot and by regime, scaled by how the model has done lately.
//!
//! Normalised conformal prediction (Lei et al., JASA 113 (2018), section 5.2):
//! errors of left-out blocks are divided by an expected size, their empirical
//! quantiles by slot are multiplied by the expected size of the new case.

use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::ridge::Ridge;

/// Levels kept of each slot's distribution: 0, 0.5 %, … 100 %.
const LEVELS: usize = 201;

/// Errors of one model, ready to be turned into quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Mean absolute error by slot, model units.
    size: Vec<f64>,
    /// Logarithm of the error's size relative to its slot's, by regime.
    regime: Option<Ridge>,
    /// Makes the mean of the relative sizes one.
    correction: f64,
    /// Quantiles of the normalised errors, slots × levels.
    levels: Array2<f64>,
    /// Mean absolute normalised error by slot.
    expected: Vec<f64>,
}

/// One out-of-sample error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Miss {
    pub(crate) cell: usize,
    /// Actual minus forecast, model units.
    pub(crate) error: f64,
    /// Regime inputs of the cell.
    pub(crate) regime: Vec<f64>,
}

impl Spread {
    /// Learns from errors; neighbouring slots lend each other theirs.
    pub(crate) fn learn(slots: usize, misses: &[Miss]) -> Self {
        let reach = slots / 16;
        let near = |slot: usize, other: usize| {
            let apart = slot.abs_diff(other);
            apart.min(slots - apart) <= reach
        };
        let mut sums = vec![(0.0, 0.0); slots];
        for miss in misses {
            let (sum, count) = &mut sums[miss.cell % slots];
            *sum += miss.error.abs();
            *count += 1.0;
        }
        let size: Vec<f64> = (0..slots)
            .map(|slot| {
                let close = (0..slots).filter(|&other| near(slot, other)).map(|other| sums[other]);
                let (sum, count) = close.fold((0.0, 0.0), |(a, n), (b, m)| (a + b, n + m));
                if count > 0.0 && sum > 0.0 { sum / count } else { f64::MIN_POSITIVE }
            })
            .collect();
        let mut spread = Self {
            regime: learn_regime(slots, &size, misses),
            size,
            correction: 1.0,
            levels: Array2::zeros((slots, LEVELS)),
            expected: vec![1.0; slots],
        };
        if !misses.is_empty() {
            let total: f64 = misses.iter().map(|m| m.error.abs()).sum();
            let sized: f64 = misses.iter().map(|m| spread.size_at(m.cell, &m.regime)).sum();
            spread.correction = if total > 0.0 && sized > 0.0 { total / sized } else { 1.0 };
        }
        let mut by_slot: Vec<Vec<f64>> = vec![Vec::new(); slots];
        for miss in misses {
            by_slot[miss.cell % slots].push(miss.error / spread.size_at(miss.cell, &miss.regime));
        }
        for slot in 0..slots {
            let close = (0..slots).filter(|&other| near(slot, other));
            let mut errors: Vec<f64> =
                close.flat_map(|other| by_slot[other].iter().copied()).collect();
            errors.sort_by(f64::total_cmp);
            if errors.is_empty() {
                continue;
            }
            spread.expected[slot] =
                errors.iter().map(|e| e.abs()).sum::<f64>() / errors.len() as f64;
            for level in 0..LEVELS {
                spread.levels[[slot, level]] =
                    quantile_sorted(&errors, level as f64 / (LEVELS - 1) as f64);
            }
        }
        spread
    }

    /// Expected absolute error of a cell, model units.
    pub(crate) fn size_at(&self, cell: usize, regime: &[f64]) -> f64 {
        let relative =
            self.regime.as_ref().map_or(1.0, |r| r.predict_row(regime).clamp(-1.5, 1.5).exp());
        self.size[cell % self.size.len()] * relative * self.correction
    }

    /// Error that a share `level` of errors stays below, before any rescaling.
    pub(crate) fn quantile(&self, cell: usize, regime: &[f64], level: f64) -> f64 {
        let at = level.clamp(0.0, 1.0) * (LEVELS - 1) as f64;
        let (low, part) = (at.floor() as usize, at.fract());
        let row = self.levels.row(cell % self.size.len());
        let value = row[low] + part * (row[(low + 1).min(LEVELS - 1)] - row[low]);
        value * self.size_at(cell, regime)
    }

    /// Size of recent errors against expectation: 1 when all is as it was.
    /// `misses` are (days before the origin, error relative to its size, slot).
    pub(crate) fn recent_scale(&self, misses: impl Iterator<Item = (f64, f64, usize)>) -> f64 {
        const HALF_LIFE_DAYS: f64 = 14.0;
        const PRIOR_DAYS: f64 = 6.0;
        let slots = self.size.len() as f64;
        let (mut sum, mut weights) = (PRIOR_DAYS, PRIOR_DAYS);
        for (days, relative, slot) in misses {
            let weight = 0.5_f64.powf(days / HALF_LIFE_DAYS) / slots;
            // One wild day must not set the scale of the next fortnight.
            sum += weight * (relative.abs() / self.expected[slot].max(1e-12)).min(4.0);
            weights += weight;
        }
        (sum / weights).clamp(0.6, 2.0)
    }
}

fn learn_regime(slots: usize, size: &[f64], misses: &[Miss]) -> Option<Ridge> {
    let columns = misses.first()?.regime.len();
    if columns == 0 || misses.len() < 20 * columns {
        return None;
    }
    let x = Array2::from_shape_fn((misses.len(), columns), |(i, j)| misses[i].regime[j]);
    let y = Array1::from_shape_fn(misses.len(), |i| {
        (misses[i].error.abs() / size[misses[i].cell % slots] + 0.2).ln()
    });
    Ridge::params().lambda(0.02).min_active_rows(20).fit(&DatasetBase::new(x, y)).ok()
}

/// Linear interpolation between order statistics (type 7 of Hyndman & Fan,
/// The American Statistician 50 (1996)).
pub(crate) fn quantile_sorted(sorted: &[f64], level: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = level.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    sorted[low] + at.fract() * (sorted[(low + 1).min(last)] - sorted[low])
}

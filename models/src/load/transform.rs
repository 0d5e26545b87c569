//! The scale a series is modelled on.

use serde::{Deserialize, Serialize};

/// Share of values that may be outages before zeros are taken as real.
const OUTAGE_SHARE: f64 = 0.005;

/// Logarithm for loads that stay clear of zero, else a plain scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Transform {
    /// `ln y`; values below `floor` are outages and count as missing.
    Log { floor: f64 },
    /// `y / scale`; forecasts are held at zero or above if no load was below.
    Linear { scale: f64, non_negative: bool },
}

impl Transform {
    /// Chooses from the finite values of a history, of which there is at least one.
    pub(crate) fn choose(history: &[f64]) -> (Self, Option<String>) {
        let mut values: Vec<f64> = history.iter().copied().filter(|v| v.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
        let floor = 0.02 * median;
        let below = values.partition_point(|&v| v <= floor);
        if median > 0.0 && below as f64 <= OUTAGE_SHARE * values.len() as f64 {
            let note = (below > 0).then(|| {
                format!("{below} values at or below 2 % of the median are taken as outages, not learnt from")
            });
            return (Self::Log { floor }, note);
        }
        let mean = values.iter().map(|v| v.abs()).sum::<f64>() / values.len().max(1) as f64;
        let least = values.first().copied().unwrap_or(0.0);
        let note = if least < 0.0 {
            "negative loads: modelled on a linear scale".to_owned()
        } else {
            "many values at or near zero: modelled on a linear scale, forecasts held at zero or above".to_owned()
        };
        (
            Self::Linear { scale: if mean > 0.0 { mean } else { 1.0 }, non_negative: least >= 0.0 },
            Some(note),
        )
    }

    /// To model units; NaN for an outage.
    pub(crate) fn forward(self, value: f64) -> f64 {
        match self {
            Self::Log { floor } => {
                if value > floor {
                    value.ln()
                } else {
                    f64::NAN
                }
            }
            Self::Linear { scale, .. } => value / scale,
        }
    }

    /// From model units.
    pub(crate) fn back(self, value: f64) -> f64 {
        match self {
            Self::Log { .. } => value.exp(),
            Self::Linear { scale, non_negative: true } => (value * scale).max(0.0),
            Self::Linear { scale, .. } => value * scale,
        }
    }
}

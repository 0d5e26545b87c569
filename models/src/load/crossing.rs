//! What neither weather nor season says alone: hinges over random mixtures of
//! them, as random features stand in for a kernel (Rahimi & Recht, NIPS 2008).
//!
//! Each member of an ensemble has mixtures of its own; the mean of the members
//! errs less than any.

use std::f64::consts::TAU;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::design::Knots;
use super::known::Prepared;
use crate::random::{STEP, mix, unit};

/// Members of the ensemble.
pub(crate) const MEMBERS: usize = 3;
/// Mixtures of each member, at most.
const MOST: usize = 80;
/// Days of history that one more takes.
const DAYS_EACH: usize = 5;
/// Inputs mixed in each.
const TERMS: usize = 4;
/// Inputs per covariate.
const PER_WEATHER: usize = 8;
/// Inputs beside the covariates: season and weekend.
const BESIDE: usize = 3;

/// `max(0, offset + Σ weight · input)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Crossing {
    offset: f64,
    terms: Vec<(usize, f64)>,
}

/// The mixtures of all members, one member after the other; always the same for
/// as many covariates and days.
pub(crate) fn draw(covariates: usize, days: usize) -> Vec<Crossing> {
    if covariates == 0 {
        return Vec::new();
    }
    let inputs = covariates * PER_WEATHER + BESIDE;
    let mut state = 0_u64;
    let mut uniform = || {
        let drawn = unit(mix(state));
        state = state.wrapping_add(STEP);
        drawn
    };
    let each = (days / DAYS_EACH).min(MOST);
    (0..MEMBERS * each)
        .map(|_| Crossing {
            offset: (uniform() - 0.5) * 3.0,
            terms: (0..TERMS)
                .map(|_| {
                    let input = ((uniform() * inputs as f64) as usize).min(inputs - 1);
                    (input, (uniform() * 2.0 - 1.0) * 1.2)
                })
                .collect(),
        })
        .collect()
}

impl Crossing {
    pub(crate) fn value(&self, inputs: &[f64]) -> f64 {
        let terms = self.terms.iter().map(|&(input, weight)| weight * inputs[input]);
        (self.offset + terms.sum::<f64>()).max(0.0)
    }
}

/// What is mixed, each about between −2 and 2. `lag` cells back is the latest
/// load there is.
pub(crate) fn inputs(
    prepared: &Prepared<'_>,
    weather: &[Knots],
    cell: usize,
    lag: usize,
    weekend: f64,
) -> Vec<f64> {
    let day = cell / prepared.frame.slots;
    let mut inputs = Vec::with_capacity(weather.len() * PER_WEATHER + BESIDE);
    for knots in weather {
        let w = &prepared.weather[knots.position];
        let value = &knots.value;
        // From the 5 % to the 95 % quantile of a normal are 3.3 deviations.
        let unit = ((value[5] - value[0]) / 3.3).max(1e-9);
        let middle = (value[2] + value[3]) / 2.0;
        let before = cell.saturating_sub(lag);
        let (low, high) = w.day_range[day];
        let now = w.value[cell.min(w.value.len() - 1)];
        let all: [f64; PER_WEATHER] = [
            now,
            w.mean_day[cell],
            w.mean_three_days[cell],
            high,
            low,
            w.value[before],
            w.mean_day[before],
            w.smooth[cell],
        ];
        inputs.extend(all.map(|v| ((v - middle) / unit).clamp(-3.0, 3.0)));
    }
    let year = f64::from(prepared.frame.date(day).ordinal0()) / 365.25 * TAU;
    let beside: [f64; BESIDE] = [1.4 * year.sin(), 1.4 * year.cos(), 2.0 * weekend - 0.6];
    inputs.extend(beside);
    inputs
}

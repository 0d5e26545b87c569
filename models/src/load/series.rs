//! A regular series of a target and what is known beside it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use ndarray::Array1;

use super::error::{LoadError, Result};

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// One input beside the target, on the same grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariate {
    /// Column name, as messages and notes give it.
    pub name: String,
    /// One value per interval of the series; NaN where unknown.
    pub values: Array1<f64>,
}

/// A target on a regular grid of UTC instants, with its covariates.
///
/// Interval `i` is stamped `start + i × step`; whether a stamp opens or closes
/// its interval is the caller's convention and goes through unchanged. All
/// arrays have the same length. Intervals after the last target are the future
/// for which `known` may go on.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadSeries {
    /// Stamp of the first interval.
    pub start: DateTime<Utc>,
    /// Distance between stamps: a divisor of a day, or a day.
    pub step: TimeDelta,
    /// Load or energy per interval in any unit; NaN where missing.
    pub target: Array1<f64>,
    /// Covariates known ahead: used at the time forecast for.
    pub known: Vec<Covariate>,
    /// Covariates known only up to the origin: never used ahead of it.
    pub observed: Vec<Covariate>,
    /// Clock that the customers live by. `None`: inferred from the data.
    pub zone: Option<Tz>,
    /// Public holidays, as local dates.
    pub holidays: BTreeSet<NaiveDate>,
}

impl LoadSeries {
    /// A series without covariates.
    ///
    /// # Errors
    /// `BadSpec` for a step that neither divides a day nor is one, `Empty`
    /// without a finite target.
    pub fn new(start: DateTime<Utc>, step: TimeDelta, target: Array1<f64>) -> Result<Self> {
        let series = Self {
            start,
            step,
            target,
            known: Vec::new(),
            observed: Vec::new(),
            zone: None,
            holidays: BTreeSet::new(),
        };
        series.check()?;
        Ok(series)
    }

    /// The same series living by a named clock, daylight saving included.
    #[must_use]
    pub fn with_zone(mut self, zone: Tz) -> Self {
        self.zone = Some(zone);
        self
    }

    /// Checks what the fields promise; every entry point of this module does.
    ///
    /// # Errors
    /// `BadSpec` for a step or lengths that do not fit, `Empty` without a
    /// finite target.
    pub fn check(&self) -> Result<()> {
        let step = self.step_us();
        if step <= 0 || MICROS_PER_DAY % step != 0 {
            return Err(LoadError::BadSpec {
                what: format!("a step of {} neither divides a day nor is one", show_step(step)),
                advice: "aggregate to minutes that divide a day, to hours or to days".into(),
            });
        }
        for covariate in self.known.iter().chain(&self.observed) {
            if covariate.values.len() != self.target.len() {
                return Err(LoadError::BadSpec {
                    what: format!(
                        "covariate \"{}\" has {} values for {} intervals",
                        covariate.name,
                        covariate.values.len(),
                        self.target.len()
                    ),
                    advice: "give one value per interval, NaN where unknown".into(),
                });
            }
        }
        if !self.target.iter().any(|v| v.is_finite()) {
            return Err(LoadError::Empty { reason: "the target has no value".into() });
        }
        Ok(())
    }

    /// Number of intervals, the future ones included.
    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// Whether there is no interval at all.
    pub fn is_empty(&self) -> bool {
        self.target.is_empty()
    }

    /// Stamp of interval `index`, which may lie beyond the end.
    pub fn time(&self, index: usize) -> DateTime<Utc> {
        self.start + TimeDelta::microseconds(self.step_us() * index as i64)
    }

    /// First interval stamped at or after `time`; may lie beyond the end.
    pub fn index_at(&self, time: DateTime<Utc>) -> usize {
        let distance = (time - self.start).num_microseconds().unwrap_or(i64::MAX - self.step_us());
        let index = (distance + self.step_us() - 1).div_euclid(self.step_us());
        usize::try_from(index).unwrap_or(0)
    }

    /// First stamp after the last target: the origin of a forecast from now.
    pub fn end_of_history(&self) -> DateTime<Utc> {
        self.time(self.target.iter().rposition(|v| v.is_finite()).map_or(0, |last| last + 1))
    }

    pub(crate) fn step_us(&self) -> i64 {
        self.step.num_microseconds().unwrap_or(0)
    }

    pub(crate) fn start_us(&self) -> i64 {
        self.start.timestamp_micros()
    }

    pub(crate) fn step_hours(&self) -> f64 {
        self.step_us() as f64 / 3.6e9
    }
}

/// A step as people write it: `30min`, `1h`, `1d`.
pub(crate) fn show_step(micros: i64) -> String {
    match micros {
        m if m > 0 && m % MICROS_PER_DAY == 0 => format!("{}d", m / MICROS_PER_DAY),
        m if m > 0 && m % 3_600_000_000 == 0 => format!("{}h", m / 3_600_000_000),
        m if m > 0 && m % 60_000_000 == 0 => format!("{}min", m / 60_000_000),
        m => format!("{}s", m as f64 / 1e6),
    }
}

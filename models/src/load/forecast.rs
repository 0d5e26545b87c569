//! What is asked of a forecast, and what comes back.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::bucket::{Choice, regime};
use super::design::Row;
use super::error::{LoadError, Result};
use super::known::{History, Prepared};
use super::model::{LoadModel, Recent, default_threads};
use super::scenarios::Scenarios;
use super::series::LoadSeries;
use super::spread::quantile_sorted;

/// Three years: beyond this nothing in a load series tells anything.
const LONGEST_HORIZON: TimeDelta = TimeDelta::days(1113);
/// Days before the origin whose errors set the width of the intervals.
const RECENT_DAYS: usize = 42;
/// Courses drawn from past errors for the intervals of peak and energy.
const PATHS: usize = 200;

/// What to forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastSpec {
    /// Nothing at or after this instant is known, covariates known ahead apart.
    /// `None`: the first stamp after the last target.
    pub origin: Option<DateTime<Utc>>,
    /// From the origin on; at most 1113 days.
    pub horizon: TimeDelta,
    /// Levels within 0 and 1, in any order.
    pub quantiles: Vec<f64>,
    /// Threads to fit with; `None`: as many as the machine offers.
    pub threads: Option<usize>,
    /// Fewer ranges of leads with a model of their own: many times quicker, a
    /// little less exact between the first day and a week.
    pub few_ranges: bool,
}

impl ForecastSpec {
    /// A forecast from the end of the history with deciles 1, 5 and 9.
    pub fn new(horizon: TimeDelta) -> Self {
        let quantiles = vec![0.1, 0.5, 0.9];
        Self { origin: None, horizon, quantiles, threads: None, few_ranges: false }
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(default_threads).max(1)
    }

    pub(crate) fn origin_index(&self, series: &LoadSeries) -> Result<usize> {
        let end = series.end_of_history();
        let origin = self.origin.unwrap_or(end);
        if origin <= series.start || origin - end > LONGEST_HORIZON {
            return Err(LoadError::BadSpec {
                what: format!(
                    "the origin {origin} is not within the history from {}",
                    series.start
                ),
                advice: format!("choose one after that and up to {end}"),
            });
        }
        Ok(series.index_at(origin))
    }

    pub(crate) fn steps(&self, series: &LoadSeries) -> Result<usize> {
        check_quantiles(&self.quantiles)?;
        steps_of(self.horizon, series)
    }
}

pub(crate) fn check_quantiles(quantiles: &[f64]) -> Result<()> {
    match quantiles.iter().find(|&&level| !(level > 0.0 && level < 1.0)) {
        None => Ok(()),
        Some(level) => Err(LoadError::BadSpec {
            what: format!("{level} is not a quantile level"),
            advice: "give numbers between 0 and 1, such as 0.1,0.5,0.9".into(),
        }),
    }
}

pub(crate) fn steps_of(horizon: TimeDelta, series: &LoadSeries) -> Result<usize> {
    let micros = horizon.num_microseconds().unwrap_or(0);
    if micros < series.step_us() || horizon > LONGEST_HORIZON {
        return Err(LoadError::BadSpec {
            what: format!("a horizon of {} minutes", horizon.num_minutes()),
            advice: format!(
                "give at least the step of {} and at most 1113 days",
                super::series::show_step(series.step_us())
            ),
        });
    }
    Ok((micros / series.step_us()) as usize)
}

/// One interval of a forecast, in the unit of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastPoint {
    /// Stamp of the interval.
    pub time: DateTime<Utc>,
    /// The forecast.
    pub forecast: f64,
    /// One value per level asked for, never crossing.
    pub quantiles: Vec<f64>,
}

/// The greatest interval of a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Stamp of the greatest forecast.
    pub time: DateTime<Utc>,
    /// The greatest forecast.
    pub forecast: f64,
    /// Quantiles of the greatest value over the horizon, whenever it falls.
    pub quantiles: Vec<f64>,
}

/// Totals over the horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Sum over intervals: the energy when the target is energy per interval.
    pub sum: f64,
    /// Sum times the step in hours: the energy when the target is power.
    pub power_hours: f64,
    /// Quantiles of the sum.
    pub sum_quantiles: Vec<f64>,
}

/// A forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Instant from which nothing was known.
    pub origin: DateTime<Utc>,
    /// In order of time; one per interval of the horizon.
    pub points: Vec<ForecastPoint>,
    /// Levels of all quantiles, as asked for.
    pub levels: Vec<f64>,
    /// Which model made it, in words.
    pub model: String,
    /// What was assumed or left out, in words.
    pub notes: Vec<String>,
    /// Size and time of the peak.
    pub peak: Peak,
    /// Energy over the horizon.
    pub energy: Energy,
}

/// Fits and forecasts in one go.
///
/// # Errors
/// As [`LoadModel::fit`].
pub fn forecast(series: &LoadSeries, spec: &ForecastSpec) -> Result<Forecast> {
    LoadModel::fit(series, spec)?.forecast(series, spec)
}

/// The load of the same time and weekday last week: what any model has to beat.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeasonalNaive;

impl SeasonalNaive {
    /// Repeats the last known week; the intervals come from its past errors.
    ///
    /// # Errors
    /// As [`LoadModel::fit`].
    pub fn forecast(series: &LoadSeries, spec: &ForecastSpec) -> Result<Forecast> {
        LoadModel::fit_or_naive(series, spec, true)?.forecast(series, spec)
    }
}

/// Forecast, quantiles and position of one interval.
pub(crate) struct Predicted {
    pub(crate) cell: usize,
    pub(crate) bucket: usize,
    /// Model units.
    pub(crate) center: f64,
    /// Model units: size of a normalised error of one.
    pub(crate) unit: f64,
    pub(crate) regime: Vec<f64>,
    /// Model units: what may come under each weather there has been, sorted;
    /// empty where the weather is known or last seen.
    pub(crate) mix: Vec<f64>,
    /// Model units: the forecast under each.
    pub(crate) paths: Vec<f64>,
}

impl LoadModel {
    /// Which model, in words.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        for bucket in self.buckets() {
            let days = bucket.design.lead_days;
            parts.push(match &bucket.choice {
                Choice::Ridge { lambda, columns, rows, .. } => format!(
                    "per-slot ridge up to {days} d ahead ({columns} inputs, {rows} days, λ {lambda})"
                ),
                _ => format!("seasonal naive up to {days} d ahead"),
            });
        }
        parts.extend(self.scenarios().map(Scenarios::describe));
        parts.join("; ")
    }

    /// Forecasts of intervals `origin..origin + steps`, from a history that ends there.
    pub(crate) fn predict(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        origin: usize,
        steps: usize,
        recent: &mut Recent,
    ) -> Vec<Predicted> {
        let mut row = Row::default();
        let scales = self.scales(prepared, history, origin, recent, &mut row);
        let day = prepared.frame.slots;
        let mut predicted: Vec<Predicted> = (0..steps)
            .map(|ahead| {
                let lead = ahead / day + 1;
                let bucket = self.buckets().iter().position(|b| b.design.lead_days >= lead);
                let bucket = bucket.unwrap_or(self.buckets().len() - 1);
                let fitted = &self.buckets()[bucket];
                let cell = prepared.cell_of[origin + ahead];
                let center = fitted.predict(prepared, history, cell, &mut row);
                let regime = regime(prepared, &fitted.design, cell);
                let unit = fitted.spread.size_at(cell, &regime) * scales[bucket];
                let (mix, paths) = (Vec::new(), Vec::new());
                Predicted { cell, bucket, center, unit, regime, mix, paths }
            })
            .collect();
        if let Some(scenarios) = self.scenarios() {
            scenarios.replace(prepared.series, self.clock, (origin, steps), &mut predicted);
        }
        predicted
    }

    /// By bucket: how large recent errors are against what was expected.
    fn scales(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        origin: usize,
        recent: &mut Recent,
        row: &mut Row,
    ) -> Vec<f64> {
        let slots = prepared.frame.slots;
        let cut =
            prepared.cell_of[prepared.series.index_at(self.cut).min(prepared.cell_of.len() - 1)];
        let end = prepared.cell_of[origin];
        recent.since_cut.resize(self.buckets().len(), Vec::new());
        let mut scales = Vec::with_capacity(self.buckets().len());
        for (bucket, since) in self.buckets().iter().zip(&mut recent.since_cut) {
            for cell in cut + since.len()..end {
                let old = cell + RECENT_DAYS * slots < end;
                since.push(if old {
                    f64::NAN
                } else {
                    bucket.relative_error(prepared, history, cell, row)
                });
            }
            let learnt = bucket.relative_errors.iter().enumerate();
            let learnt =
                learnt.map(|(i, e)| (bucket.errors_from + i, *e)).filter(|(cell, _)| *cell < cut);
            let fresh = since.iter().enumerate().map(|(i, e)| (cut + i, *e));
            let from = end.saturating_sub(RECENT_DAYS * slots);
            let all =
                learnt.chain(fresh).filter(|(cell, e)| (from..end).contains(cell) && e.is_finite());
            scales.push(bucket.spread.recent_scale(
                all.map(|(cell, e)| ((end - cell) as f64 / slots as f64, e, cell % slots)),
            ));
        }
        scales
    }

    /// Forecast and quantiles of one interval in the unit of the target.
    pub(crate) fn point(&self, predicted: &Predicted, levels: &[f64]) -> (f64, Vec<f64>) {
        let fitted = &self.buckets()[predicted.bucket];
        let plain = fitted.spread.size_at(predicted.cell, &predicted.regime);
        let scale = if plain > 0.0 { predicted.unit / plain } else { 0.0 };
        let quantile = |&level: &f64| {
            if !predicted.mix.is_empty() {
                return self.transform().back(quantile_sorted(&predicted.mix, level));
            }
            let error = fitted.spread.quantile(predicted.cell, &predicted.regime, level);
            self.transform().back(predicted.center + scale * error)
        };
        (self.transform().back(predicted.center), levels.iter().map(quantile).collect())
    }

    pub(crate) fn run(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        origin: usize,
        steps: usize,
        spec: &ForecastSpec,
        recent: &mut Recent,
    ) -> Forecast {
        let predicted = self.predict(prepared, history, origin, steps, recent);
        let points: Vec<ForecastPoint> = predicted
            .iter()
            .enumerate()
            .map(|(ahead, p)| {
                let (forecast, quantiles) = self.point(p, &spec.quantiles);
                ForecastPoint { time: prepared.series.time(origin + ahead), forecast, quantiles }
            })
            .collect();
        let (peaks, sums) = self.courses(&predicted);
        let at =
            |sorted: &[f64]| spec.quantiles.iter().map(|&l| quantile_sorted(sorted, l)).collect();
        let top = points.iter().max_by(|a, b| a.forecast.total_cmp(&b.forecast));
        let sum: f64 = points.iter().map(|p| p.forecast).sum();
        Forecast {
            origin: prepared.series.time(origin),
            peak: Peak {
                time: top.map_or(self.cut, |p| p.time),
                forecast: top.map_or(f64::NAN, |p| p.forecast),
                quantiles: at(&peaks),
            },
            energy: Energy {
                sum,
                power_hours: sum * prepared.series.step_hours(),
                sum_quantiles: at(&sums),
            },
            levels: spec.quantiles.clone(),
            model: self.describe(),
            notes: self.notes.clone(),
            points,
        }
    }

    /// Peak and sum of the horizon, each sorted, had the errors run as they did
    /// over stretches of the past: errors of neighbouring intervals go together.
    fn courses(&self, predicted: &[Predicted]) -> (Vec<f64>, Vec<f64>) {
        let Some(first) = predicted.first() else { return (Vec::new(), Vec::new()) };
        let slots = self.buckets()[first.bucket].design.slots;
        let days = self.buckets()[first.bucket].relative_errors.len() / slots;
        let paths = days.clamp(1, PATHS);
        let (mut peaks, mut sums) = (Vec::with_capacity(paths), Vec::with_capacity(paths));
        for path in 0..paths {
            let start = path * days / paths * slots + first.cell % slots;
            let course = predicted.iter().map(|p| {
                let errors = &self.buckets()[p.bucket].relative_errors;
                let at = (start + p.cell - first.cell) % errors.len().max(1);
                let error = errors.get(at).copied().filter(|e| e.is_finite()).unwrap_or(0.0);
                let center = p.paths.get(path % p.paths.len().max(1)).unwrap_or(&p.center);
                self.transform().back(center + p.unit * error)
            });
            let (peak, sum) = course.fold((f64::NEG_INFINITY, 0.0), |(m, s), v| (m.max(v), s + v));
            peaks.push(peak);
            sums.push(sum);
        }
        peaks.sort_by(f64::total_cmp);
        sums.sort_by(f64::total_cmp);
        (peaks, sums)
    }
}

//! Rolling-origin evaluation: forecasts as they would have been made.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::error::{LoadError, Result};
use super::forecast::{check_quantiles, steps_of};
use super::known::{History, Prepared};
use super::lessons::Lessons;
use super::metrics::{Metrics, Tally};
use super::model::{LoadModel, Recent, Request, default_threads};
use super::series::LoadSeries;

/// Which forecasts to make again.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestSpec {
    /// First origin.
    pub from: DateTime<Utc>,
    /// Origins and intervals evaluated are before this; `None`: the end of the
    /// history.
    pub to: Option<DateTime<Utc>>,
    /// Of each forecast.
    pub horizon: TimeDelta,
    /// Distance between origins.
    pub every: TimeDelta,
    /// Levels within 0 and 1.
    pub quantiles: Vec<f64>,
    /// Models are fitted anew when the last fit is this old; in between they
    /// only read the newer loads.
    pub refit_every: TimeDelta,
    /// Threads to fit with; `None`: as many as the machine offers.
    pub threads: Option<usize>,
}

impl BacktestSpec {
    /// Day ahead, every day, 80 % interval, fitted anew at most monthly.
    pub fn new(from: DateTime<Utc>) -> Self {
        Self {
            from,
            to: None,
            horizon: TimeDelta::hours(24),
            every: TimeDelta::hours(24),
            quantiles: vec![0.1, 0.5, 0.9],
            refit_every: TimeDelta::days(31),
            threads: None,
        }
    }
}

/// One interval of one forecast beside what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// When it was made.
    pub origin: DateTime<Utc>,
    /// Stamp of the interval.
    pub time: DateTime<Utc>,
    /// What came.
    pub actual: f64,
    /// What was forecast.
    pub forecast: f64,
    /// One value per level asked for.
    pub quantiles: Vec<f64>,
    /// The same weekday last week.
    pub seasonal_naive: f64,
}

/// Forecasts and their scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// In order of origin and time; intervals without an actual are left out.
    pub predictions: Vec<Prediction>,
    /// Levels of the quantiles.
    pub levels: Vec<f64>,
    /// Scores of the model.
    pub model_metrics: Metrics,
    /// Scores of the same weekday last week, on the same intervals.
    pub naive_metrics: Metrics,
    /// The last model, in words.
    pub model: String,
    /// Models fitted.
    pub fits: usize,
    /// What was assumed or left out, each once.
    pub notes: Vec<String>,
}

/// A model fitted at `cut` and what it has got wrong since.
struct Fitted {
    request: Request,
    model: LoadModel,
    recent: Recent,
}

/// Makes the forecasts of every origin from what was known then.
///
/// Targets and observed covariates at or after an origin are never read for its
/// forecast; covariates known ahead are taken as given. `progress` is told
/// (origins done, origins in all).
///
/// # Errors
/// `BadSpec` for a window without history before or data in it, or an
/// impossible horizon, distance or quantile; `Empty` without a target.
pub fn backtest(
    series: &LoadSeries,
    spec: &BacktestSpec,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Backtest> {
    series.check()?;
    check_quantiles(&spec.quantiles)?;
    let steps = steps_of(spec.horizon, series)?;
    let origins = origins(series, spec)?;
    let end = spec.to.map_or(series.len(), |to| series.index_at(to)).min(series.len());
    let threads = spec.threads.unwrap_or_else(default_threads);
    let (clock, note) = Clock::infer(series, origins[0]);
    let mut notes: Vec<String> = note.into_iter().collect();
    let prepared = Prepared::new(series, clock, steps);

    let mut lessons = Lessons::kept();
    let mut fitted: Vec<Fitted> = Vec::new();
    let (mut cut, mut fits) = (origins[0], 0);
    let mut predictions = Vec::new();
    let (mut tally, mut naive_tally) = (Tally::default(), Tally::default());
    for (done, &origin) in origins.iter().enumerate() {
        progress(done, origins.len());
        if series.time(origin) - series.time(cut) >= spec.refit_every {
            cut = origin;
            fitted.clear();
        }
        // What lies beyond the window is not asked for.
        let steps = steps.min(end - origin);
        let ahead = prepared.given_ahead(origin, origin + steps);
        let slot = |index: usize| prepared.cell_of[index] % prepared.frame.slots;
        let fits_again = |f: &Fitted| {
            slot(f.request.origin) == slot(origin)
                && f.request.ahead == ahead
                && f.request.steps >= steps
        };
        let position = match fitted.iter().position(fits_again) {
            Some(position) => position,
            None => {
                // Another time of day, as after a clock change, is learnt from
                // the same history as the current fit.
                let request = Request {
                    origin,
                    cut,
                    steps,
                    ahead,
                    naive: false,
                    told: false,
                    few_ranges: false,
                    threads,
                };
                let model = LoadModel::fit_prepared(&prepared, clock, &request, &mut lessons)?;
                fits += 1;
                for note in &model.notes {
                    if !notes.contains(note) {
                        notes.push(note.clone());
                    }
                }
                fitted.push(Fitted { request, model, recent: Recent::default() });
                fitted.len() - 1
            }
        };
        let Fitted { model, recent, .. } = &mut fitted[position];
        let transform = model.transform();
        let history = History::new(&prepared, origin, origin + steps, |v| transform.forward(v));
        let predicted = model.predict(&prepared, &history, origin, steps, recent);
        for (ahead, p) in predicted.iter().enumerate() {
            let (time, actual) = (series.time(origin + ahead), series.target[origin + ahead]);
            if !actual.is_finite() {
                continue;
            }
            let (forecast, quantiles) = model.point(p, &spec.quantiles);
            let seasonal_naive = transform.back(history.filled[p.cell]);
            let day = done * 10_000 + ahead / prepared.frame.slots;
            tally.add(day, actual, forecast, &spec.quantiles, &quantiles);
            naive_tally.add(day, actual, seasonal_naive, &[], &[]);
            let origin = series.time(origin);
            predictions.push(Prediction {
                origin,
                time,
                actual,
                forecast,
                quantiles,
                seasonal_naive,
            });
        }
    }
    progress(origins.len(), origins.len());
    Ok(Backtest {
        predictions,
        levels: spec.quantiles.clone(),
        model_metrics: tally.metrics(&spec.quantiles),
        naive_metrics: naive_tally.metrics(&[]),
        model: fitted.last().map(|f| f.model.describe()).unwrap_or_default(),
        fits,
        notes,
    })
}

/// Intervals at which forecasts are made.
fn origins(series: &LoadSeries, spec: &BacktestSpec) -> Result<Vec<usize>> {
    if spec.every < series.step || spec.refit_every <= TimeDelta::zero() {
        return Err(LoadError::BadSpec {
            what: format!("forecasts every {} minutes", spec.every.num_minutes()),
            advice: "give a distance of at least one step, and a positive time between fits".into(),
        });
    }
    let data_end = series.end_of_history();
    let end = spec.to.map_or(data_end, |to| to.min(data_end));
    if spec.from <= series.start || spec.from >= end {
        return Err(LoadError::BadSpec {
            what: format!("there is nothing to evaluate from {} to {end}", spec.from),
            advice: format!(
                "the data run from {} to {data_end}: begin after some history and before that end",
                series.start
            ),
        });
    }
    let mut origins = Vec::new();
    let mut origin = spec.from;
    while origin < end {
        let index = series.index_at(origin);
        if index < series.len() && origins.last() != Some(&index) {
            origins.push(index);
        }
        origin += spec.every;
    }
    Ok(origins)
}

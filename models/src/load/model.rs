//! A fitted load model: everything needed to forecast, and to be kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::bucket::{Bucket, Choice};
use super::clock::Clock;
use super::crossing;
use super::design::{Design, Knots};
use super::error::{LoadError, Result};
use super::forecast::{Forecast, ForecastSpec};
use super::known::{History, Prepared};
use super::lessons::Lessons;
use super::scenarios::{FROM_DAYS, Scenarios};
use super::series::{LoadSeries, MICROS_PER_DAY, show_step};
use super::spread::quantile_sorted;
use super::transform::Transform;
use crate::parallel;

/// Version of the stored form of [`LoadModel`].
pub const MODEL_VERSION: u32 = 3;

/// Ends of the ranges of leads that share a model, in days.
const LEAD_DAYS: [usize; 16] = [1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 63, 91, 182, 364, 742, 1113];

/// The same where speed counts more.
const FEW_LEAD_DAYS: [usize; 4] = [2, 28, 182, 1113];

/// A fitted model. Serialise it with serde to keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadModel {
    version: u32,
    /// Instants from here on were not seen in fitting.
    pub cut: DateTime<Utc>,
    /// The local clock, named or inferred.
    pub clock: Clock,
    /// What was assumed or left out, in words.
    pub notes: Vec<String>,
    step_us: i64,
    /// Names of the covariates known ahead that are used.
    known: Vec<String>,
    transform: Transform,
    buckets: Vec<Bucket>,
    /// What takes over where the weather is neither known nor lately seen.
    scenarios: Option<Box<Scenarios>>,
}

impl LoadModel {
    /// Fits for forecasts from `spec.origin` (by default the end of the history)
    /// over `spec.horizon`, on what is known before that origin.
    ///
    /// # Errors
    /// `BadSpec` for an impossible horizon or quantile, `Empty` without a value
    /// before the origin.
    pub fn fit(series: &LoadSeries, spec: &ForecastSpec) -> Result<Self> {
        Self::fit_or_naive(series, spec, false)
    }

    pub(crate) fn fit_or_naive(
        series: &LoadSeries,
        spec: &ForecastSpec,
        naive: bool,
    ) -> Result<Self> {
        series.check()?;
        let origin = spec.origin_index(series)?;
        let steps = spec.steps(series)?;
        let (clock, note) = Clock::infer(series, origin.min(series.len()));
        let prepared = Prepared::new(series, clock, (origin + steps).saturating_sub(series.len()));
        let ahead = prepared.given_ahead(origin, origin + steps);
        let request = Request {
            origin,
            cut: origin,
            steps,
            ahead,
            naive,
            told: false,
            few_ranges: spec.few_ranges,
            threads: spec.threads(),
        };
        let mut model = Self::fit_prepared(&prepared, clock, &request, &mut Lessons::unkept())?;
        model.notes.splice(0..0, note);
        Ok(model)
    }

    pub(crate) fn fit_prepared(
        prepared: &Prepared<'_>,
        clock: Clock,
        request: &Request,
        lessons: &mut Lessons,
    ) -> Result<Self> {
        let series = prepared.series;
        let cut = request.cut;
        let before = &series.target.as_slice().unwrap_or_default()[..cut.min(series.len())];
        if !before.iter().any(|v| v.is_finite()) {
            return Err(LoadError::Empty {
                reason: format!(
                    "no value of the target before {}; choose a later origin",
                    series.time(cut)
                ),
            });
        }
        let (transform, note) = Transform::choose(before);
        let mut notes: Vec<String> = note.into_iter().collect();
        let history = History::new(prepared, cut, cut, |v| transform.forward(v));
        let weather = usable_weather(prepared, request, &mut notes);
        for (i, flag) in prepared.flags.iter().enumerate() {
            if !request.ahead.1.contains(&i) {
                notes.push(not_given(&flag.name));
            }
        }
        let used = |i: usize| prepared.weather[i].name.clone();
        let mut known: Vec<String> = weather.iter().map(|&i| used(i)).collect();
        known.extend(request.ahead.1.iter().map(|&i| prepared.flags[i].name.clone()));
        let plan = Plan { prepared, history: &history, request, weather: &weather };
        let days_ahead =
            (request.steps as i64 * series.step_us() + MICROS_PER_DAY - 1) / MICROS_PER_DAY;
        let buckets: Vec<Bucket> = lead_ranges(days_ahead as usize, request)
            .into_iter()
            .map(|lead_days| {
                let design = plan.design(lead_days);
                if request.naive {
                    Bucket::naive(prepared, &history, design, Choice::Asked)
                } else {
                    let lesson =
                        lessons.learn(prepared, &history, transform, design, request.threads);
                    let bucket = Bucket::fit(prepared, &history, &lesson, request.threads);
                    lessons.keep(lesson);
                    bucket
                }
            })
            .collect();
        notes.extend(buckets.iter().filter_map(explain));
        let scenarios =
            if request.told { None } else { Scenarios::fit(prepared, clock, request, lessons)? };
        let scenarios = scenarios.map(Box::new);
        let (cut, step_us, version) = (series.time(cut), series.step_us(), MODEL_VERSION);
        Ok(Self { version, cut, clock, notes, step_us, known, transform, buckets, scenarios })
    }

    /// Forecasts with this model, from `spec.origin`, which may be later than
    /// the cut: the loads since then are used, the model stays as it is.
    ///
    /// # Errors
    /// `BadModel` when it was stored by another version, was fitted for another
    /// step, shorter horizon or another time of day, or uses a covariate that
    /// the series does not have; otherwise as [`LoadModel::fit`].
    pub fn forecast(&self, series: &LoadSeries, spec: &ForecastSpec) -> Result<Forecast> {
        series.check()?;
        let origin = spec.origin_index(series)?;
        let steps = spec.steps(series)?;
        if self.version != MODEL_VERSION {
            return Err(bad(format!(
                "the model is of version {}, not {MODEL_VERSION}",
                self.version
            )));
        }
        if self.step_us != series.step_us() {
            let (model, series) = (show_step(self.step_us), show_step(series.step_us()));
            return Err(bad(format!("the model was fitted for a step of {model}, not {series}")));
        }
        let beyond = (origin + steps).saturating_sub(series.len());
        let prepared = Prepared::new(series, self.clock, beyond);
        for (i, name) in self.known.iter().enumerate() {
            let (weather, flags) = prepared.given_ahead(origin, origin + steps);
            let given = weather.iter().any(|&i| prepared.weather[i].name == *name)
                || flags.iter().any(|&i| prepared.flags[i].name == *name);
            if !given {
                return Err(bad(format!(
                    "covariate {} of the model, \"{name}\", is not given over the horizon",
                    i + 1
                )));
            }
        }
        let slot = prepared.cell_of[origin] % prepared.frame.slots;
        if self.buckets.iter().any(|b| b.design.origin_slot != slot) {
            return Err(bad("the model was fitted for origins at another time of day".into()));
        }
        let days = (steps as i64 * self.step_us + MICROS_PER_DAY - 1) / MICROS_PER_DAY;
        if self.buckets.last().is_none_or(|b| (b.design.lead_days as i64) < days) {
            return Err(bad(format!(
                "the model was fitted for a horizon shorter than {days} days"
            )));
        }
        let history =
            History::new(&prepared, origin, origin + steps, |v| self.transform.forward(v));
        let mut recent = Recent::default();
        Ok(self.run(&prepared, &history, origin, steps, spec, &mut recent))
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub(crate) fn scenarios(&self) -> Option<&Scenarios> {
        self.scenarios.as_deref()
    }

    pub(crate) fn transform(&self) -> Transform {
        self.transform
    }
}

/// What a fit is asked for, in intervals.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Sets the time of day of the origins.
    pub(crate) origin: usize,
    /// Nothing at or after this is learnt from.
    pub(crate) cut: usize,
    pub(crate) steps: usize,
    /// Weather and flags given over the horizon.
    pub(crate) ahead: (Vec<usize>, Vec<usize>),
    pub(crate) naive: bool,
    /// Whether weather is told that nobody knows: for long leads only.
    pub(crate) told: bool,
    pub(crate) few_ranges: bool,
    pub(crate) threads: usize,
}

/// Errors made since the cut, kept from one origin to the next.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// By bucket: relative errors by cell since the cut.
    pub(crate) since_cut: Vec<Vec<f64>>,
}

struct Plan<'a> {
    prepared: &'a Prepared<'a>,
    history: &'a History,
    request: &'a Request,
    weather: &'a [usize],
}

impl Plan<'_> {
    fn design(&self, lead_days: usize) -> Design {
        let slots = self.prepared.frame.slots;
        let cells = self.prepared.cell_of[self.request.cut];
        let days = cells.saturating_sub(self.history.first) / slots;
        let long_days = if days < 150 { 14 } else { 28 };
        let weeks = if days < 150 { 2 } else { 4 };
        let mut lags: Vec<usize> = Vec::new();
        if lead_days <= 14 {
            lags.extend(lead_days..(lead_days + 3).max(7));
        }
        lags.extend((0..weeks).map(|k| (lead_days.div_ceil(7) + k) * 7));
        if days > 900 && lead_days > 14 {
            lags.push(lead_days.div_ceil(364) * 364);
        }
        lags.sort_unstable();
        lags.dedup();
        let harmonics = if days < 330 {
            0
        } else if days < 700 {
            2
        } else {
            4
        };
        let knots = |name: &str, position: usize, values: &[f64]| {
            let mut means: Vec<f64> = values
                .chunks(slots)
                .map(|day| day.iter().sum::<f64>() / day.len() as f64)
                .collect();
            let mut values: Vec<f64> = values.to_vec();
            values.retain(|v| v.is_finite());
            means.retain(|v| v.is_finite());
            values.sort_by(f64::total_cmp);
            means.sort_by(f64::total_cmp);
            let at = |sorted: &[f64], levels: &[f64]| {
                levels.iter().map(|&l| quantile_sorted(sorted, l)).collect()
            };
            Knots {
                name: name.to_owned(),
                position,
                value: at(&values, &[0.05, 0.2, 0.4, 0.6, 0.8, 0.95]),
                mean: at(&means, &[0.1, 0.35, 0.65, 0.9]),
            }
        };
        let span = self.history.first.min(cells)..cells;
        let weather = self.weather.iter().map(|&i| {
            let weather = &self.prepared.weather[i];
            knots(&weather.name, i, &weather.value[span.clone()])
        });
        let observed =
            self.prepared.series.observed.iter().enumerate().filter_map(|(i, covariate)| {
                let values = &self.history.observed[i][span.clone()];
                let known = values.iter().filter(|v| v.is_finite()).count();
                (5 * known >= 4 * values.len()).then(|| knots(&covariate.name, i, values))
            });
        Design {
            slots,
            lead_days,
            origin_slot: self.prepared.cell_of[self.request.origin] % slots,
            lags,
            long_days,
            harmonics,
            weather: weather.collect(),
            observed: observed.collect(),
            flags: self.request.ahead.1.clone(),
            crossings: crossing::draw(self.weather.len(), days),
        }
    }
}

fn lead_ranges(days: usize, request: &Request) -> Vec<usize> {
    let least = if request.told { FROM_DAYS + 1 } else { 0 };
    let all: &[usize] = if request.few_ranges { &FEW_LEAD_DAYS } else { &LEAD_DAYS };
    let ends = all.iter().copied().filter(|&end| end < days && end >= least);
    let mut ends: Vec<usize> = ends.collect();
    ends.push(days);
    ends
}

fn usable_weather(
    prepared: &Prepared<'_>,
    request: &Request,
    notes: &mut Vec<String>,
) -> Vec<usize> {
    let mut usable = Vec::new();
    for (i, weather) in prepared.weather.iter().enumerate() {
        if !request.ahead.0.contains(&i) {
            notes.push(not_given(&weather.name));
        } else if prepared.given_share(i, request.cut) < 0.8 {
            notes.push(format!(
                "covariate \"{}\" is left out: it is missing in much of the history",
                weather.name
            ));
        } else {
            usable.push(i);
        }
    }
    usable
}

fn not_given(name: &str) -> String {
    format!("covariate \"{name}\" is left out: it is not given over the whole horizon")
}

fn explain(bucket: &Bucket) -> Option<String> {
    let to = bucket.design.lead_days;
    Some(match &bucket.choice {
        Choice::Ridge { .. } | Choice::Asked => return None,
        Choice::TooShort { rows } => format!(
            "seasonal naive up to {to} days ahead: {rows} usable days of history are too few to fit a model"
        ),
        Choice::NaiveAsGood { holdout_error, naive_error } => format!(
            "seasonal naive up to {to} days ahead: on the last days held back the model did no better \
             (error {holdout_error:.4} against {naive_error:.4})"
        ),
        Choice::Flat => {
            format!("seasonal naive up to {to} days ahead: the history repeats itself exactly")
        }
    })
}

fn bad(what: String) -> LoadError {
    LoadError::BadModel { what }
}

/// Threads to use when the caller does not say.
pub(crate) fn default_threads() -> usize {
    parallel::available()
}

//! Weather that nobody knows yet, as it has been in other years.
//!
//! A covariate that is only observed cannot be used ahead. Beyond some days its
//! last values tell next to nothing, but its season does: the load is forecast under
//! the weather of the same days of each past year, and a few days to either side
//! (Hong and Fan, International Journal of Forecasting 32 (2016), section 3.2),
//! each with the errors that a model makes whom the weather is told.

use chrono::{Months, TimeDelta};
use ndarray::{Array1, s};
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::error::Result;
use super::forecast::Predicted;
use super::known::{History, Prepared};
use super::lessons::Lessons;
use super::model::{LoadModel, Recent, Request};
use super::series::{Covariate, LoadSeries};

/// Leads up to so many days are forecast from the weather observed last.
pub(crate) const FROM_DAYS: usize = 2;
/// Days by which a past year's weather is moved.
const SHIFTS: [i64; 5] = [-8, -4, 0, 4, 8];
/// Most years looked back on.
const MOST_YEARS: u32 = 20;
/// Least number of years: fewer are no distribution.
const LEAST_YEARS: u32 = 2;
/// Share of a year's weather that has to be there.
const LEAST_KNOWN: f64 = 0.9;
/// Levels of a model's own error within each course of the weather.
const ERROR_LEVELS: [f64; 10] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

/// A model that is told the weather, and which weather that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenarios {
    model: LoadModel,
    /// Names of the covariates that are made up.
    made_up: Vec<String>,
}

impl Scenarios {
    /// `None` where no observed covariate has a season to speak of, or nothing is
    /// asked for beyond the days that are forecast from its last values.
    pub(crate) fn fit(
        prepared: &Prepared<'_>,
        clock: Clock,
        request: &Request,
        lessons: &mut Lessons,
    ) -> Result<Option<Self>> {
        let series = prepared.series;
        let made_up: Vec<String> = series
            .observed
            .iter()
            .filter(|covariate| is_seasonal(series, covariate, request.cut))
            .map(|covariate| covariate.name.clone())
            .collect();
        let slots = prepared.frame.slots;
        if made_up.is_empty()
            || request.naive
            || request.steps <= FROM_DAYS * slots
            || courses(series, request.cut, request.steps).is_empty()
        {
            return Ok(None);
        }
        let told = told(series, &made_up, request.cut);
        let inner = Prepared::new(&told, clock, request.steps);
        // What is known ahead comes first, in the same places.
        let place = |name: &String| inner.weather.iter().position(|w| w.name == *name);
        let mut weather = request.ahead.0.clone();
        weather.extend(made_up.iter().filter_map(place));
        let ahead = (weather, request.ahead.1.clone());
        let request = Request { ahead, told: true, ..request.clone() };
        let model = LoadModel::fit_prepared(&inner, clock, &request, lessons)?;
        let uses = model.buckets().iter().any(|bucket| !bucket.design.weather.is_empty());
        Ok(uses.then_some(Self { model, made_up }))
    }

    /// In words.
    pub(crate) fn describe(&self) -> String {
        let from = FROM_DAYS + 1;
        format!("from {from} d ahead on under {} of past years", self.made_up.join(", "))
    }

    /// Puts forecasts under past weather in the place of those beyond these days.
    pub(crate) fn replace(
        &self,
        series: &LoadSeries,
        clock: Clock,
        (origin, steps): (usize, usize),
        predicted: &mut [Predicted],
    ) {
        let courses = courses(series, origin, steps);
        let mut told = told(series, &self.made_up, origin);
        lengthen(&mut told, origin + steps);
        let transform = self.model.transform();
        let mut recent = Recent::default();
        let mut by_course: Vec<Vec<Predicted>> = Vec::with_capacity(courses.len());
        for course in &courses {
            self.fill(series, &mut told, (origin, steps), course);
            let prepared = Prepared::new(&told, clock, 0);
            let history = History::new(&prepared, origin, origin + steps, |v| transform.forward(v));
            by_course.push(self.model.predict(&prepared, &history, origin, steps, &mut recent));
        }
        if by_course.is_empty() {
            return;
        }
        let slots = self.model.buckets()[0].design.slots;
        let wider = widening(courses.len() / SHIFTS.len());
        for (ahead, base) in predicted.iter_mut().enumerate().skip(FROM_DAYS * slots) {
            let centers = || by_course.iter().map(|course| course[ahead].center);
            let mean = centers().sum::<f64>() / by_course.len() as f64;
            let paths: Vec<f64> = centers().map(|c| mean + wider * (c - mean)).collect();
            let mut mix = Vec::with_capacity(paths.len() * ERROR_LEVELS.len());
            for (course, center) in by_course.iter().zip(&paths) {
                let one = &course[ahead];
                let spread = &self.model.buckets()[one.bucket].spread;
                let plain = spread.size_at(one.cell, &one.regime);
                let scale = if plain > 0.0 { one.unit / plain } else { 0.0 };
                mix.extend(
                    ERROR_LEVELS.map(|level| {
                        center + scale * spread.quantile(one.cell, &one.regime, level)
                    }),
                );
            }
            mix.sort_by(f64::total_cmp);
            base.center = mean;
            base.unit = by_course.iter().map(|c| c[ahead].unit).sum::<f64>() / paths.len() as f64;
            base.mix = mix;
            base.paths = paths;
        }
    }

    /// Writes the weather of a course over the horizon.
    fn fill(
        &self,
        series: &LoadSeries,
        told: &mut LoadSeries,
        (origin, steps): (usize, usize),
        course: &[usize],
    ) {
        for covariate in &mut told.known {
            let Some(from) = series
                .observed
                .iter()
                .find(|c| c.name == covariate.name && self.made_up.contains(&c.name))
            else {
                continue;
            };
            for (place, &source) in (origin..origin + steps).zip(course) {
                covariate.values[place] = from.values[source];
            }
        }
    }
}

/// By how much the next year may lie further from the mean of so many than they
/// do: the standard error of a prediction over the standard deviation.
fn widening(years: usize) -> f64 {
    let years = years.max(LEAST_YEARS as usize) as f64;
    ((years + 1.0) / (years - 1.0)).sqrt()
}

/// The series with some observed covariates told ahead; of what came from
/// `origin` on nothing is left.
fn told(series: &LoadSeries, made_up: &[String], origin: usize) -> LoadSeries {
    let mut told = series.clone();
    let moves = |c: &Covariate| made_up.contains(&c.name);
    let cut = |c: &Covariate| {
        let mut known = c.clone();
        known.values.iter_mut().skip(origin).for_each(|value| *value = f64::NAN);
        known
    };
    told.known.extend(series.observed.iter().filter(|c| moves(c)).map(cut));
    told.observed.retain(|c| !moves(c));
    told
}

/// Makes room for weather up to interval `end`.
fn lengthen(series: &mut LoadSeries, end: usize) {
    let longer = |values: &Array1<f64>| {
        let mut longer = values.to_vec();
        longer.resize(end.max(longer.len()), f64::NAN);
        Array1::from(longer)
    };
    series.target = longer(&series.target);
    for covariate in series.known.iter_mut().chain(&mut series.observed) {
        covariate.values = longer(&covariate.values);
    }
}

/// For each course of the weather, where each interval of the horizon takes it
/// from; all before the origin.
fn courses(series: &LoadSeries, origin: usize, steps: usize) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut years = 0;
    for year in 1..=MOST_YEARS {
        let Some(then) = series.time(origin).checked_sub_months(Months::new(12 * year)) else {
            break;
        };
        let mut any = false;
        for shift in SHIFTS {
            let first = then + TimeDelta::days(shift);
            if first < series.start {
                continue;
            }
            let from = series.index_at(first);
            // What has not been yet goes on with the year before.
            let source = |ahead: usize| {
                let at = from + ahead;
                (at < origin).then_some(at).or_else(|| {
                    let back = (at + 1 - origin).div_ceil(steps_of_year(series));
                    at.checked_sub(back * steps_of_year(series))
                })
            };
            let Some(course) = (0..steps).map(source).collect::<Option<Vec<usize>>>() else {
                continue;
            };
            let known = course.iter().filter(|&&at| {
                series.observed.iter().all(|c| c.values.get(at).is_some_and(|v| v.is_finite()))
            });
            if known.count() as f64 >= LEAST_KNOWN * steps as f64 {
                found.push(course);
                any = true;
            }
        }
        years += u32::from(any);
    }
    if years < LEAST_YEARS { Vec::new() } else { found }
}

/// Intervals of 364 days, which keep the weekday and nearly the season.
fn steps_of_year(series: &LoadSeries) -> usize {
    (364 * super::series::MICROS_PER_DAY / series.step_us()) as usize
}

/// Does the same day of the year before say more of it than its mean?
fn is_seasonal(series: &LoadSeries, covariate: &Covariate, cut: usize) -> bool {
    let year = steps_of_year(series);
    let values = covariate.values.slice(s![..cut.min(covariate.values.len())]);
    let pairs = || {
        let later = values.iter().skip(year).zip(&values);
        later.filter(|(now, then)| now.is_finite() && then.is_finite())
    };
    let count = pairs().count() as f64;
    if count < year as f64 * 0.9 {
        return false;
    }
    let mean = pairs().map(|(now, _)| now).sum::<f64>() / count;
    let variance = pairs().map(|(now, _)| (now - mean).powi(2)).sum::<f64>();
    let change = pairs().map(|(now, then)| (now - then).powi(2)).sum::<f64>();
    change < variance
}

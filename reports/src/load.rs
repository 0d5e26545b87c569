//! Load of the week and its forecast.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::weekly::{Absence, Section};

/// What the values of a load curve are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadUnit {
    /// Mean power over the interval, kW.
    #[default]
    Kw,
    /// Energy of the interval, kWh: daily reads.
    Kwh,
}

/// Load of the week, the forecast that had been made of it, and the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Unit of every value below.
    #[serde(default)]
    pub unit: LoadUnit,
    /// The week as it was, in time order.
    pub actual: Vec<LoadPoint>,
    /// The week as last forecast before it, in time order.
    #[serde(default)]
    pub last_forecast: Vec<LoadPoint>,
    /// The week to come.
    #[serde(default = "no_forecast")]
    pub forecast: Section<Forecast>,
    /// Figures of the week's curve.
    #[serde(default)]
    pub kpis: Option<LoadKpis>,
    /// How good forecasts have been.
    #[serde(default)]
    pub backtest: Option<Backtest>,
}

const fn no_forecast() -> Section<Forecast> {
    Section::Absent(Absence::NoForecast)
}

/// One value of a load curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPoint {
    /// Start of the interval, local time.
    pub at: NaiveDateTime,
    /// In the curve's unit; a gap is a missing point, never a zero.
    pub value: f64,
}

/// A forecast with its uncertainty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Its values, in time order.
    pub points: Vec<ForecastPoint>,
    /// Nominal coverage of the outer band, per cent: 80 for q0.1 to q0.9.
    #[serde(default)]
    pub band_pct: Option<f64>,
}

/// One value of a forecast, in the curve's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastPoint {
    /// Start of the interval, local time.
    pub at: NaiveDateTime,
    /// The middle of the distribution.
    pub median: f64,
    /// The outer band, low and high.
    #[serde(default)]
    pub band: Option<(f64, f64)>,
    /// A narrower band inside it, if quantiles for one are there.
    #[serde(default)]
    pub inner_band: Option<(f64, f64)>,
}

/// Figures of a load curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadKpis {
    /// 最大负荷, in the curve's unit.
    pub peak: f64,
    /// When it was.
    pub peak_at: NaiveDateTime,
    /// 最小负荷.
    pub valley: f64,
    /// When it was.
    pub valley_at: NaiveDateTime,
    /// 负荷率: mean over peak, per cent.
    pub load_factor_pct: f64,
}

/// How a forecast did on days it had not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// First and last day evaluated.
    #[serde(default)]
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// Mean absolute percentage error, per cent.
    #[serde(default)]
    pub mape_pct: Option<f64>,
    /// The same of the seasonal naive forecast.
    #[serde(default)]
    pub naive_mape_pct: Option<f64>,
    /// Actual values inside the outer band, per cent.
    #[serde(default)]
    pub coverage_pct: Option<f64>,
    /// What it should be, per cent.
    #[serde(default)]
    pub nominal_coverage_pct: Option<f64>,
}

/// The interval of a curve: the smallest distance between neighbours, an hour
/// if there are none.
pub(crate) fn step_of(past: &[LoadPoint], next: &[ForecastPoint]) -> TimeDelta {
    let smallest = |times: Vec<NaiveDateTime>| {
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > TimeDelta::zero()).min()
    };
    let past = smallest(past.iter().map(|point| point.at).collect());
    let next = smallest(next.iter().map(|point| point.at).collect());
    past.into_iter().chain(next).min().unwrap_or(TimeDelta::hours(1))
}

//! The weather of the eight districts: a season, a day and anomalies that last
//! some days; and forecasts of it whose error grows with the lead.

use std::borrow::Cow;
use std::f64::consts::TAU;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};

use super::draw::{Draw, Purpose};
use super::profile::REGIONS;
use crate::{codes::WeatherKind, day, event};

/// Days of weather beyond the last day, for the forecasts of the week to come.
pub(super) const DAYS_AHEAD: u32 = 9;

/// One hour at one place, rounded as published.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hour {
    pub(super) temperature_c: f64,
    pub(super) humidity_pct: f64,
    pub(super) wind_ms: f64,
    pub(super) radiation_wm2: f64,
}

/// What happens, hour by hour from the first day, at each place.
#[derive(Clone, Debug)]
pub(super) struct Climate {
    start: NaiveDate,
    hours: Vec<[Hour; 8]>,
}

/// Degrees above the city, and the share of its daily swing.
const PLACE: [(f64, f64); 8] = [
    (0.8, 0.9),
    (0.6, 1.0),
    (0.2, 1.0),
    (-0.2, 1.05),
    (0.3, 0.75),
    (-0.1, 0.85),
    (-2.6, 1.2),
    (-0.4, 1.15),
];

/// A day's large-scale weather: warm or cold, clear or overcast, windy or not.
#[derive(Clone, Copy)]
struct Synoptic {
    warm_c: f64,
    cloud: f64,
    wind: f64,
}

impl Climate {
    pub(super) fn new(seed: u64, start: NaiveDate, days: u32) -> Self {
        let mut city = Draw::new(seed, Purpose::Weather, 0);
        let mut places: Vec<Draw> =
            (1..=8).map(|place| Draw::new(seed, Purpose::Weather, place)).collect();
        let mut front = Synoptic { warm_c: 0.0, cloud: 0.0, wind: 0.0 };
        let mut local = [0.0_f64; 8];
        let mut flicker = [0.0_f64; 8];
        let mut hours = Vec::with_capacity(((days + DAYS_AHEAD) * 24) as usize);
        for index in 0..days + DAYS_AHEAD {
            let date = start + Days::new(u64::from(index));
            let before = front;
            front = Synoptic {
                warm_c: 0.78 * front.warm_c + 1.75 * city.normal(),
                cloud: 0.55 * front.cloud + 0.85 * city.normal(),
                wind: 0.5 * front.wind + 0.85 * city.normal(),
            };
            for hour in 0..24_u32 {
                let part = f64::from(hour + 1) / 24.0;
                let blend = |from: f64, to: f64| from + (to - from) * part;
                let now = Synoptic {
                    warm_c: blend(before.warm_c, front.warm_c),
                    cloud: blend(before.cloud, front.cloud),
                    wind: blend(before.wind, front.wind),
                };
                hours.push(std::array::from_fn(|place| {
                    local[place] = 0.97 * local[place] + 0.12 * places[place].normal();
                    flicker[place] = 0.8 * flicker[place] + 0.2 * places[place].normal();
                    observe(date, hour, place, now, local[place] + flicker[place])
                }));
            }
        }
        Self { start, hours }
    }

    /// The hours of day `index`, the first ending 01:00.
    pub(super) fn day(&self, index: u32) -> &[[Hour; 8]] {
        let from = (index as usize * 24).min(self.hours.len());
        &self.hours[from..(from + 24).min(self.hours.len())]
    }

    /// Mean temperature of the 24 hours up to and with hour `hour` of a day.
    pub(super) fn mean_of_day_before(&self, index: u32, hour: usize, place: usize) -> f64 {
        let to = (index as usize * 24 + hour + 1).min(self.hours.len());
        let window = &self.hours[to.saturating_sub(24)..to];
        window.iter().map(|hour| hour[place].temperature_c).sum::<f64>()
            / window.len().max(1) as f64
    }

    /// The observation that hour `hour` of day `index` ends with.
    pub(super) fn observation(
        &self,
        index: u32,
        hour: usize,
        place: usize,
    ) -> event::Weather<'static> {
        let valid_at = self.valid_at(index as usize * 24 + hour);
        let now = self.hours[index as usize * 24 + hour][place];
        row(place, WeatherKind::Observation, valid_at, valid_at, now)
    }

    /// The forecast issued at `issued_at` on day `index` at 18:00 for the next
    /// `lead_hours`, and no further than weather has been made.
    pub(super) fn forecast(
        &self,
        index: u32,
        lead_hours: usize,
        place: usize,
        draw: &mut Draw,
    ) -> Vec<event::Weather<'static>> {
        let first = index as usize * 24 + 18;
        let issued_at = self.valid_at(first) - TimeDelta::hours(1);
        let (mut slip, bias) = (0.0, 0.55 * draw.normal());
        (first..(first + lead_hours).min(self.hours.len()))
            .enumerate()
            .map(|(lead, hour)| {
                slip = 0.96 * slip + 0.22 * draw.normal();
                let error = slip + bias * ((lead + 1) as f64 / 24.0).sqrt();
                let real = self.hours[hour][place];
                let cloud = (1.0 + 0.2 * draw.normal()).clamp(0.3, 1.7);
                let guess = Hour {
                    temperature_c: to_tenths(real.temperature_c + error),
                    humidity_pct: (real.humidity_pct - 2.0 * error).round().clamp(15.0, 100.0),
                    wind_ms: to_tenths((real.wind_ms * (1.0 + 0.2 * draw.normal())).max(0.0)),
                    radiation_wm2: (real.radiation_wm2 * cloud).round(),
                };
                row(place, WeatherKind::Forecast, issued_at, self.valid_at(hour), guess)
            })
            .collect()
    }

    fn valid_at(&self, hour: usize) -> DateTime<Utc> {
        day::start(self.start) + TimeDelta::hours(hour as i64 + 1)
    }
}

fn observe(date: NaiveDate, hour: u32, place: usize, now: Synoptic, anomaly_c: f64) -> Hour {
    let clock = f64::from(hour + 1);
    let year = f64::from(date.ordinal0()) / 365.25;
    let (offset, swing) = PLACE[place];
    let cloud = 1.0 / (1.0 + (-1.3 * now.cloud).exp());
    let season = 17.4 - 12.8 * (TAU * (year - 0.055)).cos();
    let swing = swing * (5.4 - 3.4 * cloud) * (TAU * (clock - 15.0) / 24.0).cos();
    let temperature = season + offset + swing + now.warm_c + anomaly_c;
    let declination = -0.409 * (TAU * (year + 0.027)).cos();
    let latitude = 0.506_f64;
    let angle = TAU * (clock - 12.5) / 24.0;
    let height =
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * angle.cos();
    Hour {
        temperature_c: to_tenths(temperature),
        humidity_pct: (62.0 + 26.0 * cloud - 2.2 * swing).round().clamp(20.0, 100.0),
        wind_ms: to_tenths(
            2.4 * (0.45 * now.wind).exp() * (1.0 + 0.12 * anomaly_c).clamp(0.3, 2.0),
        ),
        radiation_wm2: (1000.0 * height.max(0.0) * (1.0 - 0.78 * cloud)).round(),
    }
}

fn row(
    place: usize,
    kind: WeatherKind,
    issued_at: DateTime<Utc>,
    valid_at: DateTime<Utc>,
    hour: Hour,
) -> event::Weather<'static> {
    event::Weather {
        cell: Cow::Borrowed(REGIONS[place]),
        kind: Cow::Borrowed(kind.code()),
        issued_at,
        valid_at,
        temperature_c: hour.temperature_c,
        humidity_pct: Some(hour.humidity_pct),
        wind_ms: Some(hour.wind_ms),
        radiation_wm2: Some(hour.radiation_wm2),
    }
}

fn to_tenths(value: f64) -> f64 {
    // Adding zero turns -0.0, which JSON would show, into 0.0.
    (value * 10.0).round() / 10.0 + 0.0
}

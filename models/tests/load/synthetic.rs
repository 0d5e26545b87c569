//! A made-up town: daily, weekly and yearly shape, a temperature response,
//! and noise that is the same every time.

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use loadstar_models::load::{Covariate, LoadSeries};
use ndarray::Array1;

/// Noise in −1..1, a function of its index alone.
pub(crate) fn noise(i: usize) -> f64 {
    let mut x = (i as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

pub(crate) fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2022, 1, 3, 0, 0, 0).unwrap()
}

fn temperature(time: DateTime<Utc>, i: usize, per_day: usize) -> f64 {
    let season = -(f64::from(time.ordinal0()) / 365.25 * std::f64::consts::TAU).cos();
    let hour = f64::from(time.hour()) + f64::from(time.minute()) / 60.0;
    let day = ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin();
    14.0 + 8.0 * season + 4.0 * day + 4.0 * noise(i / per_day) + 0.5 * noise(i + 7)
}

/// `days` days of a town that lives by `zone`, temperature known ahead.
pub(crate) fn town_in(zone: Tz, days: usize, step: TimeDelta) -> LoadSeries {
    let per_day = (86_400 / step.num_seconds()) as usize;
    let n = days * per_day;
    let times: Vec<DateTime<Utc>> = (0..n).map(|i| start() + step * i as i32).collect();
    let temperatures: Array1<f64> =
        times.iter().enumerate().map(|(i, t)| temperature(*t, i, per_day)).collect();
    let target = times.iter().zip(&temperatures).enumerate().map(|(i, (time, t))| {
        let local = time.with_timezone(&zone);
        let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
        let shape =
            if per_day == 1 { 0.0 } else { ((hour - 10.0) / 24.0 * std::f64::consts::TAU).sin() };
        let weekend = f64::from(u8::from(local.weekday().num_days_from_monday() >= 5));
        let heating = (15.0 - t).max(0.0) * 0.015 + (t - 20.0).max(0.0) * 0.03;
        1000.0 * (0.3 * shape - 0.2 * weekend + heating + 0.01 * noise(i + 1_000_003)).exp()
    });
    let mut series = LoadSeries::new(start(), step, target.collect()).unwrap();
    series.known.push(Covariate { name: "temperature".into(), values: temperatures });
    series
}

/// Hourly, by UTC.
pub(crate) fn town(days: usize) -> LoadSeries {
    town_in(Tz::UTC, days, TimeDelta::hours(1))
}

/// Makes the last `steps` intervals the future of the target.
pub(crate) fn forget_last(series: &mut LoadSeries, steps: usize) {
    let from = series.len() - steps;
    series.target.slice_mut(ndarray::s![from..]).fill(f64::NAN);
}

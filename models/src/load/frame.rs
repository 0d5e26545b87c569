//! The series folded into local days × slots of a day, so that "the same time
//! yesterday" is one row up whatever the clock did in between.
//!
//! A cell is `day × slots + slot`. The hour that an autumn clock change repeats
//! falls twice into its cells (their mean counts), the hour that spring skips
//! leaves its cells empty.

use chrono::{DateTime, Datelike, NaiveDate};
use ndarray::Array1;

use super::clock::Clock;
use super::series::{LoadSeries, MICROS_PER_DAY};

/// Where each interval lies in local days and slots.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Slots of a day: 24 for hourly, 1 for daily.
    pub(crate) slots: usize,
    /// Local date of day 0.
    pub(crate) first: NaiveDate,
    clock: Clock,
    first_day: i64,
    start_us: i64,
    step_us: i64,
}

impl Frame {
    pub(crate) fn new(series: &LoadSeries, clock: Clock) -> Self {
        let (start_us, step_us) = (series.start_us(), series.step_us());
        let first_day = (start_us + clock.offset_us(start_us)).div_euclid(MICROS_PER_DAY);
        let first = DateTime::from_timestamp_micros(first_day * MICROS_PER_DAY)
            .map(|time| time.date_naive())
            .unwrap_or_default();
        let slots = (MICROS_PER_DAY / step_us) as usize;
        Self { slots, first, clock, first_day, start_us, step_us }
    }

    /// Cell of interval `index`, which may lie beyond the end of the series.
    pub(crate) fn cell(&self, index: usize) -> usize {
        let time = self.start_us + self.step_us * index as i64;
        let local = time + self.clock.offset_us(time);
        let day = local.div_euclid(MICROS_PER_DAY) - self.first_day;
        let slot = local.rem_euclid(MICROS_PER_DAY) / self.step_us;
        (day * self.slots as i64 + slot).max(0) as usize
    }

    pub(crate) fn date(&self, day: usize) -> NaiveDate {
        self.first + chrono::Days::new(day as u64)
    }

    /// Days from Monday.
    pub(crate) fn weekday(&self, day: usize) -> usize {
        self.date(day).weekday().num_days_from_monday() as usize
    }

    /// Values by cell: the mean of what falls into one, NaN where nothing does.
    /// Only `values` are read: pass the part that is known.
    pub(crate) fn fold(&self, values: &[f64], cell_of: &[usize], cells: usize) -> Vec<f64> {
        let mut folded = vec![f64::NAN; cells];
        let mut twice: Vec<(usize, f64)> = Vec::new();
        for (value, &cell) in values.iter().zip(cell_of) {
            if cell < cells && value.is_finite() {
                if folded[cell].is_finite() {
                    twice.push((cell, *value));
                } else {
                    folded[cell] = *value;
                }
            }
        }
        for (cell, value) in twice {
            folded[cell] = (folded[cell] + value) / 2.0;
        }
        folded
    }
}

/// Fills gaps from what lies before them: the same slot a week ago (itself
/// filled if need be), else a day ago, else the last value. Beyond the end of
/// what is known this is the seasonal naive forecast.
pub(crate) fn fill_causal(values: &mut [f64], slots: usize) {
    let week = 7 * slots;
    let Some(first) = values.iter().position(|v| v.is_finite()) else { return };
    for i in first + 1..values.len() {
        if values[i].is_finite() {
            continue;
        }
        let back = [week, slots, 1].into_iter().find(|&back| i >= first + back);
        if let Some(back) = back {
            values[i] = values[i - back];
        }
    }
}

/// Fills gaps of at most `longest` by the straight line between their ends.
pub(crate) fn fill_linear(values: &mut [f64], longest: usize) {
    let mut last: Option<usize> = None;
    for i in 0..values.len() {
        if !values[i].is_finite() {
            continue;
        }
        if let Some(from) = last
            && i - from > 1
            && i - from <= longest + 1
        {
            let (a, b) = (values[from], values[i]);
            for (gap, value) in values[from + 1..i].iter_mut().enumerate() {
                *value = a + (b - a) * (gap + 1) as f64 / (i - from) as f64;
            }
        }
        last = Some(i);
    }
}

/// Values of a covariate as a plain vector, gaps of up to a day bridged.
pub(crate) fn bridged(values: &Array1<f64>, slots: usize) -> Vec<f64> {
    let mut values = values.to_vec();
    fill_linear(&mut values, slots.max(1));
    values
}

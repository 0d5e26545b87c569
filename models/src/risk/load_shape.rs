//! What a run of days says of a customer: the shape of the load, whatever its
//! size.
//!
//! Theft shows as days that fall away, stay at nothing, or repeat. Each number is
//! about one row alone, so that a row scores the same beside any others.

use chrono::{Datelike, NaiveDate, Weekday};

use super::column::{Column, Kind, Values};

/// Days from which on there is a shape.
const MIN_DAYS: usize = 14;
/// Days up to which each has a feature of its own.
const MAX_OWN_DAYS: usize = 62;
/// Below this share of the mean a day counts as low.
const LOW: f64 = 0.1;
/// Waves of the run that are measured.
const WAVES: usize = 7;
/// How days are written at the end of a column's name.
const FORMATS: [&str; 5] = ["%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%Y%m%d"];

/// The columns, and beside them the features of the days among them.
pub(super) fn beside(mut columns: Vec<Column>) -> Vec<Column> {
    let Some(days) = days(&columns) else { return columns };
    let numbers = |column: &Column| match &column.values {
        Values::Number(values) => values.clone(),
        Values::Text { .. } => Vec::new(),
    };
    let values: Vec<Vec<f64>> = days.iter().map(|(_, at)| numbers(&columns[*at])).collect();
    let dates: Vec<NaiveDate> = days.iter().map(|(date, _)| *date).collect();
    let rows = values.first().map_or(0, Vec::len);
    let mut added: Vec<(String, Vec<f64>)> = Vec::new();
    let mut run = Vec::with_capacity(dates.len());
    for row in 0..rows {
        run.clear();
        run.extend(values.iter().map(|day| day[row]));
        for (place, (name, value)) in Shape::new(&dates, &run).features().into_iter().enumerate() {
            if row == 0 {
                added.push((name, Vec::with_capacity(rows)));
            }
            added[place].1.push(if value.is_finite() { value } else { f64::NAN });
        }
    }
    columns.extend(added.into_iter().map(|(name, values)| Column {
        name: format!("load_shape.{name}"),
        kind: Kind::Number,
        values: Values::Number(values),
    }));
    columns
}

/// The columns that are days, in order of time.
fn days(columns: &[Column]) -> Option<Vec<(NaiveDate, usize)>> {
    let numbers = |column: &&(usize, &Column)| column.1.kind == Kind::Number;
    let in_format = |format: &str| {
        let date = |name: &str| {
            let begin = name.find(|first: char| first.is_ascii_digit())?;
            NaiveDate::parse_from_str(name.get(begin..)?, format).ok()
        };
        let found = columns.iter().enumerate().collect::<Vec<_>>();
        let found = found.iter().filter(numbers);
        let mut days: Vec<_> =
            found.filter_map(|(at, column)| Some((date(&column.name)?, *at))).collect();
        days.sort_unstable();
        days.dedup_by_key(|(date, _)| *date);
        days
    };
    let most = FORMATS
        .into_iter()
        .map(in_format)
        .reduce(|most, other| if other.len() > most.len() { other } else { most });
    most.filter(|days| {
        let span = days.last().zip(days.first()).map(|(last, first)| (last.0 - first.0).num_days());
        // A gap here and there, but a run.
        days.len() >= MIN_DAYS && span.is_some_and(|span| span < 2 * days.len() as i64)
    })
}

/// A run of days of one row, NaN where missing.
struct Shape<'a> {
    dates: &'a [NaiveDate],
    days: &'a [f64],
    mean: f64,
}

impl<'a> Shape<'a> {
    fn new(dates: &'a [NaiveDate], days: &'a [f64]) -> Self {
        Self { dates, days, mean: mean(days.iter().copied()) }
    }

    fn features(&self) -> Vec<(String, f64)> {
        let Self { days, mean: level, .. } = *self;
        let known: Vec<f64> = days.iter().copied().filter(|day| !day.is_nan()).collect();
        let count = known.len() as f64;
        let share =
            |is: &dyn Fn(f64) -> bool| known.iter().filter(|&&day| is(day)).count() as f64 / count;
        let mut ranked = known.clone();
        ranked.sort_unstable_by(f64::total_cmp);
        let quantile = |level: f64| {
            let place = (level * (count - 1.0)).max(0.0) as usize;
            ranked.get(place).copied().unwrap_or(f64::NAN)
        };
        let steps: Vec<f64> = days.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let spread = mean(known.iter().map(|day| (day - level).powi(2))).sqrt();
        let zero = |day: f64| day == 0.0;
        let same = |step: f64| step == 0.0;
        let whole = |day: f64| day.fract() == 0.0;
        let tenths = |day: f64| (day * 10.0 - (day * 10.0).round()).abs() < 1e-6;
        let bends = steps.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let used: Vec<f64> = ranked.iter().copied().filter(|&day| day != 0.0).collect();
        let mut features: Vec<(String, f64)> = [
            ("mean_kwh", level),
            ("spread_kwh", spread),
            ("greatest_kwh", quantile(1.0)),
            ("missing_days", days.len() as f64 - count),
            ("variation", spread / level),
            ("least", quantile(0.0) / level),
            ("greatest", quantile(1.0) / level),
            ("median", quantile(0.5) / level),
            ("zero_share", share(&zero)),
            ("low_share", share(&|day| day < LOW * level)),
            ("whole_share", share(&whole)),
            ("tenths_share", share(&tenths)),
            ("usual_use", used.get(used.len() / 2).map_or(f64::NAN, |day| day / level)),
            ("trend", self.trend()),
            ("second_half", self.later_over_earlier(days.len() / 2)),
            ("deepest_step", self.deepest_step()),
            ("day_to_day", mean(steps.iter().map(|step| step.abs())) / level),
            ("roughness", mean(bends) / mean(steps.iter().map(|step| step.abs()))),
            ("greatest_drop", steps.iter().copied().fold(f64::NAN, f64::min) / level),
            ("greatest_rise", steps.iter().copied().fold(f64::NAN, f64::max) / level),
            ("same_share", mean(steps.iter().map(|&step| known_share(step, same)))),
            ("longest_zero_run", longest(days, zero)),
            ("longest_same_run", longest(&steps, same)),
            ("days_since_use", unused(days.iter().rev())),
            ("days_before_use", unused(days.iter())),
            ("distinct_days", distinct(&ranked)),
            ("like_yesterday", self.likeness(1)),
            ("like_last_week", self.likeness(7)),
            ("weekend", self.weekend()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for tenth in [1, 2, 3, 4, 6, 7, 8, 9] {
            let value = quantile(f64::from(tenth) / 10.0);
            features.push((format!("quantile_{tenth}0"), value / level));
            features.push((format!("quantile_{tenth}0_kwh"), value));
        }
        for (number, week) in days.chunks(7).enumerate() {
            features.push((format!("week_{}", number + 1), mean(week.iter().copied()) / level));
        }
        for wave in 1..=WAVES {
            features.push((format!("wave_{wave}"), self.wave(wave)));
        }
        if days.len() <= MAX_OWN_DAYS {
            let own = days.iter().enumerate();
            features.extend(own.map(|(at, day)| (format!("day_{}", at + 1), day / level)));
        }
        features
    }

    /// Change a day of the line of least squares, over the mean.
    fn trend(&self) -> f64 {
        let centre = (self.days.len() as f64 - 1.0) / 2.0;
        let (mut along, mut square) = (0.0, 0.0);
        for (at, day) in self.days.iter().enumerate().filter(|(_, day)| !day.is_nan()) {
            let time = at as f64 - centre;
            along += time * (day - self.mean);
            square += time * time;
        }
        along / square / self.mean
    }

    fn later_over_earlier(&self, cut: usize) -> f64 {
        let (earlier, later) = self.days.split_at(cut);
        mean(later.iter().copied()) / mean(earlier.iter().copied())
    }

    /// The deepest fall from the mean of all days before a day to that of all
    /// from it on, over the mean.
    fn deepest_step(&self) -> f64 {
        let falls = (4..self.days.len().saturating_sub(3)).map(|cut| {
            let (earlier, later) = self.days.split_at(cut);
            mean(later.iter().copied()) - mean(earlier.iter().copied())
        });
        falls.fold(0.0, f64::min) / self.mean
    }

    /// Autocorrelation.
    fn likeness(&self, lag: usize) -> f64 {
        let from_mean = |day: &f64| if day.is_nan() { 0.0 } else { day - self.mean };
        let pairs = self.days.iter().zip(self.days.iter().skip(lag));
        let together: f64 = pairs.map(|(a, b)| from_mean(a) * from_mean(b)).sum();
        together / self.days.iter().map(|day| from_mean(day).powi(2)).sum::<f64>()
    }

    /// Mean of Saturdays and Sundays over that of the other days.
    fn weekend(&self) -> f64 {
        let of = |weekend: bool| {
            let days = self.dates.iter().zip(self.days).filter(move |(date, _)| {
                matches!(date.weekday(), Weekday::Sat | Weekday::Sun) == weekend
            });
            mean(days.map(|(_, day)| *day))
        };
        of(true) / of(false)
    }

    /// Amplitude of the Fourier wave that fits the run so many times, over the
    /// mean.
    fn wave(&self, number: usize) -> f64 {
        let (mut cosine, mut sine) = (0.0, 0.0);
        let turn = std::f64::consts::TAU * number as f64 / self.days.len() as f64;
        for (at, day) in self.days.iter().enumerate().filter(|(_, day)| !day.is_nan()) {
            let from_mean = day - self.mean;
            cosine += from_mean * (turn * at as f64).cos();
            sine += from_mean * (turn * at as f64).sin();
        }
        cosine.hypot(sine) / self.mean
    }
}

fn unused<'a>(days: impl Iterator<Item = &'a f64>) -> f64 {
    days.take_while(|&&day| day == 0.0 || day.is_nan()).count() as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

fn known_share(value: f64, is: impl Fn(f64) -> bool) -> f64 {
    if value.is_nan() { f64::NAN } else { f64::from(u8::from(is(value))) }
}

fn longest(values: &[f64], is: impl Fn(f64) -> bool) -> f64 {
    let runs = values.split(|&value| !is(value)).map(<[f64]>::len);
    runs.max().unwrap_or(0) as f64
}

fn distinct(ranked: &[f64]) -> f64 {
    let changes = ranked.windows(2).filter(|pair| pair[0] != pair[1]).count();
    (changes + usize::from(!ranked.is_empty())) as f64
}

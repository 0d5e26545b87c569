//! What may be read when forecasting from an origin, and nothing else.

use ndarray::Array1;

use super::clock::{Clock, is_flag};
use super::frame::{Frame, bridged, fill_causal};
use super::series::LoadSeries;

/// A continuous covariate known ahead, by cell, with its running summaries.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) name: String,
    /// By cell, gaps filled.
    pub(crate) value: Vec<f64>,
    /// Mean of the 24 h up to and with the cell.
    pub(crate) mean_day: Vec<f64>,
    /// Mean of the 72 h up to and with the cell.
    pub(crate) mean_three_days: Vec<f64>,
    /// Exponential smoothing, half-life 24 h.
    pub(crate) smooth: Vec<f64>,
    /// Least and greatest value of each local day.
    pub(crate) day_range: Vec<(f64, f64)>,
    /// By interval of the series: whether the value is given.
    given: Vec<bool>,
}

/// A 0/1 covariate known ahead, by cell.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: String,
    pub(crate) value: Vec<f64>,
    given: Vec<bool>,
}

/// The parts of a series that no origin changes: its folding and what is known
/// ahead. The target and observed covariates are not read here.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) series: &'a LoadSeries,
    pub(crate) frame: Frame,
    /// Cell of each interval, to `longest` intervals beyond the series.
    pub(crate) cell_of: Vec<usize>,
    pub(crate) weather: Vec<Weather>,
    pub(crate) flags: Vec<Flag>,
}

impl<'a> Prepared<'a> {
    /// Folds the series, with room for `beyond` intervals after its end.
    pub(crate) fn new(series: &'a LoadSeries, clock: Clock, beyond: usize) -> Self {
        let frame = Frame::new(series, clock);
        let cell_of: Vec<usize> = (0..series.len() + beyond + 1).map(|i| frame.cell(i)).collect();
        let cells = (cell_of[cell_of.len() - 1] / frame.slots + 2) * frame.slots;
        let (mut weather, mut flags) = (Vec::new(), Vec::new());
        for covariate in &series.known {
            let given = |values: &[f64]| values.iter().map(|v| v.is_finite()).collect();
            if is_flag(covariate.values.iter()) {
                let values = covariate.values.to_vec();
                let mut value = frame.fold(&values, &cell_of, cells);
                for v in &mut value {
                    *v = if v.is_nan() { 0.0 } else { *v };
                }
                flags.push(Flag { name: covariate.name.clone(), value, given: given(&values) });
            } else {
                let values = bridged(&covariate.values, frame.slots);
                let folded = frame.fold(&values, &cell_of, cells);
                weather.push(Weather::new(&covariate.name, folded, given(&values), frame.slots));
            }
        }
        if !series.holidays.is_empty() {
            let is_holiday = |cell| {
                f64::from(u8::from(series.holidays.contains(&frame.date(cell / frame.slots))))
            };
            let value = (0..cells).map(is_holiday).collect();
            flags.push(Flag { name: "holidays".into(), value, given: vec![true; cell_of.len()] });
        }
        Self { series, frame, cell_of, weather, flags }
    }

    /// Which covariates are given throughout intervals `from..to`, by position
    /// in `weather` and in `flags`.
    pub(crate) fn given_ahead(&self, from: usize, to: usize) -> (Vec<usize>, Vec<usize>) {
        let given = |g: &[bool]| g.get(from..to).is_some_and(|part| part.iter().all(|&b| b));
        let weather = (0..self.weather.len()).filter(|&i| given(&self.weather[i].given)).collect();
        let flags = (0..self.flags.len()).filter(|&i| given(&self.flags[i].given)).collect();
        (weather, flags)
    }

    /// Covariate `position` of `weather` as it was given before interval `to`.
    pub(crate) fn given_share(&self, position: usize, to: usize) -> f64 {
        let target = self.series.target.iter().zip(&self.weather[position].given).take(to);
        let (mut both, mut all) = (0_usize, 0_usize);
        for (_, &given) in target.filter(|(y, _)| y.is_finite()) {
            all += 1;
            both += usize::from(given);
        }
        both as f64 / all.max(1) as f64
    }
}

impl Weather {
    fn new(name: &str, mut value: Vec<f64>, given: Vec<bool>, slots: usize) -> Self {
        fill_causal(&mut value, slots);
        let first = value.iter().copied().find(|v| v.is_finite()).unwrap_or(0.0);
        for v in &mut value {
            *v = if v.is_nan() { first } else { *v };
        }
        let decay = 0.5_f64.powf(1.0 / slots as f64);
        let mut level = first;
        let smooth = value.iter().map(|v| {
            level = decay * level + (1.0 - decay) * v;
            level
        });
        let smooth = smooth.collect();
        let range = |day: &[f64]| {
            day.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)))
        };
        Self {
            name: name.to_owned(),
            mean_day: trailing_mean(&value, slots),
            mean_three_days: trailing_mean(&value, 3 * slots),
            day_range: value.chunks(slots).map(range).collect(),
            smooth,
            value,
            given,
        }
    }
}

/// Mean of the `window` values up to and with each; of fewer at the beginning.
fn trailing_mean(values: &[f64], window: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let mut means = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        sum += value;
        if i >= window {
            sum -= values[i - window];
        }
        means.push(sum / window.min(i + 1) as f64);
    }
    means
}

/// The target and observed covariates before an origin, by cell.
#[derive(Debug)]
pub(crate) struct History {
    /// Model units (log or scaled), outages and gaps NaN.
    pub(crate) actual: Vec<f64>,
    /// The same filled from the past; after the origin, the seasonal naive forecast.
    pub(crate) filled: Vec<f64>,
    /// `sums[i]` is the sum of `filled[first..i]`.
    sums: Vec<f64>,
    /// First cell with a value.
    pub(crate) first: usize,
    /// Observed covariates, filled from the past.
    pub(crate) observed: Vec<Vec<f64>>,
}

impl History {
    /// Reads intervals before `origin` only; fills to the cell of `end`.
    pub(crate) fn new(
        prepared: &Prepared<'_>,
        origin: usize,
        end: usize,
        transform: impl Fn(f64) -> f64,
    ) -> Self {
        let known = origin.min(prepared.series.len());
        let cells = prepared.cell_of[end.min(prepared.cell_of.len() - 1)] + 1;
        let slots = prepared.frame.slots;
        let fold = |values: &Array1<f64>| {
            let values = values.slice(ndarray::s![..known]).to_vec();
            prepared.frame.fold(&values, &prepared.cell_of, cells)
        };
        let mut actual = fold(&prepared.series.target);
        for value in &mut actual {
            *value = transform(*value);
        }
        let mut filled = actual.clone();
        fill_causal(&mut filled, slots);
        let first = filled.iter().position(|v| v.is_finite()).unwrap_or(cells);
        let mut sum = 0.0;
        let sums = std::iter::once(0.0)
            .chain(filled.iter().map(|v| {
                sum += if v.is_finite() { *v } else { 0.0 };
                sum
            }))
            .collect();
        let observed = prepared.series.observed.iter().map(|covariate| {
            let mut values = fold(&covariate.values);
            fill_causal(&mut values, slots);
            values
        });
        Self { actual, filled, sums, first, observed: observed.collect() }
    }

    /// Mean of the `window` filled cells before `end`; NaN before the first.
    pub(crate) fn mean(&self, end: usize, window: usize) -> f64 {
        if end < self.first + window || end >= self.sums.len() {
            return f64::NAN;
        }
        (self.sums[end] - self.sums[end - window]) / window as f64
    }
}

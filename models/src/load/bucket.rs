//! The models of one range of leads: a ridge per slot of the day, or the
//! seasonal naive where that is as good, with the errors either makes.

use ndarray::{Array1, Array2, s};
use serde::{Deserialize, Serialize};

use super::design::{Design, Group, Row};
use super::known::{History, Prepared};
use super::parallel;
use super::ridge::{Ridge, System};
use super::spread::{Miss, Spread};

/// Penalties tried, per unit of weight.
const LAMBDAS: [f64; 8] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1];
/// A row's weight relative to the next day's.
const DECAY_PER_DAY: f64 = 0.9985;
/// Days held back to choose the penalty.
const HOLDOUT_DAYS: usize = 90;
/// Days left out together when errors are collected.
const BLOCK_DAYS: usize = 14;
/// Days whose errors make the intervals.
const ERROR_DAYS: usize = 365;
/// Rows per slot below which nothing is fitted.
const MIN_ROWS: usize = 56;

/// The fitted models of one range of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) design: Design,
    /// One per slot; empty where the seasonal naive is used.
    ridges: Vec<Ridge>,
    pub(crate) spread: Spread,
    /// Out-of-sample errors relative to their size, by cell from `errors_from`;
    /// NaN where there is none.
    #[serde(with = "nan_as_null")]
    pub(crate) relative_errors: Vec<f64>,
    pub(crate) errors_from: usize,
    /// Which model this is and why.
    pub(crate) choice: Choice,
}

/// Why a model was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Choice {
    /// Per-slot ridge.
    Ridge { lambda: f64, holdout_error: f64, naive_error: f64, columns: usize, rows: usize },
    /// Too few usable rows per slot.
    TooShort { rows: usize },
    /// The naive did as well on the days held back.
    NaiveAsGood { holdout_error: f64, naive_error: f64 },
    /// Every value is the same, or the normal equations have no solution.
    Flat,
    /// Asked for by the caller.
    Asked,
}

/// Training rows of one slot.
struct Rows {
    x: Array2<f64>,
    y: Array1<f64>,
    weights: Array1<f64>,
    cells: Vec<usize>,
    levels: Vec<f64>,
}

impl Bucket {
    /// Fits on what `history` knows.
    pub(crate) fn fit(
        prepared: &Prepared<'_>,
        history: &History,
        design: Design,
        threads: usize,
    ) -> Self {
        let slots = design.slots;
        let groups = groups(prepared, history, &design);
        let probe: Vec<usize> = (0..slots).step_by((slots / 12).max(1)).collect();
        let tried = parallel::map(probe.len(), threads, |i| {
            let rows = Rows::collect(prepared, history, &design, probe[i], groups.len());
            try_lambdas(&rows, history, &design, &groups)
        });
        let fewest = tried.iter().map(|t| t.rows).min().unwrap_or(0);
        if fewest < MIN_ROWS {
            return Self::naive(prepared, history, design, Choice::TooShort { rows: fewest });
        }
        let total = |pick: &dyn Fn(&Tried) -> f64| tried.iter().map(pick).sum::<f64>();
        let errors: Vec<f64> = (0..LAMBDAS.len()).map(|k| total(&|t| t.errors[k])).collect();
        let best = (0..LAMBDAS.len())
            .filter(|&k| errors[k].is_finite())
            .min_by(|&a, &b| errors[a].total_cmp(&errors[b]));
        let count = total(&|t| t.count as f64).max(1.0);
        let naive_error = total(&|t| t.naive_error) / count;
        let Some(best) = best.filter(|_| naive_error > 1e-12) else {
            return Self::naive(prepared, history, design, Choice::Flat);
        };
        let (lambda, holdout_error) = (LAMBDAS[best], errors[best] / count);
        if holdout_error >= naive_error {
            return Self::naive(
                prepared,
                history,
                design,
                Choice::NaiveAsGood { holdout_error, naive_error },
            );
        }
        let fitted = parallel::map(slots, threads, |slot| {
            let rows = Rows::collect(prepared, history, &design, slot, groups.len());
            if rows.cells.len() < MIN_ROWS {
                return None;
            }
            let from = rows.cells.len().saturating_sub(ERROR_DAYS);
            let cells = rows.cells[from..].to_vec();
            let (ridge, errors) = rows.system(&groups).finish(lambda, from, BLOCK_DAYS)?;
            let misses = cells.into_iter().zip(errors).map(|(cell, error)| Miss {
                cell,
                error,
                regime: regime(prepared, &design, cell),
            });
            Some((ridge, misses.collect::<Vec<_>>()))
        });
        let (mut ridges, mut misses) = (Vec::with_capacity(slots), Vec::new());
        for slot in fitted {
            let Some((ridge, errors)) = slot else {
                return Self::naive(prepared, history, design, Choice::TooShort { rows: fewest });
            };
            ridges.push(ridge);
            misses.extend(errors);
        }
        let choice = Choice::Ridge {
            lambda,
            holdout_error,
            naive_error,
            columns: groups.len(),
            rows: fewest,
        };
        Self::with_errors(design, ridges, &misses, choice)
    }

    /// The seasonal naive, with its own errors over the last year.
    pub(crate) fn naive(
        prepared: &Prepared<'_>,
        history: &History,
        design: Design,
        choice: Choice,
    ) -> Self {
        let slots = design.slots;
        let end = history.actual.iter().rposition(|v| v.is_finite()).map_or(0, |last| last + 1);
        let week = design.weekly_lag() * slots;
        let mut lags = vec![week, design.lead_days * slots];
        lags.retain(|lag| history.first + lag + slots <= end);
        let lag = lags.first().copied();
        let from =
            (history.first + lag.unwrap_or(0)).max(end.saturating_sub(ERROR_DAYS * slots)).min(end);
        // A history shorter than the lead tells only how far loads lie from their mean.
        let mean = history.mean(end, end - history.first.min(end));
        let misses: Vec<Miss> = (from..end)
            .filter(|&cell| history.actual[cell].is_finite())
            .map(|cell| {
                let naive = lag.map_or(mean, |lag| history.filled[cell - lag]);
                let error = history.actual[cell] - naive;
                Miss { cell, error, regime: regime(prepared, &design, cell) }
            })
            .collect();
        Self::with_errors(design, Vec::new(), &misses, choice)
    }

    fn with_errors(design: Design, ridges: Vec<Ridge>, misses: &[Miss], choice: Choice) -> Self {
        let spread = Spread::learn(design.slots, misses);
        let errors_from =
            misses.iter().map(|m| m.cell).min().unwrap_or(0) / design.slots * design.slots;
        let errors_to = misses.iter().map(|m| m.cell + 1).max().unwrap_or(0);
        let mut relative_errors = vec![f64::NAN; errors_to.saturating_sub(errors_from)];
        for miss in misses {
            relative_errors[miss.cell - errors_from] =
                miss.error / spread.size_at(miss.cell, &miss.regime);
        }
        Self { design, ridges, spread, relative_errors, errors_from, choice }
    }

    /// Forecast of a cell in model units; `row` is scratch space.
    pub(crate) fn predict(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        cell: usize,
        row: &mut Row,
    ) -> f64 {
        let naive = history.filled[cell];
        match self.ridges.get(cell % self.design.slots) {
            Some(ridge) if self.design.virtual_origin(cell) > 0 => {
                let level = self.design.write(prepared, history, cell, row);
                if level.is_finite() { level + ridge.predict_row(&row.values) } else { naive }
            }
            _ => naive,
        }
    }

    /// Error of a past cell relative to its expected size, had it been forecast
    /// from its own virtual origin; NaN without an actual.
    pub(crate) fn relative_error(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        cell: usize,
        row: &mut Row,
    ) -> f64 {
        let forecast = if self.ridges.is_empty() {
            let lag = self.design.weekly_lag() * self.design.slots;
            cell.checked_sub(lag).map_or(f64::NAN, |before| history.filled[before])
        } else {
            self.predict(prepared, history, cell, row)
        };
        (history.actual[cell] - forecast)
            / self.spread.size_at(cell, &regime(prepared, &self.design, cell))
    }
}

impl Rows {
    fn collect(
        prepared: &Prepared<'_>,
        history: &History,
        design: &Design,
        slot: usize,
        columns: usize,
    ) -> Self {
        let slots = design.slots;
        let first_day = history.first.div_ceil(slots) + design.reach_days();
        let end = history.actual.iter().rposition(|v| v.is_finite()).map_or(0, |last| last + 1);
        let (mut values, mut y, mut cells, mut levels) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut row = Row { values: Vec::with_capacity(columns), groups: None };
        for cell in (first_day * slots + slot..end).step_by(slots) {
            if !history.actual[cell].is_finite() {
                continue;
            }
            let level = design.write(prepared, history, cell, &mut row);
            if level.is_finite() && row.values.iter().all(|v| v.is_finite()) {
                values.extend_from_slice(&row.values);
                y.push(history.actual[cell] - level);
                cells.push(cell);
                levels.push(level);
            }
        }
        let last = cells.last().copied().unwrap_or(0);
        let weights =
            cells.iter().map(|cell| DECAY_PER_DAY.powi(((last - cell) / slots) as i32)).collect();
        let x = Array2::from_shape_vec((cells.len(), columns), values)
            .unwrap_or_else(|_| Array2::zeros((0, columns)));
        Self { x, y: y.into(), weights, cells, levels }
    }

    fn system(&self, groups: &[Group]) -> System {
        // Holidays are rare by nature; other columns must earn their place.
        let least =
            |j: usize| if groups[j] == Group::Holiday { 5 } else { 40.min(self.cells.len() / 4) };
        System::new(self.x.view(), self.y.view(), self.weights.view(), least)
    }
}

/// Sums of absolute errors over the days held back.
struct Tried {
    rows: usize,
    count: usize,
    errors: Vec<f64>,
    naive_error: f64,
}

fn try_lambdas(rows: &Rows, history: &History, design: &Design, groups: &[Group]) -> Tried {
    let n = rows.cells.len();
    let none = Tried { rows: n, count: 0, errors: vec![0.0; LAMBDAS.len()], naive_error: 0.0 };
    if n < MIN_ROWS {
        return none;
    }
    let from = n - HOLDOUT_DAYS.min(n / 4);
    let predictions = rows.system(groups).forward(from, &LAMBDAS);
    let actual = rows.y.slice(s![from..]);
    let errors =
        predictions.columns().into_iter().map(|column| (&column - &actual).mapv(f64::abs).sum());
    let lag = design.weekly_lag() * design.slots;
    let naive = rows.cells[from..].iter().zip(&rows.levels[from..]).zip(actual);
    let naive_error =
        naive.map(|((cell, level), y)| (history.filled[cell - lag] - level - y).abs()).sum();
    Tried { count: n - from, errors: errors.collect(), naive_error, ..none }
}

fn groups(prepared: &Prepared<'_>, history: &History, design: &Design) -> Vec<Group> {
    let mut row = Row { values: Vec::new(), groups: Some(Vec::new()) };
    // The columns are the same for every cell; take one with a past.
    let cell = (design.reach_days() * design.slots).min(history.filled.len().saturating_sub(1));
    if design.virtual_origin(cell) > 0 && design.virtual_origin(cell) < history.filled.len() {
        design.write(prepared, history, cell, &mut row);
    }
    row.groups.unwrap_or_default()
}

/// What the size of an error may depend on.
pub(crate) fn regime(prepared: &Prepared<'_>, design: &Design, cell: usize) -> Vec<f64> {
    use chrono::Datelike;
    let day = cell / design.slots;
    let weekday = prepared.frame.weekday(day);
    let year = f64::from(prepared.frame.date(day).ordinal0()) / 365.25 * std::f64::consts::TAU;
    let mut row: Vec<f64> = [0, 5, 6].iter().map(|&d| f64::from(u8::from(weekday == d))).collect();
    row.extend([year.sin(), year.cos()]);
    for &position in &design.flags {
        let flag = &prepared.flags[position].value;
        row.push(flag[cell]);
        row.push(cell.checked_sub(design.slots).map_or(0.0, |c| flag[c]));
    }
    if let Some(knots) = design.weather.first() {
        let w = &prepared.weather[knots.position];
        let before = w.value[cell.saturating_sub(design.lags[0] * design.slots)];
        let m = &knots.mean;
        row.extend([
            (w.value[cell] - before).abs(),
            w.mean_day[cell],
            (w.mean_day[cell] - m[2]).max(0.0),
        ]);
        row.push((w.mean_day[cell] - m[3]).max(0.0));
    }
    row
}

/// JSON knows no NaN.
mod nan_as_null {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(values.iter().map(|v| v.is_finite().then_some(*v)))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(from)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}

//! The models of one range of leads: a ridge per slot of the day, or the
//! seasonal naive where that is as good, with the errors either makes.

use serde::{Deserialize, Serialize};

use super::design::{Design, Group, Row};
use super::known::{History, Prepared};
use super::lessons::{Lesson, end_of};
use super::moments::System;
use super::ridge::Ridge;
use super::spread::{Miss, Spread};
use crate::parallel;

/// Penalties tried, per unit of weight.
const LAMBDAS: [f64; 8] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1];
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

impl Bucket {
    /// Fits on what `history` has taught.
    pub(crate) fn fit(
        prepared: &Prepared<'_>,
        history: &History,
        lesson: &Lesson,
        threads: usize,
    ) -> Self {
        let design = lesson.design.clone();
        let slots = design.slots;
        let members = Members::of(lesson);
        let probe: Vec<usize> = (0..slots).step_by((slots / 12).max(1)).collect();
        let tried = parallel::map(probe.len(), threads, |i| {
            try_lambdas(prepared, history, lesson, &members, probe[i])
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
            let own = &lesson.by_slot[slot];
            if own.rows() < MIN_ROWS {
                return None;
            }
            let end = end_of(history);
            let recent = end.saturating_sub(ERROR_DAYS * slots)..end;
            let rows = lesson.rows(prepared, history, slot, recent);
            let system = own.system(members.least(own.rows()));
            let seen = system.see(rows.x.view(), rows.y.view(), rows.weights.view());
            // One member errs a little more than the mean of all: the interval is
            // on the safe side of it.
            let parts = members.parts(&system);
            let errors = system.left_out(&seen, lambda, BLOCK_DAYS, &parts[0])?;
            let ridge = system.ridge(lambda, &parts)?;
            let misses = rows.cells.into_iter().zip(errors).map(|(cell, error)| Miss {
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
            columns: members.columns(),
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

/// Which columns each member of the ensemble looks at.
struct Members<'a> {
    groups: &'a [Group],
    count: usize,
}

impl<'a> Members<'a> {
    fn of(lesson: &'a Lesson) -> Self {
        let groups = &lesson.groups;
        let last = groups.iter().filter_map(|group| match group {
            Group::Crossed(member) => Some(*member),
            _ => None,
        });
        Self { groups, count: last.max().map_or(1, |last| last + 1) }
    }

    fn parts(&self, system: &System) -> Vec<Vec<usize>> {
        let seen_by = |member: usize| {
            system.part(|column| match self.groups[column] {
                Group::Crossed(of) => of == member,
                _ => true,
            })
        };
        (0..self.count).map(seen_by).collect()
    }

    /// Columns of one member.
    fn columns(&self) -> usize {
        let others = |group: &&Group| !matches!(group, Group::Crossed(member) if *member > 0);
        self.groups.iter().filter(others).count()
    }

    /// Rows in which a column must be other than zero. Holidays are rare by
    /// nature; other columns must earn their place.
    fn least(&self, rows: usize) -> impl Fn(usize) -> usize {
        move |column| if self.groups[column] == Group::Holiday { 5 } else { 40.min(rows / 4) }
    }
}

/// Sums of absolute errors over the days held back.
struct Tried {
    rows: usize,
    count: usize,
    errors: Vec<f64>,
    naive_error: f64,
}

fn try_lambdas(
    prepared: &Prepared<'_>,
    history: &History,
    lesson: &Lesson,
    members: &Members<'_>,
    slot: usize,
) -> Tried {
    let (own, design) = (&lesson.by_slot[slot], &lesson.design);
    let n = own.rows();
    let none = Tried { rows: n, count: 0, errors: vec![0.0; LAMBDAS.len()], naive_error: 0.0 };
    if n < MIN_ROWS {
        return none;
    }
    let (end, held_back) = (end_of(history), HOLDOUT_DAYS.min(n / 4));
    let from = end.saturating_sub(held_back * design.slots);
    let rows = lesson.rows(prepared, history, slot, from..end);
    let system = own.system(members.least(n));
    let later = system.see(rows.x.view(), rows.y.view(), rows.weights.view());
    let predictions = system.forward(&later, &LAMBDAS, &members.parts(&system)[0]);
    let errors =
        predictions.columns().into_iter().map(|column| (&column - &rows.y).mapv(f64::abs).sum());
    let lag = design.weekly_lag() * design.slots;
    let naive = rows.cells.iter().zip(&rows.levels).zip(&rows.y);
    let naive_error =
        naive.map(|((cell, level), y)| (history.filled[cell - lag] - level - y).abs()).sum();
    Tried { count: rows.cells.len(), errors: errors.collect(), naive_error, ..none }
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

//! The inputs of the per-slot ridge: one row per cell, the same columns in
//! training and in forecasting.
//!
//! Everything about the target is read before the row's own virtual origin (the
//! latest instant at the origin's time of day that is `lead_days` away or
//! less), so a training row knows exactly what a forecast will know. Loads are
//! taken relative to the mean of the week before that origin.

use std::f64::consts::TAU;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::crossing::{self, Crossing, MEMBERS};
use super::known::{History, Prepared};

/// What a column speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Group {
    Calendar,
    Holiday,
    Weather,
    RecentLoad,
    /// Of one member of the ensemble only.
    Crossed(usize),
}

/// Knots of a covariate, at quantiles of its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knots {
    pub(crate) name: String,
    pub(crate) position: usize,
    /// 5, 20, 40, 60, 80 and 95 % of the values.
    pub(crate) value: Vec<f64>,
    /// 10, 35, 65 and 90 % of the 24 h means.
    pub(crate) mean: Vec<f64>,
}

/// Which columns there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Design {
    pub(crate) slots: usize,
    /// Greatest lead in days that rows are made for.
    pub(crate) lead_days: usize,
    /// Slot of the day at which forecasts are made.
    pub(crate) origin_slot: usize,
    /// Load lags in days, none shorter than the lead.
    pub(crate) lags: Vec<usize>,
    /// Days of the long mean.
    pub(crate) long_days: usize,
    /// Harmonics of the year.
    pub(crate) harmonics: usize,
    pub(crate) weather: Vec<Knots>,
    pub(crate) observed: Vec<Knots>,
    /// Positions of the flags used.
    pub(crate) flags: Vec<usize>,
    /// Mixtures of weather and season, member after member.
    pub(crate) crossings: Vec<Crossing>,
}

/// A row under construction; groups are recorded for the first one only.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) values: Vec<f64>,
    pub(crate) groups: Option<Vec<Group>>,
}

impl Row {
    fn push(&mut self, group: Group, value: f64) {
        self.values.push(value);
        if let Some(groups) = &mut self.groups {
            groups.push(group);
        }
    }

    /// `x` and `max(0, x − knot)` for each knot: a line that bends at knots.
    fn bend(&mut self, x: f64, knots: &[f64]) {
        self.push(Group::Weather, x);
        for knot in knots {
            self.push(Group::Weather, (x - knot).max(0.0));
        }
    }
}

impl Design {
    /// Days of history before the first usable row.
    pub(crate) fn reach_days(&self) -> usize {
        let lag = self.lags.iter().copied().max().unwrap_or(0);
        lag.max(self.lead_days + self.long_days) + 1
    }

    /// First cell that a forecast of `cell` must not read.
    pub(crate) fn virtual_origin(&self, cell: usize) -> usize {
        let (day, slot) = (cell / self.slots, cell % self.slots);
        let back = if slot >= self.origin_slot { self.lead_days - 1 } else { self.lead_days };
        (day.saturating_sub(back)) * self.slots + self.origin_slot
    }

    /// The first weekly lag there is.
    pub(crate) fn weekly_lag(&self) -> usize {
        self.lead_days.div_ceil(7) * 7
    }

    /// Writes the inputs of `cell` and returns the level its target is relative to.
    pub(crate) fn write(
        &self,
        prepared: &Prepared<'_>,
        history: &History,
        cell: usize,
        row: &mut Row,
    ) -> f64 {
        let slots = self.slots;
        let origin = self.virtual_origin(cell);
        row.values.clear();
        let level = history.mean(origin, 7 * slots);
        let marks = self.calendar(prepared, cell, row);
        self.weather(prepared, cell, origin, &marks, row);
        self.observed(history, cell, origin, row);
        self.load(history, cell, origin, level, &marks, row);
        self.crossed(prepared, cell, &marks, row);
        level
    }

    /// Day types, season and holidays; returns the marks that interact.
    fn calendar(&self, prepared: &Prepared<'_>, cell: usize, row: &mut Row) -> Vec<(Group, f64)> {
        let (day, slots) = (cell / self.slots, self.slots);
        let weekday = prepared.frame.weekday(day);
        for d in 0..7 {
            row.push(Group::Calendar, f64::from(u8::from(weekday == d)));
        }
        let year = f64::from(prepared.frame.date(day).ordinal0()) / 365.25 * TAU;
        let weekend = f64::from(u8::from(weekday >= 5));
        for k in 1..=self.harmonics {
            let (sin, cos) = (year * k as f64).sin_cos();
            row.push(Group::Calendar, sin);
            row.push(Group::Calendar, cos);
            if k == 1 {
                row.push(Group::Calendar, sin * weekend);
                row.push(Group::Calendar, cos * weekend);
            }
        }
        let is = |d: usize| (Group::Calendar, f64::from(u8::from(weekday == d)));
        let mut marks = vec![is(0), is(5), is(6)];
        for &position in &self.flags {
            let flag = &prepared.flags[position].value;
            let at = |cell: Option<usize>| cell.and_then(|c| flag.get(c)).copied().unwrap_or(0.0);
            let today = at(Some(cell));
            let yesterday = at(cell.checked_sub(slots));
            row.push(Group::Holiday, today);
            row.push(Group::Holiday, today * weekend);
            row.push(Group::Holiday, yesterday);
            row.push(Group::Holiday, at(Some(cell + slots)));
            let bridge = at(cell.checked_sub(slots)) + at(Some(cell + slots));
            row.push(Group::Holiday, bridge * f64::from(u8::from(weekday == 0 || weekday == 4)));
            for lag in [self.lags[0], self.weekly_lag(), self.weekly_lag() + 7] {
                row.push(Group::Holiday, at(cell.checked_sub(lag * slots)));
            }
            marks.push((Group::Holiday, today * (1.0 - weekend)));
            marks.push((Group::Holiday, at(cell.checked_sub(self.lags[0] * slots))));
        }
        marks
    }

    /// Covariates known ahead: now, lately, over the day, and where the load
    /// inputs come from.
    fn weather(
        &self,
        prepared: &Prepared<'_>,
        cell: usize,
        origin: usize,
        marks: &[(Group, f64)],
        row: &mut Row,
    ) {
        let slots = self.slots;
        let day = cell / slots;
        let weekend = weekend(marks);
        let year = f64::from(prepared.frame.date(day).ordinal0()) / 365.25 * TAU;
        for knots in &self.weather {
            let w = &prepared.weather[knots.position];
            let (k, m) = (&knots.value[..], &knots.mean[..]);
            let at = |cell: usize| w.value[cell.min(w.value.len() - 1)];
            let now = at(cell);
            row.bend(now, k);
            row.bend(w.mean_day[cell], m);
            row.bend(w.mean_three_days[cell], &[m[0], m[3]]);
            row.bend(w.smooth[cell], &[m[1], m[2]]);
            let (low, high) = w.day_range[day];
            row.bend(low, &[k[1], k[3]]);
            row.bend(high, &[k[2], k[4], k[5]]);
            if day > 0 {
                row.bend(w.day_range[day - 1].1, &[k[3], k[5]]);
            } else {
                row.bend(f64::NAN, &[0.0, 0.0]);
            }
            for (x, knot) in [(now, k[1]), (now, k[4])] {
                row.push(Group::Weather, weekend * (x - knot).max(0.0));
            }
            row.push(Group::Weather, now * year.sin());
            row.push(Group::Weather, now * year.cos());
            row.push(Group::Weather, (now - k[4]).max(0.0) * (w.mean_day[cell] - m[2]).max(0.0));
            if slots >= 24 {
                let hour = slots / 24;
                for hours in [1, 2, 4, 8] {
                    row.bend(at(cell.saturating_sub(hours * hour)), &[k[1], k[4]]);
                }
            }
            for lag in self.weather_lags() {
                let before = cell.saturating_sub(lag * slots);
                row.bend(at(before), &[k[0], k[1], k[3], k[4], k[5]]);
                row.bend(w.mean_day[before], &[m[1], m[3]]);
            }
            if slots >= 24 && origin > 7 * slots {
                for before in [origin - 1, origin - 1 - slots, origin - 1 - 7 * slots] {
                    row.bend(at(before), &[k[1], k[3], k[4], k[5]]);
                    row.bend(w.mean_day[before], &[m[1], m[3]]);
                }
            }
        }
    }

    fn crossed(&self, prepared: &Prepared<'_>, cell: usize, marks: &[(Group, f64)], row: &mut Row) {
        if self.crossings.is_empty() {
            return;
        }
        let weekend = weekend(marks);
        let lag = self.lags[0] * self.slots;
        let inputs = crossing::inputs(prepared, &self.weather, cell, lag, weekend);
        let each = self.crossings.len() / MEMBERS;
        for (place, crossing) in self.crossings.iter().enumerate() {
            row.push(Group::Crossed(place / each), crossing.value(&inputs));
        }
    }

    /// Would rows of the other mean the same, knots apart?
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let names = |knots: &[Knots]| -> Vec<(String, usize)> {
            knots.iter().map(|knots| (knots.name.clone(), knots.position)).collect()
        };
        self.slots == other.slots
            && self.lead_days == other.lead_days
            && self.origin_slot == other.origin_slot
            && self.lags == other.lags
            && self.long_days == other.long_days
            && self.harmonics == other.harmonics
            && self.flags == other.flags
            && names(&self.weather) == names(&other.weather)
            && names(&self.observed) == names(&other.observed)
    }

    fn weather_lags(&self) -> Vec<usize> {
        let mut lags =
            vec![self.lags[0], self.lags[0] + 1, self.weekly_lag(), self.weekly_lag() + 7];
        lags.dedup();
        lags
    }

    /// Covariates not known ahead: before the origin only.
    fn observed(&self, history: &History, cell: usize, origin: usize, row: &mut Row) {
        for knots in &self.observed {
            let values = &history.observed[knots.position];
            let at = |cell: usize| values.get(cell.min(origin - 1)).copied().unwrap_or(f64::NAN);
            row.bend(at(origin - 1), &[knots.value[1], knots.value[4]]);
            for lag in [self.lags[0], self.weekly_lag()] {
                row.bend(
                    at(cell.saturating_sub(lag * self.slots)),
                    &[knots.value[1], knots.value[3], knots.value[4]],
                );
            }
            let day: f64 = (1..=self.slots).map(|back| at(origin.saturating_sub(back))).sum();
            row.bend(day / self.slots as f64, &[knots.mean[1], knots.mean[3]]);
        }
    }

    /// Loads before the origin, and how they count by day type.
    fn load(
        &self,
        history: &History,
        cell: usize,
        origin: usize,
        level: f64,
        marks: &[(Group, f64)],
        row: &mut Row,
    ) {
        let slots = self.slots;
        let past = |back: usize| {
            cell.checked_sub(back).map_or(f64::NAN, |c| history.filled[c.min(origin - 1)]) - level
        };
        let push = |row: &mut Row, value: f64| row.push(Group::RecentLoad, value);
        for &lag in &self.lags {
            push(row, past(lag * slots));
        }
        let mean_day = history.mean(origin, slots) - level;
        push(row, mean_day);
        push(row, history.mean(origin.saturating_sub(slots), slots) - level);
        push(row, history.mean(origin, self.long_days * slots) - level);
        push(row, level);
        let mut lively =
            vec![past(self.lags[0] * slots), past(self.weekly_lag() * slots), mean_day];
        if slots >= 24 {
            let hour = slots / 24;
            for shift in [hour, 2 * hour] {
                push(row, past(self.lags[0] * slots - shift));
                push(row, past(self.lags[0] * slots + shift));
            }
            let latest = history.filled[origin - 1];
            let mean =
                |back: usize, hours: usize| history.mean(origin.saturating_sub(back), hours * hour);
            push(row, latest - level);
            for back in [slots, 2 * slots, 7 * slots] {
                push(
                    row,
                    latest - origin.checked_sub(1 + back).map_or(f64::NAN, |c| history.filled[c]),
                );
                push(row, mean(0, 3) - mean(back, 3));
                push(row, mean(0, 8) - mean(back, 8));
            }
            lively.push(mean(0, 3) - mean(slots, 3));
            lively.push(mean(0, 3) - mean(7 * slots, 3));
        }
        for &(group, mark) in marks {
            let group = if group == Group::Holiday { group } else { Group::RecentLoad };
            for value in &lively {
                row.push(group, mark * value);
            }
        }
    }
}

/// Is it a Saturday or Sunday, by the marks of the calendar?
fn weekend(marks: &[(Group, f64)]) -> f64 {
    marks[1..3].iter().map(|mark| mark.1).sum()
}

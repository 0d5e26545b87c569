//! The day as the rules want it to be, while they look at it.

use std::ops::Range;

use chrono::NaiveDate;
use loadstar_schema::codes::{Quality, VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed, Thresholds};

use crate::case::Case;
use crate::finding::Finding;

/// What is to stand in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) energy: Energy,
    pub(crate) quality: Quality,
    /// A person put it there.
    pub(crate) by_person: bool,
    /// Which rule wants it, and why; `None` for a value as it came.
    pub(crate) edit: Option<(VeeRule, String)>,
}

/// A case and what is to be done about it so far.
pub(crate) struct Plan<'a> {
    pub(crate) case: &'a Case,
    pub(crate) values: Vec<Option<Value>>,
    pub(crate) findings: Vec<Finding>,
    thresholds: &'a Thresholds,
}

impl<'a> Plan<'a> {
    /// The day as it came.
    pub(crate) fn new(case: &'a Case, thresholds: &'a Thresholds) -> Self {
        let came = |slot: &crate::Slot| {
            slot.came.map(|read| Value {
                energy: read.energy,
                quality: read.quality,
                by_person: read.by_person,
                edit: None,
            })
        };
        let values = case.slots.iter().map(came).collect();
        Self { case, values, findings: Vec::new(), thresholds }
    }

    /// A threshold in force on the day.
    pub(crate) fn threshold(&self, rule: VeeRule, parameter: &str) -> Option<Energy> {
        self.thresholds.on(rule.code(), parameter, self.case.day).map(|row| row.value)
    }

    /// Says something about some intervals.
    pub(crate) fn find(
        &mut self,
        rule: VeeRule,
        parameter: &str,
        action: VeeAction,
        slots: &[usize],
        detail: String,
    ) {
        let from = self.thresholds.on(rule.code(), parameter, self.case.day);
        self.findings.push(Finding {
            rule,
            action,
            interval_count: slots.len() as i32,
            first_read_at: slots.iter().min().map(|&slot| self.case.read_at(slot)),
            detail,
            rule_valid_from: from.map_or(NaiveDate::default(), |row| row.valid_from),
        });
    }

    /// Puts a value into a slot.
    pub(crate) fn put(
        &mut self,
        slot: usize,
        energy: Energy,
        quality: Quality,
        rule: VeeRule,
        reason: impl Into<String>,
    ) {
        let edit = Some((rule, reason.into()));
        self.values[slot] = Some(Value { energy, quality, by_person: false, edit });
    }

    /// Marks a value questionable.
    pub(crate) fn flag(&mut self, slot: usize, rule: VeeRule, reason: impl Into<String>) {
        if let Some(energy) = self.energy(slot) {
            self.put(slot, energy, Quality::QUESTIONABLE, rule, reason);
        }
    }

    pub(crate) fn energy(&self, slot: usize) -> Option<Energy> {
        self.values[slot].as_ref().map(|value| value.energy)
    }

    /// A value that was measured and nothing speaks against.
    pub(crate) fn measured(&self, slot: usize) -> Option<Energy> {
        let value = self.values[slot].as_ref()?;
        let trusted = value.edit.is_none()
            && !value.quality.is_estimated()
            && value.quality != Quality::QUESTIONABLE;
        trusted.then_some(value.energy)
    }

    /// May a rule speak against it? Not against what a person put there.
    pub(crate) fn is_open(&self, slot: usize) -> bool {
        self.measured(slot).is_some()
            && self.values[slot].as_ref().is_some_and(|value| !value.by_person)
    }

    /// Is a read missing that is due?
    pub(crate) fn is_missing(&self, slot: usize) -> bool {
        let told = &self.case.slots[slot];
        told.due && !told.covered && self.values[slot].is_none()
    }

    /// Has every interval a read that is due?
    pub(crate) fn is_complete(&self) -> bool {
        (0..self.values.len()).all(|slot| !self.is_missing(slot))
    }

    /// The slots that are so, each run by itself.
    pub(crate) fn runs(&self, is_so: impl Fn(&Self, usize) -> bool) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for slot in (0..self.values.len()).filter(|&slot| is_so(self, slot)) {
            match runs.last_mut() {
                Some(run) if run.end == slot => run.end += 1,
                _ => runs.push(slot..slot + 1),
            }
        }
        runs
    }

    /// The energy of the day, reads off the grid among it.
    pub(crate) fn total(&self) -> Energy {
        let values = self.values.iter().flatten().map(|value| value.energy);
        values.sum::<Energy>() + self.case.off_grid_kwh
    }

    /// The mean of like days in a slot, if enough of them have a value there.
    pub(crate) fn like_mean(&self, slot: usize) -> Option<Energy> {
        let most = self.threshold(VeeRule::Gap, "like_days")?.0 / Energy::ONE;
        let fewest = self.threshold(VeeRule::Gap, "like_days_min")?.0 / Energy::ONE;
        let most = usize::try_from(most).unwrap_or(0);
        let values: Vec<Energy> = self.case.like(slot).take(most).collect();
        let count = values.len() as i128;
        (count >= fewest.max(1))
            .then(|| Fixed(rounded(values.into_iter().sum::<Energy>().0, count)))
    }

    /// How far intervals and register may be apart.
    pub(crate) fn tolerance(&self, delta: Energy) -> Option<Energy> {
        let at_least = self.threshold(VeeRule::SumCheck, "tolerance_kwh")?;
        let share = self.threshold(VeeRule::SumCheck, "tolerance_pct")?;
        Some(at_least.max(Fixed(delta.0.abs() * share.0 / (100 * Energy::ONE))))
    }
}

/// A quotient, halves away from zero.
pub(crate) fn rounded(value: i128, by: i128) -> i128 {
    (value + value.signum() * by / 2) / by
}

/// Is `value` more than `ratio` times `base`?
pub(crate) fn exceeds(value: Energy, ratio: Energy, base: Energy) -> bool {
    value.0 * Energy::ONE > ratio.0 * base.0
}

/// Power of an interval, kW.
pub(crate) fn power(case: &Case, energy: Energy) -> Energy {
    Fixed(rounded(energy.0 * 60, case.interval_min.into()))
}

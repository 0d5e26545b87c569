//! What the rules are told about a day.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use loadstar_schema::codes::{Quality, ReadChannel};
use loadstar_schema::{Energy, day};

/// A day of one channel of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The meter.
    pub meter_id: String,
    /// What the channel measures.
    pub channel: ReadChannel,
    /// The settlement day.
    pub day: NaiveDate,
    /// Length of an interval, minutes; divides 1440.
    pub interval_min: i16,
    /// One for every interval of the day.
    pub slots: Vec<Slot>,
    /// Energy of the day's reads that stand off the grid.
    pub off_grid_kwh: Energy,
    /// How many these are.
    pub off_grid_count: usize,
    /// Measured in the interval before the day.
    pub before: Option<Energy>,
    /// Measured in the interval after the day.
    pub after: Option<Energy>,
    /// What was measured on like days, the latest first: as many values each as
    /// there are slots.
    pub like_days: Vec<Vec<Option<Energy>>>,
    /// What the register says of the day.
    pub register_delta_kwh: Option<Energy>,
    /// What the connection carries.
    pub capacity_kva: Option<Energy>,
    /// Times without supply that touch the day.
    pub outages: Vec<Outage>,
    /// Did the meter feed into the grid on the day? Then it may have drawn nothing.
    pub feeds_in: bool,
    /// For a reactive channel, the active energy of the same direction.
    pub active_kwh: Option<Energy>,
}

/// One interval of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Is a read due? Not before the meter was connected or after it was removed.
    pub due: bool,
    /// A read off the grid stands for this interval.
    pub covered: bool,
    /// The read as it came, or as a person corrected it.
    pub came: Option<Read>,
    /// The read that counts at present: the same, or what a rule made of it.
    pub now: Option<Read>,
}

/// What is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The energy of the interval.
    pub energy: Energy,
    /// How far it is to be trusted.
    pub quality: Quality,
    /// Its revision; −1 for an estimate of what never came.
    pub revision: i32,
    /// A person put it there: the rules leave it alone.
    pub by_person: bool,
}

impl Read {
    /// Was it measured, neither estimated nor questionable?
    #[must_use]
    pub const fn is_measured(self) -> bool {
        !self.quality.is_estimated() && self.quality.0 != Quality::QUESTIONABLE.0
    }
}

/// A time without supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it ended, if it has.
    pub to: Option<DateTime<Utc>>,
}

impl Case {
    /// When the interval of a slot ends.
    #[must_use]
    pub fn read_at(&self, slot: usize) -> DateTime<Utc> {
        let minutes = (slot as i64 + 1) * i64::from(self.interval_min);
        day::start(self.day) + TimeDelta::minutes(minutes)
    }

    fn begins_at(&self, slot: usize) -> DateTime<Utc> {
        self.read_at(slot) - TimeDelta::minutes(self.interval_min.into())
    }

    /// Was there no supply in all of the interval?
    pub(crate) fn is_out(&self, slot: usize) -> bool {
        self.outages.iter().any(|outage| {
            outage.from <= self.begins_at(slot)
                && outage.to.is_none_or(|to| self.read_at(slot) <= to)
        })
    }

    /// Was there no supply in some of it?
    pub(crate) fn is_partly_out(&self, slot: usize) -> bool {
        self.outages.iter().any(|outage| {
            outage.from < self.read_at(slot) && outage.to.is_none_or(|to| self.begins_at(slot) < to)
        })
    }

    /// How long some intervals are, minutes.
    pub(crate) fn minutes(&self, slots: usize) -> i128 {
        slots as i128 * i128::from(self.interval_min)
    }

    /// Is it active energy, which has a direction and no sign?
    pub(crate) const fn is_active(&self) -> bool {
        matches!(self.channel, ReadChannel::Import | ReadChannel::Export)
    }

    /// Is it what customers draw, which one day is like another in?
    pub(crate) const fn is_drawn(&self) -> bool {
        matches!(self.channel, ReadChannel::Import)
    }

    /// The values of like days in one slot.
    pub(crate) fn like(&self, slot: usize) -> impl Iterator<Item = Energy> + '_ {
        self.like_days.iter().filter_map(move |day| day.get(slot).copied().flatten())
    }
}

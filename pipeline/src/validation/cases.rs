//! Suspects and what is known about them, put together as the rules ask for it.

use std::collections::HashMap;

use anyhow::Result;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use loadstar_schema::codes::{ReadChannel, VeeAction, VeeRule};
use loadstar_schema::{Energy, day};
use loadstar_sql::VeeBatch;
use loadstar_vee::{Case, Finding, Known, Outage, Slot};

use super::reads::Curves;
use crate::rows::rows;

const MINUTES_PER_DAY: i16 = 1440;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// A row of `suspects.sql`.
struct Suspect {
    day: NaiveDate,
    interval_min: i16,
    due: Option<(DateTime<Utc>, DateTime<Utc>)>,
    capacity_kva: Option<Energy>,
    register_delta_kwh: Option<Energy>,
    active_kwh: Option<Energy>,
    feeds_in: bool,
}

/// Meter and channel.
type Meter = (String, String);

/// The suspects of some days, by meter and channel.
pub struct Suspects {
    by_meter: HashMap<Meter, Vec<Suspect>>,
    outages: HashMap<String, Vec<Outage>>,
    known: HashMap<(Meter, NaiveDate), Vec<Known>>,
    count: usize,
}

impl Suspects {
    pub fn read(batch: &VeeBatch<'_>) -> Result<Self> {
        let (mut by_meter, mut count) = (HashMap::<Meter, Vec<Suspect>>::new(), 0);
        for row in rows(&batch.suspects) {
            let (Some(meter), Some(channel), Some(day)) =
                (row.text("meter_id")?, row.text("channel")?, row.date("day")?)
            else {
                continue;
            };
            let suspect = Suspect {
                day,
                interval_min: row.int("interval_min")?.unwrap_or_default() as i16,
                due: row.instant("due_from")?.zip(row.instant("due_to")?),
                capacity_kva: row.fixed("capacity_kva")?,
                register_delta_kwh: row.fixed("register_delta_kwh")?,
                active_kwh: row.fixed("active_kwh")?,
                feeds_in: row.boolean("feeds_in")?.unwrap_or_default(),
            };
            count += 1;
            by_meter.entry((meter, channel)).or_default().push(suspect);
        }
        let mut outages = HashMap::<String, Vec<Outage>>::new();
        for row in rows(&batch.outages) {
            if let (Some(meter), Some(from)) = (row.text("meter_id")?, row.instant("started_at")?) {
                let outage = Outage { from, to: row.instant("ended_at")? };
                outages.entry(meter).or_default().push(outage);
            }
        }
        Ok(Self { by_meter, outages, known: known(batch)?, count })
    }

    /// Days of meters.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The cases of a meter's channel, each with what was found before.
    pub fn take(
        &mut self,
        meter: &Meter,
        curves: &Curves,
        batch: &VeeBatch<'_>,
    ) -> Vec<(Case, Vec<Known>)> {
        let suspects = self.by_meter.remove(meter).unwrap_or_default();
        let case = |suspect: Suspect| {
            let known = self.known.remove(&(meter.clone(), suspect.day)).unwrap_or_default();
            let outages = self.outages.get(&meter.0).cloned().unwrap_or_default();
            let like_days = batch.like_days(suspect.day);
            Some((case(meter, suspect, outages, like_days, curves)?, known))
        };
        suspects.into_iter().filter_map(case).collect()
    }
}

fn known(batch: &VeeBatch<'_>) -> Result<HashMap<(Meter, NaiveDate), Vec<Known>>> {
    let mut known = HashMap::<(Meter, NaiveDate), Vec<Known>>::new();
    for row in rows(&batch.known) {
        let rule = row.text("rule")?.and_then(|code| VeeRule::from_code(&code));
        let action = row.text("action")?.and_then(|code| VeeAction::from_code(&code));
        let (Some(meter), Some(channel), Some(day), Some(rule), Some(action)) =
            (row.text("meter_id")?, row.text("channel")?, row.date("day")?, rule, action)
        else {
            continue;
        };
        let finding = Finding {
            rule,
            action,
            interval_count: row.int("interval_count")?.unwrap_or_default() as i32,
            first_read_at: row.instant("first_read_at")?,
            detail: row.text("detail")?.unwrap_or_default(),
            rule_valid_from: row.date("rule_valid_from")?.unwrap_or_default(),
        };
        let revision = row.int("revision")?.unwrap_or_default() as i32;
        known.entry(((meter, channel), day)).or_default().push(Known { finding, revision });
    }
    Ok(known)
}

/// `None` where intervals of several lengths share a day: what is missing of
/// them cannot be told.
fn case(
    meter: &Meter,
    suspect: Suspect,
    outages: Vec<Outage>,
    like_days: &[NaiveDate],
    curves: &Curves,
) -> Option<Case> {
    if suspect.interval_min <= 0 || MINUTES_PER_DAY % suspect.interval_min != 0 {
        return None;
    }
    let count = (MINUTES_PER_DAY / suspect.interval_min) as usize;
    let number = day::to_date32(suspect.day);
    if curves.of(number).any(|standing| standing.interval_min != suspect.interval_min) {
        return None;
    }
    let curve = |number: i32| -> Vec<Option<Energy>> {
        let mut values = vec![None; count];
        for (slot, slot_of) in Grid::of(number, suspect.interval_min).slots(curves) {
            if let Place::On(place) = slot {
                let measured = slot_of.filter(|read| read.is_measured());
                values[place] = measured.map(|read| read.energy);
            }
        }
        values
    };
    let mut case = Case {
        meter_id: meter.0.clone(),
        channel: ReadChannel::from_code(&meter.1)?,
        day: suspect.day,
        interval_min: suspect.interval_min,
        slots: vec![Slot::default(); count],
        off_grid_kwh: Energy::ZERO,
        off_grid_count: 0,
        before: curve(number - 1).last().copied().flatten(),
        after: curve(number + 1).first().copied().flatten(),
        like_days: like_days.iter().map(|day| curve(day::to_date32(*day))).collect(),
        register_delta_kwh: suspect.register_delta_kwh,
        capacity_kva: suspect.capacity_kva,
        outages,
        active_kwh: suspect.active_kwh,
        feeds_in: suspect.feeds_in,
    };
    for slot in 0..count {
        let ends = case.read_at(slot);
        let begins = ends - TimeDelta::minutes(suspect.interval_min.into());
        case.slots[slot].due = suspect.due.is_none_or(|(from, to)| from <= begins && ends <= to);
    }
    let grid = Grid::of(number, suspect.interval_min);
    for standing in curves.of(number) {
        match grid.place(standing.read_at) {
            Place::On(slot) => {
                case.slots[slot].came = standing.came;
                case.slots[slot].now = standing.now;
            }
            Place::Near(slot) => {
                case.off_grid_kwh += standing.now.map_or(Energy::ZERO, |read| read.energy);
                case.off_grid_count += 1;
                if let Some(slot) = slot {
                    case.slots[slot].covered = true;
                }
            }
        }
    }
    // A clock that is late closes the day on the next one.
    let next = Grid::of(number + 1, suspect.interval_min);
    let closes = |read_at: i64| matches!(next.place(read_at), Place::Near(None));
    if curves.of(number + 1).any(|standing| closes(standing.read_at)) {
        case.slots[count - 1].covered = true;
    }
    Some(case)
}

/// Where the intervals of a day end.
struct Grid {
    day: i32,
    starts_at: i64,
    step: i64,
    slots: usize,
}

/// Where a read stands.
enum Place {
    On(usize),
    /// Off the grid, nearest to an interval of the day or to the one before it.
    Near(Option<usize>),
}

impl Grid {
    fn of(number: i32, interval_min: i16) -> Self {
        let starts_at =
            day::from_date32(number).map_or(0, |day| day::start(day).timestamp_micros());
        let slots = (MINUTES_PER_DAY / interval_min) as usize;
        Self { day: number, starts_at, step: i64::from(interval_min) * MICROS_PER_MINUTE, slots }
    }

    fn place(&self, read_at: i64) -> Place {
        let since = read_at - self.starts_at;
        let nearest = (since + self.step / 2).div_euclid(self.step) - 1;
        let slot = usize::try_from(nearest).ok().filter(|slot| *slot < self.slots);
        match slot {
            Some(slot) if since.rem_euclid(self.step) == 0 => Place::On(slot),
            slot => Place::Near(slot),
        }
    }

    fn slots(&self, curves: &Curves) -> Vec<(Place, Option<loadstar_vee::Read>)> {
        curves.of(self.day).map(|standing| (self.place(standing.read_at), standing.came)).collect()
    }
}

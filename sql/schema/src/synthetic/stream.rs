//! The utility at play: each day is lived once, its messages kept until they
//! arrive.

use std::collections::BTreeMap;

use chrono::{Datelike, Days as DayCount, NaiveDate, TimeDelta};

use super::billing::{Prices, Usage};
use super::calendar::Calendar;
use super::defects::{MeterDefect, Plan, Saboteur};
use super::draw::{Draw, Purpose};
use super::inspection::CaseBook;
use super::invoice::{self, Period};
use super::load::{CommonNoise, DayLoad, OwnNoise};
use super::mischarge::Mistakes;
use super::outbox::Outbox;
use super::payments::Accounts;
use super::population::{City, area_id};
use super::profile::REGIONS;
use super::reads::{Meter, MeterDay};
use super::service::RequestBook;
use super::supply::Supply;
use super::truth::{AreaLink, Churned, Ledger, Thief, Truth, class};
use super::weather::Climate;
use super::{DayOfEvents, Utility, UtilitySpec};
use crate::{Table, day};

/// Hour of the end day at which the utility stops.
const CUTOFF_HOUR: i64 = 8;

/// What a customer has run up since the month began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Month {
    pub(super) first: Option<NaiveDate>,
    pub(super) last: NaiveDate,
    pub(super) energy: i64,
    pub(super) reactive_before: i64,
    pub(super) peak: i64,
}

/// A play of a [`Utility`]: an iterator over days of arrival, from the first
/// settlement day to the morning of `end`. Days are made when asked for; only
/// messages that have not arrived yet are held.
#[derive(Clone, Debug)]
pub struct Days {
    pub(super) spec: UtilitySpec,
    pub(super) start: NaiveDate,
    pub(super) next: u32,
    pub(super) city: City,
    pub(super) calendar: Calendar,
    pub(super) prices: Prices,
    pub(super) climate: Climate,
    pub(super) common: CommonNoise,
    pub(super) own: Vec<OwnNoise>,
    pub(super) meters: Vec<Meter>,
    pub(super) months: Vec<Month>,
    pub(super) known: Vec<bool>,
    pub(super) lsn: i64,
    pub(super) plan: Plan,
    pub(super) supply: Supply,
    pub(super) requests: RequestBook,
    pub(super) cases: CaseBook,
    pub(super) accounts: Accounts,
    pub(super) billing: Draw,
    pub(super) mistakes: Mistakes,
    pub(super) forecasts: Draw,
    pub(super) changes: Draw,
    pub(super) outbox: Outbox,
}

impl Iterator for Days {
    type Item = DayOfEvents;

    fn next(&mut self) -> Option<DayOfEvents> {
        if self.next > self.spec.days {
            return None;
        }
        let date = self.date(self.next);
        if self.next < self.spec.days {
            self.live(self.next, date);
        }
        self.next += 1;
        Some(DayOfEvents { day: date, events: self.outbox.take(date) })
    }
}

impl Days {
    pub(super) fn new(utility: &Utility) -> Self {
        let spec = utility.spec.clone();
        let (seed, start) = (spec.seed, utility.start());
        let mut city = utility.city.clone();
        let plan = Plan::new(&spec, &city);
        for planted in plan.meters.iter().filter(|p| p.defect == MeterDefect::Rollover) {
            // A few days' energy below the last digit.
            let member = &mut city.members[planted.member];
            let days = (member.size_kwh * 50_000.0) as i64 / member.multiplier;
            member.register_start = 9_999_999_999 - days.min(9_000_000_000);
        }
        let members = city.members.len();
        let cutoff = day::start(spec.end) + TimeDelta::hours(CUTOFF_HOUR);
        Self {
            start,
            next: 0,
            climate: Climate::new(seed, start, spec.days),
            common: CommonNoise::new(seed),
            own: (0..members).map(|index| OwnNoise::new(seed, index)).collect(),
            meters: (0..members).map(|index| Meter::new(seed, index)).collect(),
            months: vec![Month::default(); members],
            known: vec![false; members],
            lsn: 0,
            supply: Supply::new(seed, &city),
            requests: RequestBook::new(seed, start, &city.members),
            cases: CaseBook::new(seed, start, spec.days as i32, &city.members),
            accounts: Accounts::new(seed, start, &city.members),
            billing: Draw::new(seed, Purpose::Billing, 0),
            mistakes: Mistakes::new(seed, spec.defect_rate),
            forecasts: Draw::new(seed, Purpose::Forecast, 0),
            changes: Draw::new(seed, Purpose::Billing, 1),
            outbox: Outbox::new(cutoff, Saboteur::new(&spec), Ledger::new(start, spec.days)),
            calendar: utility.calendar.clone(),
            prices: utility.prices.clone(),
            plan,
            city,
            spec,
        }
    }

    /// What the events up to now amount to; the whole truth once the iterator
    /// has ended. (Messages under way count as soon as they are certain to
    /// arrive.)
    #[must_use]
    pub fn truth(&self) -> Truth {
        let mut truth = self.outbox.ledger.truth();
        let lived = self.next.min(self.spec.days) as i32;
        (truth.bills.matured_bills, truth.bills.unpaid_30_days) = self.accounts.matured();
        truth.late_payers = self.accounts.late_payers(&self.city.members);
        truth.defects = self.plan.truth(&self.city, self.start);
        let date = |day: i32| self.start + TimeDelta::days(i64::from(day));
        for (member, known) in self.city.members.iter().zip(&self.known) {
            if *known {
                let status = member.status.code().to_owned();
                *truth.customers_at_end.entry(status).or_insert(0) += 1;
            }
            let customer_id = member.customer_id.clone();
            if let Some(leaving) = member.fate.leaving {
                truth.churned.push(Churned {
                    customer_id: customer_id.clone(),
                    day: date(leaving.day),
                    signals_from: date(leaving.from),
                    status: if leaving.suspended { "suspended" } else { "closed" }.to_owned(),
                    cause: leaving.cause.name().to_owned(),
                });
            }
            if let Some((from, share)) = member.fate.theft.filter(|theft| theft.0 < lived) {
                truth.thieves.push(Thief {
                    customer_id: customer_id.clone(),
                    meter_id: member.meter_id.clone(),
                    from: date(from),
                    share,
                });
            }
            if let (Some(booked), Some(area)) = (member.booked_area, member.area)
                && booked != area
            {
                truth.wrong_links.push(AreaLink {
                    customer_id,
                    booked_area_id: area_id(booked),
                    true_area_id: area_id(area),
                });
            }
        }
        truth
    }

    fn date(&self, index: u32) -> NaiveDate {
        self.start + DayCount::new(u64::from(index))
    }

    fn live(&mut self, index: u32, date: NaiveDate) {
        let today = index as i32;
        for member in 0..self.city.members.len() {
            self.change(member, today, date);
        }
        self.send_weather(index, date);
        self.consume(index, date);
        self.supply.send(date, &mut self.outbox);
        let wind = self.climate.day(index).iter().map(|hour| hour[0].wind_ms).fold(0.0, f64::max);
        let storm = (wind / 4.0 - 1.0).clamp(0.0, 4.0);
        self.requests.play(today, storm, &self.city.members, &mut self.outbox);
        self.cases.play(today, &self.city.members, &mut self.outbox);
        self.accounts.play(today, &self.city.members, &mut self.outbox);
        if self.date(index + 1).day() == 1 {
            self.close_month(date);
        }
    }

    fn send_weather(&mut self, index: u32, date: NaiveDate) {
        let last = index + 1 == self.spec.days;
        let lead_hours = if last { 8 * 24 + 6 } else { 48 };
        let issued_at = day::start(date) + TimeDelta::hours(18);
        for (place, cell) in REGIONS.iter().enumerate() {
            for hour in 0..24 {
                let event = self.climate.observation(index, hour, place);
                let at = event.valid_at + TimeDelta::seconds(240 + place as i64);
                self.outbox.send_fact(Table::Weather, cell, at, &event);
            }
            let at = issued_at + TimeDelta::seconds(300 + place as i64);
            for event in self.climate.forecast(index, lead_hours, place, &mut self.forecasts) {
                self.outbox.send_fact(Table::Weather, cell, at, &event);
            }
        }
    }

    /// Everyone's load, true, counted and sent.
    fn consume(&mut self, index: u32, date: NaiveDate) {
        let today = index as i32;
        let slots = 1440 / usize::from(self.spec.interval_min.unsigned_abs());
        let load =
            DayLoad::new(index, date, slots, &self.calendar, &self.climate, &mut self.common);
        let faults: BTreeMap<usize, MeterDefect> = self
            .plan
            .meters
            .iter()
            .filter(|planted| (planted.from..=planted.to).contains(&today))
            .map(|planted| (planted.member, planted.defect))
            .collect();
        let (mut used, mut fed) = (vec![0_i64; slots], vec![0_i64; slots]);
        for member_index in 0..self.city.members.len() {
            if !self.is_supplied(member_index) {
                continue;
            }
            let member = &self.city.members[member_index];
            self.own[member_index].fill(member, today, &load, &mut used, &mut fed);
            for outage in &self.plan.outages {
                if outage.day == today && member.area == Some(outage.area) {
                    let per_hour = slots / 24;
                    let dark = outage.from_hour * per_hour..outage.to_hour * per_hour;
                    used[dark.clone()].fill(0);
                    fed[dark].fill(0);
                }
            }
            self.supply.add(member, &used);
            let step = member.step;
            let share = member.fate.metered(today);
            for energy in &mut used {
                let counted = if share < 1.0 { (*energy as f64 * share) as i64 } else { *energy };
                *energy = (counted + step / 2) / step * step;
            }
            let fault = faults.get(&member_index).copied();
            if fault == Some(MeterDefect::Stuck) {
                used.fill((member.size_kwh * 10_000.0) as i64 / slots as i64 / step * step);
            }
            let solar = member.solar_kw > 0.0;
            for energy in fed.iter_mut().filter(|_| solar) {
                *energy = (*energy + step / 2) / step * step;
            }
            let (meter, month) = (&mut self.meters[member_index], &mut self.months[member_index]);
            let energy: i64 = used.iter().sum();
            meter.import += energy;
            if solar {
                meter.export += fed.iter().sum::<i64>();
            }
            month.first.get_or_insert(date);
            month.last = date;
            month.energy += energy;
            let hours = used.chunks_exact(slots / 24).map(|hour| hour.iter().sum::<i64>());
            month.peak = month.peak.max(hours.max().unwrap_or(0));
            match fault {
                Some(MeterDefect::Spike) => used[slots / 2] *= 50,
                Some(MeterDefect::ClockDrift) => used.rotate_right(1),
                _ => {}
            }
            let day = MeterDay {
                index,
                date,
                class: class(member.profile, member.region),
                interval_min: self.spec.interval_min,
                import: &used,
                export: if solar { &fed } else { &[] },
                defect_rate: self.spec.defect_rate,
            };
            meter.send(member, day, &mut self.outbox);
        }
    }

    /// Brings the reactive register up to the month's energy.
    pub(super) fn settle_reactive(&mut self, index: usize) {
        let (meter, member) = (&mut self.meters[index], &self.city.members[index]);
        let ratio = member.reactive_ratio * (1.0 + 0.05 * self.billing.normal());
        let month = &mut self.months[index];
        let due = (month.energy as f64 * ratio) as i64 / member.step * member.step;
        // What was settled before, at a replacement, stays settled.
        let more = (due - month.reactive_before).max(0);
        meter.reactive += more;
        month.reactive_before += more;
    }

    /// Reads the registers at the month's end and issues its bills.
    fn close_month(&mut self, month_end: NaiveDate) {
        for index in 0..self.city.members.len() {
            let Some(first) = self.months[index].first else { continue };
            let supplied = self.is_supplied(index);
            if supplied {
                self.settle_reactive(index);
                let member = &self.city.members[index];
                let meter = &mut self.meters[index];
                meter.send_registers(member, day::end(month_end), &mut self.outbox);
            }
            let month = std::mem::take(&mut self.months[index]);
            let days = (month.last - first).num_days() + 1;
            let usage = Usage {
                energy: month.energy.into(),
                reactive: month.reactive_before.into(),
                peak: month.peak.into(),
                days: days.into(),
                whole_month: days == i64::from(month_end.day()),
            };
            let last = month.last;
            invoice::issue(
                index,
                &self.city.members[index],
                usage,
                Period { start: self.start, first, last, month_end },
                &self.prices,
                &mut self.billing,
                &mut self.mistakes,
                &mut self.accounts,
                &mut self.outbox,
            );
        }
    }
}

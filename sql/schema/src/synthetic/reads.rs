//! What meters send: curves, single reads and registers, most in the early
//! morning after, some late, some estimated first.

use std::borrow::Cow;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::draw::{Draw, Purpose};
use super::json::{Curve, GAP};
use super::outbox::{Outbox, Parcel};
use super::population::Member;
use crate::codes::{ReadChannel, TouPeriod};
use crate::event::{MeterRead, RegisterRead};
use crate::{Fixed, Table, day};

/// Where a register starts again from zero, kWh.
const MODULUS_KWH: i64 = 1_000_000;

/// A meter's registers and its way to the head end.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    draw: Draw,
    /// Counted since the first day or the meter's replacement, 1e-4 kWh.
    pub(super) import: i64,
    pub(super) export: i64,
    pub(super) reactive: i64,
}

/// A day of a meter as counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeterDay<'a> {
    pub(super) index: u32,
    pub(super) date: NaiveDate,
    pub(super) class: usize,
    pub(super) interval_min: i16,
    pub(super) import: &'a [i64],
    /// Empty without solar.
    pub(super) export: &'a [i64],
    /// Share of curves that something is wrong with.
    pub(super) defect_rate: f64,
}

impl Meter {
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let draw = Draw::new(seed, Purpose::Arrival, index as u64);
        Self { draw, import: 0, export: 0, reactive: 0 }
    }

    /// Sends a day, and tells the ledger what it will amount to.
    pub(super) fn send(&mut self, member: &Member, today: MeterDay<'_>, outbox: &mut Outbox) {
        let mut at = day::end(today.date) + TimeDelta::seconds(self.draw.seconds(1800, 21_600));
        let luck = self.draw.unit();
        if luck < 0.004 {
            at += TimeDelta::days(self.draw.between(1, 5).into());
        }
        let curve = Curve {
            meter_id: &member.meter_id,
            export: false,
            date: today.date,
            interval_min: today.interval_min,
            values: today.import,
            quality: &[],
            revision: 0,
        };
        if member.single_reads && today.index / 7 % 8 == 3 {
            self.send_singly(at, curve, today, outbox);
        } else if (0.004..0.007).contains(&luck) {
            self.send_estimated(at, curve, member.step, today, outbox);
        } else if today.defect_rate > 0.0 && self.draw.chance(today.defect_rate) {
            self.send_defective(at, curve, member.step, today, outbox);
        } else if send_curve(at, curve, today.import.len() as u64, outbox) {
            outbox.ledger.import(today.index, today.class, today.import.iter().sum());
        }
        if !today.export.is_empty() {
            let curve = Curve { export: true, values: today.export, ..curve };
            if send_curve(at, curve, today.export.len() as u64, outbox) {
                outbox.ledger.export(today.export.iter().sum());
            }
        }
    }

    fn send_singly(
        &mut self,
        at: DateTime<Utc>,
        curve: Curve<'_>,
        today: MeterDay<'_>,
        outbox: &mut Outbox,
    ) {
        for (slot, &energy) in curve.values.iter().enumerate() {
            let minutes = (slot as i64 + 1) * i64::from(curve.interval_min);
            let read = MeterRead {
                meter_id: Cow::Borrowed(curve.meter_id),
                channel: Cow::Borrowed(ReadChannel::Import.code()),
                read_at: day::start(curve.date) + TimeDelta::minutes(minutes),
                interval_min: curve.interval_min,
                energy_kwh: Fixed(energy.into()),
                quality: 0,
                revision: 0,
            };
            let at = at + TimeDelta::seconds(slot as i64);
            if outbox.send_fact(Table::MeterReads, curve.meter_id, at, &read) {
                outbox.ledger.import(today.index, today.class, energy);
            }
        }
    }

    /// An estimate that the reading replaces some days later.
    fn send_estimated(
        &mut self,
        at: DateTime<Utc>,
        curve: Curve<'_>,
        step: i64,
        today: MeterDay<'_>,
        outbox: &mut Outbox,
    ) {
        let count = curve.values.len();
        let mut values = curve.values.to_vec();
        let mut quality = vec![0; count];
        if self.draw.chance(0.6) {
            let mean = values.iter().sum::<i64>() / count as i64;
            let factor = self.draw.range(0.85, 1.15);
            for value in &mut values {
                *value = ((*value + mean) as f64 / 2.0 * factor) as i64 / step * step;
            }
            quality.fill(8);
        } else {
            let first = 1 + self.draw.below(count - 5);
            let (before, after) = (values[first - 1], values[first + 3]);
            for (place, slot) in (first..first + 3).enumerate() {
                values[slot] = (before + (after - before) * (place as i64 + 1) / 4) / step * step;
                quality[slot] = 9;
            }
        }
        let estimate = Curve { values: &values, quality: &quality, ..curve };
        let read_at = at + Days::new(self.draw.between(1, 6) as u64);
        let actual = Curve { revision: 1, ..curve };
        if send_curve(at, estimate, count as u64, outbox) {
            outbox.ledger.import(today.index, today.class, values.iter().sum());
            if send_curve(read_at, actual, 0, outbox) {
                let change = curve.values.iter().sum::<i64>() - values.iter().sum::<i64>();
                outbox.ledger.import(today.index, today.class, change);
            }
        }
    }

    /// Gaps, a contradiction, or a meter that no one has.
    fn send_defective(
        &mut self,
        at: DateTime<Utc>,
        curve: Curve<'_>,
        step: i64,
        today: MeterDay<'_>,
        outbox: &mut Outbox,
    ) {
        let count = curve.values.len();
        let kind = self.draw.unit();
        let mut values = curve.values.to_vec();
        if kind < 0.5 {
            let gaps = 1 + self.draw.below(count / 3);
            let first = self.draw.below(count - gaps);
            values[first..first + gaps].fill(GAP);
        }
        let sent = Curve { values: &values, ..curve };
        let known = values.iter().filter(|&&value| value >= 0);
        if send_curve(at, sent, known.clone().count() as u64, outbox) {
            outbox.ledger.import(today.index, today.class, known.sum());
        }
        let later = at + TimeDelta::seconds(self.draw.seconds(3600, 14_400));
        if kind > 0.8 {
            let meter_id = format!("X{}", curve.meter_id.trim_start_matches('M'));
            let unknown = Curve { meter_id: &meter_id, ..curve };
            if send_curve(later, unknown, count as u64, outbox) {
                outbox.ledger.unknown_meter(curve.values.iter().sum());
            }
        } else if kind > 0.5 {
            let other: Vec<i64> = values.iter().map(|value| value + 7 * step).collect();
            let conflict = Curve { values: &other, ..curve };
            outbox.send_conflict(Parcel {
                table: Table::MeterReads,
                key: curve.meter_id,
                at: later,
                payload: conflict.to_json(),
                rows: count as u64,
                fresh: 0,
            });
        }
    }

    /// Sends what the registers show at an instant.
    pub(super) fn send_registers(
        &mut self,
        member: &Member,
        read_at: DateTime<Utc>,
        outbox: &mut Outbox,
    ) {
        let at = read_at + TimeDelta::seconds(self.draw.seconds(600, 10_800));
        let channels = [
            (ReadChannel::Import, Some(self.import)),
            (ReadChannel::Export, (member.solar_kw > 0.0).then_some(self.export)),
            (ReadChannel::ReactiveImport, member.pf_standard.map(|_| self.reactive)),
        ];
        for (channel, counted) in channels {
            let Some(counted) = counted else { continue };
            let first = if channel == ReadChannel::Import { member.register_start } else { 0 };
            let shown = (first + counted / member.multiplier) % (MODULUS_KWH * 10_000);
            let read = RegisterRead {
                meter_id: Cow::Borrowed(&member.meter_id),
                channel: Cow::Borrowed(channel.code()),
                tou: Cow::Borrowed(TouPeriod::Total.code()),
                read_at,
                register_kwh: Fixed(shown.into()),
                multiplier: Fixed(i128::from(member.multiplier) * 10_000),
                modulus_kwh: Fixed(i128::from(MODULUS_KWH) * 10_000),
                quality: 0,
                revision: 0,
            };
            outbox.send_fact(Table::RegisterReads, &member.meter_id, at, &read);
        }
    }
}

/// Sends a curve that brings `fresh` new keys.
fn send_curve(at: DateTime<Utc>, curve: Curve<'_>, fresh: u64, outbox: &mut Outbox) -> bool {
    if !outbox.arrives(at) {
        return false;
    }
    let rows = curve.values.iter().filter(|&&value| value >= 0).count() as u64;
    let payload = curve.to_json();
    let table = Table::MeterReads;
    outbox.send(Parcel { table, key: curve.meter_id, at, payload, rows, fresh })
}

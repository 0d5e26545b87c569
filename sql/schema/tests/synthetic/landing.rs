//! A landing in miniature: decode, refuse what cannot be, keep the newest
//! revision, of equal ones the first.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use loadstar_schema::day;
use loadstar_schema::event::{Customer, MeterDay, MeterRead, RegisterRead};
use loadstar_schema::reference::Axis;
use loadstar_schema::synthetic::DayOfEvents;

/// Meter, is it the export channel, end of the interval.
type Key = (String, bool, DateTime<Utc>);

/// What has landed of the meters' topic.
#[derive(Default)]
pub(crate) struct Landed {
    pub(crate) intervals: HashMap<Key, (i32, i128)>,
    pub(crate) rows: u64,
    pub(crate) registers: Vec<RegisterRead<'static>>,
    pub(crate) refused: u64,
}

impl Landed {
    pub(crate) fn of(batches: &[DayOfEvents]) -> Self {
        let mut landed = Self::default();
        for event in super::of_topic(batches, "meter_reads") {
            if landed.take(&event.payload).is_none() {
                landed.refused += 1;
            }
        }
        landed
    }

    /// None if the message has to be refused.
    fn take(&mut self, payload: &[u8]) -> Option<()> {
        let shape: serde_json::Value = serde_json::from_slice(payload).ok()?;
        if shape.get("values").is_some() {
            let curve: MeterDay<'_> = serde_json::from_slice(payload).ok()?;
            let export = is_export(&curve.channel)?;
            let expected = 1440 / curve.interval_min as usize;
            let plausible = |units: i128| (0..1_000_000_000_000).contains(&units);
            if curve.values.len() != expected
                || curve.values.iter().flatten().any(|energy| !plausible(energy.0))
            {
                return None;
            }
            for (slot, energy) in curve.values.iter().enumerate() {
                let minutes = (slot as i64 + 1) * i64::from(curve.interval_min);
                let read_at = day::start(curve.day) + TimeDelta::minutes(minutes);
                if let Some(energy) = energy {
                    let key = (curve.meter_id.to_string(), export, read_at);
                    self.keep(key, curve.revision, energy.0);
                }
            }
        } else if shape.get("register_kwh").is_some() {
            let read: RegisterRead<'_> = serde_json::from_slice(payload).ok()?;
            if read.register_kwh.0 < 0 || !is_register(&read.channel) {
                return None;
            }
            let owned: RegisterRead<'static> = RegisterRead {
                meter_id: read.meter_id.into_owned().into(),
                channel: read.channel.into_owned().into(),
                tou: read.tou.into_owned().into(),
                ..read
            };
            self.registers.push(owned);
        } else {
            let read: MeterRead<'_> = serde_json::from_slice(payload).ok()?;
            let export = is_export(&read.channel)?;
            if read.energy_kwh.0 < 0 {
                return None;
            }
            let key = (read.meter_id.into_owned(), export, read.read_at);
            self.keep(key, read.revision, read.energy_kwh.0);
        }
        Some(())
    }

    fn keep(&mut self, key: Key, revision: i32, energy: i128) {
        self.rows += 1;
        let kept = self.intervals.entry(key).or_insert((revision, energy));
        if revision > kept.0 {
            *kept = (revision, energy);
        }
    }
}

fn is_export(channel: &str) -> Option<bool> {
    match channel {
        "import" => Some(false),
        "export" => Some(true),
        _ => None,
    }
}

fn is_register(channel: &str) -> bool {
    matches!(channel, "import" | "export" | "reactive_import" | "reactive_export")
}

/// Who had which meter and class when, from the change log ordered by lsn.
pub(crate) struct Registry {
    by_meter: HashMap<String, Vec<Customer<'static>>>,
}

impl Registry {
    pub(crate) fn of(batches: &[DayOfEvents]) -> Self {
        let mut by_meter: HashMap<String, Vec<Customer<'static>>> = HashMap::new();
        for event in super::of_topic(batches, "customers") {
            let text = String::from_utf8(event.payload.clone()).unwrap_or_default();
            // The messages have to outlive the test's maps.
            let Ok(row) = serde_json::from_str::<Customer<'_>>(String::leak(text)) else {
                continue;
            };
            let refused =
                row.status == "vanished" || row.capacity_kva.is_some_and(|capacity| capacity.0 < 0);
            if !refused {
                by_meter.entry(row.meter_id.to_string()).or_default().push(row);
            }
        }
        for rows in by_meter.values_mut() {
            rows.sort_by_key(|row| row.lsn);
        }
        Self { by_meter }
    }

    /// The row valid in the interval ending at `read_at`, if anyone's.
    pub(crate) fn at(&self, meter_id: &str, read_at: DateTime<Utc>) -> Option<&Customer<'static>> {
        let rows = self.by_meter.get(meter_id)?;
        rows.iter().rev().find(|row| row.valid_from < read_at)
    }

    /// The row's code on an axis.
    pub(crate) fn code(row: &Customer<'static>, axis: Axis) -> String {
        let code = match axis {
            Axis::Voltage => &row.voltage_code,
            Axis::Tariff => &row.tariff_code,
            Axis::Usage => &row.usage_code,
            Axis::Industry => &row.industry_code,
            Axis::Region => &row.region_code,
        };
        code.as_deref().unwrap_or_default().to_owned()
    }
}

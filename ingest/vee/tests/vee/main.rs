//! The rules from outside: a day in, edits and findings out.

mod always;
mod estimates;
mod flags;
mod register;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use loadstar_schema::codes::{Quality, ReadChannel, VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed, Thresholds, day};
use loadstar_vee::{Case, Edit, Outage, Outcome, Read, Slot, examine};

fn kwh(text: &str) -> Energy {
    text.parse().expect("an energy")
}

fn date() -> NaiveDate {
    "2026-11-16".parse().expect("a date")
}

/// An instant of the day, by its hours.
fn at(hours: f64) -> DateTime<Utc> {
    day::start(date()) + TimeDelta::seconds((hours * 3600.0) as i64)
}

fn read(energy: Energy, quality: i16) -> Read {
    Read { energy, quality: Quality(quality), revision: 0, by_person: false }
}

fn slot(read: Option<Read>) -> Slot {
    Slot { due: true, covered: false, came: read, now: read }
}

/// An hourly day of 1, 2, 3, 4 kWh over and over, and four like days of the same.
fn usual() -> Case {
    let curve: Vec<Energy> = (0..24).map(|hour| Fixed((hour % 4 + 1) * Energy::ONE)).collect();
    Case {
        meter_id: "M1".to_owned(),
        channel: ReadChannel::Import,
        day: date(),
        interval_min: 60,
        slots: curve.iter().map(|energy| slot(Some(read(*energy, 0)))).collect(),
        off_grid_kwh: Energy::ZERO,
        off_grid_count: 0,
        before: Some(kwh("4")),
        after: Some(kwh("1")),
        like_days: vec![curve.into_iter().map(Some).collect(); 4],
        register_delta_kwh: None,
        capacity_kva: None,
        outages: Vec::new(),
        feeds_in: false,
        active_kwh: None,
    }
}

fn without(mut case: Case, hours: std::ops::Range<usize>) -> Case {
    case.slots[hours].fill(slot(None));
    case
}

fn with(mut case: Case, hour: usize, energy: &str, quality: i16) -> Case {
    case.slots[hour] = slot(Some(read(kwh(energy), quality)));
    case
}

fn told(case: &Case) -> Outcome {
    examine(case, &Thresholds::shipped())
}

/// Hour, energy, quality and rule of each edit.
fn edits(outcome: &Outcome) -> Vec<(i64, String, i16, VeeRule)> {
    let hour = |edit: &Edit| (edit.read_at - at(0.0)).num_hours() - 1;
    let edits = outcome.edits.iter();
    edits.map(|e| (hour(e), e.energy.to_string(), e.quality.0, e.rule)).collect()
}

/// Rule, action and count of each finding.
fn findings(outcome: &Outcome) -> Vec<(VeeRule, VeeAction, i32)> {
    outcome.findings.iter().map(|f| (f.rule, f.action, f.interval_count)).collect()
}

fn outage(from: f64, to: f64) -> Outage {
    Outage { from: at(from), to: Some(at(to)) }
}

/// The day once the edits are in.
fn after(mut case: Case, outcome: &Outcome) -> Case {
    for edit in &outcome.edits {
        let place = (edit.read_at - at(0.0)).num_minutes() / i64::from(case.interval_min) - 1;
        let Edit { energy, quality, revision, .. } = *edit;
        case.slots[place as usize].now = Some(Read { energy, quality, revision, by_person: false });
    }
    case
}

#[test]
fn a_usual_day_is_left_alone() {
    assert_eq!(told(&usual()), Outcome::default());
}

//! The clock people live by: from a named zone, or read off the data.
//!
//! Load follows local time, daylight saving included, while stamps are often
//! UTC or standard time. Where no zone is named, two things are looked for in
//! the history before the first origin, and nothing after it:
//!
//! 1. **Daylight saving.** In the seven days after each clock change of a
//!    candidate rule, is the load nearer to that of the same *local* time a
//!    week before than to that of the same stamp? The rule with the greatest
//!    gain is taken when it gains 5 % and at most changes.
//! 2. **Midnight.** A 0/1 covariate known ahead (a holiday flag) flips at local
//!    midnight: when nine in ten flips share a time of day, that is midnight.
//!
//! Otherwise stamps are taken as they are written.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetComponents, Tz};
use serde::{Deserialize, Serialize};

use super::series::{LoadSeries, MICROS_PER_DAY};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// One zone per family of daylight-saving rules in use since the 1990s.
const SAVING_RULES: [Tz; 12] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::America__Los_Angeles,
    Tz::Australia__Melbourne,
    Tz::Pacific__Auckland,
    Tz::America__Santiago,
    Tz::America__Sao_Paulo,
    Tz::America__Mexico_City,
    Tz::America__Asuncion,
    Tz::Asia__Jerusalem,
    Tz::Asia__Tehran,
    Tz::Africa__Cairo,
];

/// Local time as an offset from the stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Minutes added to every stamp.
    pub standard_minutes: i32,
    /// Zone whose daylight saving is added.
    #[serde(with = "zone_name")]
    pub saving: Option<Tz>,
}

impl Clock {
    /// Stamps as they are written.
    pub const AS_WRITTEN: Self = Self { standard_minutes: 0, saving: None };

    /// The clock of a named zone at about `near` (its standard offset may have
    /// changed over the years; the one then is taken throughout).
    pub fn of_zone(zone: Tz, near: DateTime<Utc>) -> Self {
        let offset = zone.offset_from_utc_datetime(&near.naive_utc());
        let minutes = offset.base_utc_offset().num_minutes() as i32;
        Self { standard_minutes: minutes, saving: Some(zone) }
    }

    /// Local time minus stamp, in microseconds, at a stamp in microseconds.
    pub(crate) fn offset_us(&self, time_us: i64) -> i64 {
        let saving = self.saving.map_or(0, |zone| saving_us(zone, time_us));
        i64::from(self.standard_minutes) * MICROS_PER_MINUTE + saving
    }

    /// Reads the clock off the first `history` intervals; the note says what
    /// was found. Deterministic.
    pub(crate) fn infer(series: &LoadSeries, history: usize) -> (Self, Option<String>) {
        if let Some(zone) = series.zone {
            return (Self::of_zone(zone, series.start), None);
        }
        if series.step_us() == MICROS_PER_DAY {
            return (Self::AS_WRITTEN, None);
        }
        let saving = infer_saving(series, history);
        let midnight = infer_midnight(series, history, saving);
        let clock = Self { standard_minutes: midnight.unwrap_or(0), saving };
        if clock == Self::AS_WRITTEN {
            return (clock, None);
        }
        let mut said = match midnight {
            Some(minutes) => format!(
                "local time read off the data as the stamps {}{:02}:{:02} (where the 0/1 covariates flip)",
                if minutes < 0 { '-' } else { '+' },
                minutes.abs() / 60,
                minutes.abs() % 60
            ),
            None => "local time read off the data as the stamps".to_owned(),
        };
        if let Some(zone) = saving {
            said.push_str(&format!(" with daylight saving as in {zone}"));
        }
        said.push_str("; name a time zone to set it");
        (clock, Some(said))
    }
}

fn saving_us(zone: Tz, time_us: i64) -> i64 {
    let time = DateTime::<Utc>::from_timestamp_micros(time_us).unwrap_or_default();
    let offset = zone.offset_from_utc_datetime(&time.naive_utc());
    offset.dst_offset().num_microseconds().unwrap_or(0)
}

fn infer_saving(series: &LoadSeries, history: usize) -> Option<Tz> {
    let (step, start) = (series.step_us(), series.start_us());
    let y = &series.target;
    let week = (7 * MICROS_PER_DAY / step) as usize;
    let hour_divides = 3_600_000_000 % step == 0;
    if !hour_divides || history < 2 * week {
        return None;
    }
    let mut best: Option<(f64, Tz)> = None;
    for zone in SAVING_RULES {
        let (mut fixed_sum, mut local_sum, mut better, mut changes) = (0.0, 0.0, 0, 0);
        for (change, shift_us) in changes_of(zone, start, start + history as i64 * step) {
            let first = ((change - start + step - 1) / step) as usize;
            // Local time advanced by `shift`: the same local time last week was stamped later.
            let shift = shift_us / step;
            let (mut fixed, mut local) = (0.0, 0.0);
            for i in first.max(week + shift.unsigned_abs() as usize)..(first + week).min(history) {
                let before = y[i - week];
                let at_local = y[(i as i64 - week as i64 + shift) as usize];
                if y[i].is_finite() && before.is_finite() && at_local.is_finite() {
                    fixed += (y[i] - before).abs();
                    local += (y[i] - at_local).abs();
                }
            }
            if fixed > 0.0 {
                changes += 1;
                better += usize::from(local < fixed);
                fixed_sum += fixed;
                local_sum += local;
            }
        }
        let gain = fixed_sum - local_sum;
        let convincing = changes >= 2 && 4 * better >= 3 * changes && gain > 0.05 * fixed_sum;
        if convincing && best.is_none_or(|(most, _)| gain > most) {
            best = Some((gain, zone));
        }
    }
    best.map(|(_, zone)| zone)
}

/// Clock changes in `from..to`: instant and advance, in microseconds.
fn changes_of(zone: Tz, from: i64, to: i64) -> Vec<(i64, i64)> {
    let mut changes = Vec::new();
    let mut day = from;
    while day < to {
        let (mut low, mut high) = (day, (day + MICROS_PER_DAY).min(to));
        let (before, after) = (saving_us(zone, low), saving_us(zone, high));
        if before != after {
            while high - low > TimeDelta::minutes(15).num_microseconds().unwrap_or(1) {
                let middle = low + (high - low) / 2;
                if saving_us(zone, middle) == before { low = middle } else { high = middle }
            }
            // Changes happen on whole quarter-hours.
            let quarter = 15 * MICROS_PER_MINUTE;
            changes.push(((low + quarter).div_euclid(quarter) * quarter, after - before));
        }
        day += MICROS_PER_DAY;
    }
    changes
}

/// Minutes from stamp to local standard time, from the flips of 0/1 covariates.
fn infer_midnight(series: &LoadSeries, history: usize, saving: Option<Tz>) -> Option<i32> {
    let (step, start) = (series.step_us(), series.start_us());
    let mut flips: Vec<i64> = Vec::new();
    for covariate in &series.known {
        let values = covariate.values.slice(ndarray::s![..history.min(series.len())]);
        if !is_flag(values.iter()) {
            continue;
        }
        for i in 1..values.len() {
            if values[i - 1].is_finite() && values[i].is_finite() && values[i - 1] != values[i] {
                let time = start + i as i64 * step;
                flips.push(
                    (time + saving.map_or(0, |z| saving_us(z, time))).rem_euclid(MICROS_PER_DAY),
                );
            }
        }
    }
    if flips.len() < 4 {
        return None;
    }
    flips.sort_unstable();
    let (mut most, mut midnight) = (0, 0);
    for run in flips.chunk_by(|a, b| a == b) {
        if run.len() > most {
            (most, midnight) = (run.len(), run[0]);
        }
    }
    if most * 10 < flips.len() * 9 {
        return None;
    }
    let behind = (-midnight).rem_euclid(MICROS_PER_DAY) / MICROS_PER_MINUTE;
    let minutes = if behind > 14 * 60 { behind - 24 * 60 } else { behind };
    i32::try_from(minutes).ok().filter(|&minutes| minutes != 0)
}

/// Whether the finite values are 0 and 1, both present.
pub(crate) fn is_flag<'a>(values: impl Iterator<Item = &'a f64>) -> bool {
    let (mut zero, mut one) = (false, false);
    for value in values.filter(|v| v.is_finite()) {
        match *value {
            0.0 => zero = true,
            1.0 => one = true,
            _ => return false,
        }
    }
    zero && one
}

mod zone_name {
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(zone: &Option<Tz>, out: S) -> Result<S::Ok, S::Error> {
        match zone {
            Some(zone) => out.serialize_some(zone.name()),
            None => out.serialize_none(),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Tz>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        name.map(|name| name.parse().map_err(D::Error::custom)).transpose()
    }
}

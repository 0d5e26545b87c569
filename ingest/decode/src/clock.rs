//! Reads off the grid of their intervals: a meter's clock has drifted.
//!
//! A small drift is put right, a large one only marked: the energy was drawn,
//! but in which interval of the day cannot be told. It counts in kWh and is left
//! out where the time of day matters (quality 10 with rule `clock`).

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use loadstar_schema::codes::Quality;
use loadstar_schema::{Thresholds, day};

use super::check::stamp;
use super::interval_rows::Edit;

const RULE: &str = "clock";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The thresholds that ship decide, those in force on the day of the read, not
/// the lake's own: decoding the same messages again gives the same rows.
static SHIPPED: LazyLock<Thresholds> = LazyLock::new(Thresholds::shipped);

/// Where the read of the interval ending at `read_at` is to stand, with which
/// quality, and why.
pub(super) fn placed(
    read_at: DateTime<Utc>,
    interval_min: i16,
    quality: i16,
) -> (DateTime<Utc>, i16, Option<Edit>) {
    let step = i64::from(interval_min) * 60 * MICROS_PER_SECOND;
    let micros = read_at.timestamp_micros();
    let late = (micros - day::start_micros(day::date32_of_interval_end(micros))).rem_euclid(step);
    if late == 0 {
        return (read_at, quality, None);
    }
    let settled = day::of_interval_end(read_at);
    // To the nearest end of an interval.
    let drift = if late * 2 > step { late - step } else { late };
    let tolerance = SHIPPED.on(RULE, "tolerance_s", settled);
    let tolerance_s = tolerance.map_or(0.0, |threshold| threshold.value.to_f64());
    let drift_s = drift as f64 / MICROS_PER_SECOND as f64;
    let edit = |reason| Some(Edit { rule: RULE.to_owned(), reason });
    let off = format!("{} s {}", drift_s.abs(), if drift > 0 { "late" } else { "early" });
    if drift_s.abs() <= tolerance_s {
        let reason = format!("read at {}, {off}; realigned", stamp(read_at));
        // An estimate stays one.
        let known = Quality(quality).is_estimated() || Quality(quality) == Quality::QUESTIONABLE;
        let quality = if known { quality } else { Quality::EDITED.0 };
        return (read_at - TimeDelta::microseconds(drift), quality, edit(reason));
    }
    let reason = format!(
        "{off}, more than the {tolerance_s} s that are realigned; for kWh, not for time of use"
    );
    (read_at, Quality::QUESTIONABLE.0, edit(reason))
}

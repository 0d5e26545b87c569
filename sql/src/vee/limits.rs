//! Thresholds as the screen compares with them: a row a day.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch};
use loadstar_schema::codes::VeeRule;
use loadstar_schema::{Thresholds, day};

use crate::LakeError;

/// The screen's name of a threshold, its rule and parameter.
const LIMITS: &[(&str, VeeRule, &str)] = &[
    ("gap_hours", VeeRule::Gap, "interpolate_hours"),
    ("like_days_min", VeeRule::Gap, "like_days_min"),
    ("zero_run_hours", VeeRule::ZeroRun, "max_hours"),
    ("spike_pct", VeeRule::Spike, "max_excess_pct"),
    ("spike_min", VeeRule::Spike, "min_kwh"),
    ("change_ratio", VeeRule::DemandChange, "max_ratio"),
    ("capacity_ratio", VeeRule::Capacity, "max_ratio"),
    ("tolerance_kwh", VeeRule::SumCheck, "tolerance_kwh"),
    ("tolerance_pct", VeeRule::SumCheck, "tolerance_pct"),
    ("high_ratio", VeeRule::HighLow, "high_ratio"),
    ("low_ratio", VeeRule::HighLow, "low_ratio"),
    ("kvarh_ratio", VeeRule::KvarhVsKwh, "max_ratio"),
    ("kvarh_min", VeeRule::KvarhVsKwh, "min_kvarh"),
];

/// What is in force on each day; NULL where nothing is.
pub(super) fn of_days(
    days: &BTreeSet<i32>,
    thresholds: &Thresholds,
) -> Result<RecordBatch, LakeError> {
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("day", Arc::new(Date32Array::from_iter_values(days.iter().copied())))];
    for (name, rule, parameter) in LIMITS {
        let value = |&number: &i32| {
            let on = day::from_date32(number)?;
            thresholds.on(rule.code(), parameter, on).map(|row| row.value.to_f64())
        };
        let column: Float64Array = days.iter().map(value).collect();
        columns.push((name, Arc::new(column)));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, name != "day")),
    )?)
}

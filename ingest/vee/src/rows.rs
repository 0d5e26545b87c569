//! Edits and findings as rows of their tables.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int16Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use loadstar_schema::{Table, day, timestamp_type};

use crate::case::Case;
use crate::examine::Edit;
use crate::finding::Known;

/// Edits as rows of [`Table::MeterReads`] that become known at `at`.
///
/// # Errors
/// Arrow's, if an energy has more digits than the table holds.
pub fn edit_rows(edits: &[(&Case, Edit)], at: DateTime<Utc>) -> Result<RecordBatch, ArrowError> {
    let energies = edits.iter().map(|(_, edit)| edit.energy.0).collect::<Vec<_>>();
    let energies = Decimal128Array::from(energies).with_precision_and_scale(18, 4)?;
    energies.validate_decimal_precision(18)?;
    let columns: Vec<ArrayRef> = vec![
        text(edits, |(case, _)| &case.meter_id),
        text(edits, |(case, _)| case.channel.code()),
        instants(edits, |(_, edit)| Some(edit.read_at)),
        Arc::new(Int16Array::from_iter_values(edits.iter().map(|(case, _)| case.interval_min))),
        Arc::new(energies),
        Arc::new(Int16Array::from_iter_values(edits.iter().map(|(_, edit)| edit.quality.0))),
        Arc::new(Int32Array::from_iter_values(edits.iter().map(|(_, edit)| edit.revision))),
        text(edits, |(_, edit)| edit.rule.code()),
        text(edits, |(_, edit)| &edit.reason),
        Arc::new(Date32Array::from_iter_values(
            edits.iter().map(|(case, _)| day::to_date32(case.day)),
        )),
        instants(edits, |_| Some(at)),
    ];
    RecordBatch::try_new(Table::MeterReads.schema(), columns)
}

/// Findings as rows of [`Table::VeeFindings`] that become known at `at`.
///
/// # Errors
/// Arrow's, if the rows are not of the table's columns.
pub fn finding_rows(
    findings: &[(&Case, Known)],
    run_id: &str,
    at: DateTime<Utc>,
) -> Result<RecordBatch, ArrowError> {
    let whole = |number: fn(&Known) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(findings.iter().map(|(_, known)| number(known))))
    };
    let columns: Vec<ArrayRef> = vec![
        text(findings, |_| run_id),
        Arc::new(Date32Array::from_iter_values(
            findings.iter().map(|(case, _)| day::to_date32(case.day)),
        )),
        text(findings, |(case, _)| &case.meter_id),
        text(findings, |(case, _)| case.channel.code()),
        text(findings, |(_, known)| known.finding.rule.code()),
        text(findings, |(_, known)| known.finding.action.code()),
        whole(|known| known.finding.interval_count),
        instants(findings, |(_, known)| known.finding.first_read_at),
        text(findings, |(_, known)| &known.finding.detail),
        Arc::new(Date32Array::from_iter_values(
            findings.iter().map(|(_, known)| day::to_date32(known.finding.rule_valid_from)),
        )),
        whole(|known| known.revision),
        instants(findings, |_| Some(at)),
    ];
    RecordBatch::try_new(Table::VeeFindings.schema(), columns)
}

fn text<'a, T>(rows: &'a [T], part: impl Fn(&'a T) -> &'a str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(part)))
}

fn instants<T>(rows: &[T], part: impl Fn(&T) -> Option<DateTime<Utc>>) -> ArrayRef {
    let micros = rows.iter().map(|row| part(row).map(|at| at.timestamp_micros()));
    let column: TimestampMicrosecondArray = micros.collect();
    Arc::new(column.with_data_type(timestamp_type()))
}

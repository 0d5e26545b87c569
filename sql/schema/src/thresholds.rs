//! The thresholds of validation, each in force from a day on.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type};
use chrono::NaiveDate;

use crate::{Energy, Fixed, Table, day, reference};

/// The application transaction that commits of validation carry, in each table
/// they touch: of two runs at once one is refused, and none looks at its own.
pub const VEE_TRANSACTION: &str = "vee";

/// One number of a rule, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The rule, such as `gap`.
    pub rule: String,
    /// The number of it, such as `interpolate_hours`.
    pub parameter: String,
    /// In the unit that its row names.
    pub value: Energy,
    /// The first day it holds on.
    pub valid_from: NaiveDate,
    /// The last one, if there is one.
    pub valid_to: Option<NaiveDate>,
}

/// Rows of [`Table::VeeRules`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    rows: Vec<Threshold>,
}

impl Thresholds {
    /// Those that ship.
    #[must_use]
    pub fn shipped() -> Self {
        let rows = reference::shipped(Table::VeeRules).ok().flatten();
        Self::from_rows(rows.as_slice())
    }

    /// Those in batches of the table, whatever text type an engine gave them.
    /// Rows that lack a column or a value are left out.
    #[must_use]
    pub fn from_rows(batches: &[RecordBatch]) -> Self {
        Self { rows: batches.iter().filter_map(read).flatten().collect() }
    }

    /// What is in force on a day: of several rows the one that began last.
    #[must_use]
    pub fn on(&self, rule: &str, parameter: &str, day: NaiveDate) -> Option<&Threshold> {
        let holds = |row: &&Threshold| {
            row.rule == rule
                && row.parameter == parameter
                && row.valid_from <= day
                && row.valid_to.is_none_or(|last| day <= last)
        };
        self.rows.iter().filter(holds).max_by_key(|row| row.valid_from)
    }
}

fn read(batch: &RecordBatch) -> Option<Vec<Threshold>> {
    let column = |name: &str, kind: &DataType| cast(batch.column_by_name(name)?, kind).ok();
    let (rules, parameters) =
        (column("rule", &DataType::Utf8)?, column("parameter", &DataType::Utf8)?);
    let (rules, parameters) = (rules.as_string::<i32>(), parameters.as_string::<i32>());
    let values = column("value", &DataType::Decimal128(18, 4))?;
    let values = values.as_primitive::<Decimal128Type>();
    let (from, to) =
        (column("valid_from", &DataType::Date32)?, column("valid_to", &DataType::Date32)?);
    let (from, to) = (from.as_primitive::<Date32Type>(), to.as_primitive::<Date32Type>());
    let row = |row: usize| {
        Some(Threshold {
            rule: rules.value(row).to_owned(),
            parameter: parameters.value(row).to_owned(),
            value: values.is_valid(row).then(|| Fixed(values.value(row)))?,
            valid_from: day::from_date32(from.value(row))?,
            valid_to: to.is_valid(row).then(|| day::from_date32(to.value(row))).flatten(),
        })
    };
    Some((0..batch.num_rows()).filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_began_last_is_in_force() {
        let mut thresholds = Thresholds::shipped();
        let date = |text: &str| text.parse().expect("a date");
        let own = Threshold {
            rule: "gap".to_owned(),
            parameter: "interpolate_hours".to_owned(),
            value: Fixed(30_000),
            valid_from: date("2026-03-01"),
            valid_to: Some(date("2026-03-31")),
        };
        thresholds.rows.insert(0, own);
        let on = |day: &str| {
            thresholds.on("gap", "interpolate_hours", date(day)).map(|row| row.value.to_string())
        };
        assert_eq!(on("2026-02-28").as_deref(), Some("2.0000"));
        assert_eq!(on("2026-03-31").as_deref(), Some("3.0000"));
        assert_eq!(on("2026-04-01").as_deref(), Some("2.0000"));
        assert_eq!(on("1999-12-31"), None);
        assert!(thresholds.on("gap", "no_such", date("2026-03-01")).is_none());
    }
}

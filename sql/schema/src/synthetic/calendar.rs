//! What kind of day it is, by the shipped calendar.

use std::collections::BTreeMap;

use arrow::array::{Array, Date32Array, StringArray};
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate, Weekday};

use crate::{Table, day, reference};

/// A day as work and shops see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayKind {
    Workday,
    Saturday,
    Sunday,
    Holiday,
    SpringFestival,
}

/// Holidays and shifted working days; years that it does not cover have plain
/// weeks.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    marked: BTreeMap<NaiveDate, DayKind>,
    festivals: Vec<NaiveDate>,
}

impl Calendar {
    pub(crate) fn shipped() -> Result<Self, ArrowError> {
        let mut marked = BTreeMap::new();
        let mut festivals: Vec<NaiveDate> = Vec::new();
        if let Some(rows) = reference::shipped(Table::Calendar)? {
            let text = |name: &str| {
                let column = rows.column_by_name(name);
                column.and_then(|column| column.as_any().downcast_ref::<StringArray>())
            };
            let dates = rows
                .column_by_name("date")
                .and_then(|column| column.as_any().downcast_ref::<Date32Array>());
            if let (Some(dates), Some(kinds), Some(names)) = (dates, text("kind"), text("name_en"))
            {
                for row in 0..rows.num_rows() {
                    let Some(date) = day::from_date32(dates.value(row)) else { continue };
                    let festival = names.value(row) == "Spring Festival";
                    let kind = match kinds.value(row) {
                        "workday" => DayKind::Workday,
                        _ if festival => DayKind::SpringFestival,
                        _ => DayKind::Holiday,
                    };
                    if festival
                        && festivals.last().is_none_or(|last| (date - *last).num_days() > 30)
                    {
                        festivals.push(date);
                    }
                    marked.insert(date, kind);
                }
            }
        }
        Ok(Self { marked, festivals })
    }

    pub(crate) fn kind(&self, date: NaiveDate) -> DayKind {
        self.marked.get(&date).copied().unwrap_or(match date.weekday() {
            Weekday::Sat => DayKind::Saturday,
            Weekday::Sun => DayKind::Sunday,
            _ => DayKind::Workday,
        })
    }

    /// How far factories are into the Spring Festival's standstill, 0 to 1:
    /// they wind down in the week before it and come back over two weeks.
    pub(crate) fn standstill(&self, date: NaiveDate) -> f64 {
        let depth = |first: &NaiveDate| match (date - *first).num_days() {
            before @ -7..=-1 => (8 + before) as f64 / 8.0,
            0..=7 => 1.0,
            after @ 8..=20 => (21 - after) as f64 / 14.0,
            _ => 0.0,
        };
        self.festivals.iter().map(depth).fold(0.0, f64::max)
    }
}

//! Record batches in, a regular series out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use ndarray::Array1;

use super::error::{LoadError, Result};
use super::series::{Covariate, LoadSeries, MICROS_PER_DAY, show_step};

/// Which columns of the batches mean what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesColumns {
    /// Stamp of the interval: a timestamp of any unit and zone, a date, or text
    /// that parses as one. Stamps without an offset are taken as UTC.
    pub time: String,
    /// What is forecast: any number.
    pub target: String,
    /// Numbers or booleans known ahead of the time forecast for.
    pub known: Vec<String>,
    /// Numbers or booleans known only once their time has come.
    pub observed: Vec<String>,
    /// A column that is true (or not zero) on public holidays: known ahead.
    pub holiday: Option<String>,
}

impl LoadSeries {
    /// Reads a series from rows in any order.
    ///
    /// Rows are sorted by time; the step is the most frequent distance between
    /// them; intervals without a row, and nulls, are NaN. Rows without a target
    /// after the last target carry known covariates into the future. Equal rows
    /// for one instant are taken once.
    ///
    /// # Errors
    /// `MissingColumn`, `ColumnType` (with the first value that cannot be
    /// read), `Empty`, `DuplicateTime`, `Irregular`, each naming the column or
    /// instant, and `BadSpec` for a step that does not divide a day.
    pub fn from_batches(
        batches: &[RecordBatch],
        columns: &SeriesColumns,
        zone: Option<Tz>,
        holidays: BTreeSet<NaiveDate>,
    ) -> Result<Self> {
        let mut known_names = columns.known.clone();
        known_names.extend(columns.holiday.clone().filter(|name| !columns.known.contains(name)));
        let names: Vec<&String> =
            std::iter::once(&columns.target).chain(&known_names).chain(&columns.observed).collect();

        let mut times = Vec::new();
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
        for batch in batches {
            times.extend(read_times(batch, &columns.time)?);
            for (column, name) in values.iter_mut().zip(&names) {
                column.extend(read_numbers(batch, name)?);
            }
        }
        if times.is_empty() {
            return Err(LoadError::Empty { reason: "the input has no rows".into() });
        }
        if let Some(holiday) = &columns.holiday
            && let Some(position) = names.iter().skip(1).position(|name| *name == holiday)
        {
            for value in values[position + 1].iter_mut().filter(|v| v.is_finite()) {
                *value = f64::from(u8::from(*value != 0.0));
            }
        }

        let order = sorted_once(&times, &values, &names)?;
        let step = most_frequent_step(&times, &order)?;
        let start = times[order[0]];
        let len = usize::try_from((times[order[order.len() - 1]] - start + step / 2) / step)
            .unwrap_or(0)
            .saturating_add(1);
        if len > order.len().saturating_mul(1000).saturating_add(100_000) {
            return Err(LoadError::Irregular {
                time: instant(times[order[order.len() - 1]]),
                step: show_step(step),
                advice: "it lies far from all others: check its year",
            });
        }
        let mut grids = vec![Array1::from_elem(len, f64::NAN); names.len()];
        let tolerance = if step == MICROS_PER_DAY { 7_200_000_000 } else { 0 };
        for &row in &order {
            let distance = times[row] - start;
            let index = (distance + step / 2) / step;
            if (distance - index * step).abs() > tolerance {
                return Err(LoadError::Irregular {
                    time: instant(times[row]),
                    step: show_step(step),
                    advice: "aggregate to regular intervals first, for instance with date_bin",
                });
            }
            for (grid, column) in grids.iter_mut().zip(&values) {
                grid[index as usize] = column[row];
            }
        }

        let mut named = names
            .iter()
            .zip(grids)
            .map(|(name, values)| Covariate { name: (*name).clone(), values })
            .collect::<Vec<_>>()
            .into_iter();
        let target = named.next().map_or_else(|| Array1::zeros(0), |c| c.values);
        if !target.iter().any(|v| v.is_finite()) {
            return Err(LoadError::Empty {
                reason: format!("every value of \"{}\" is null", columns.target),
            });
        }
        let series = Self {
            start: instant(start),
            step: TimeDelta::microseconds(step),
            target,
            known: named.by_ref().take(known_names.len()).collect(),
            observed: named.collect(),
            zone,
            holidays,
        };
        series.check()?;
        Ok(series)
    }
}

fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| LoadError::MissingColumn {
        column: name.to_owned(),
        present: batch
            .schema()
            .fields()
            .iter()
            .map(|field| format!("\"{}\"", field.name()))
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn cast(array: &ArrayRef, to: &DataType, name: &str, wanted: &'static str) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &strict).map_err(|error| LoadError::ColumnType {
        column: name.to_owned(),
        found: array.data_type().to_string(),
        wanted,
        reason: error.to_string(),
    })
}

/// Stamps of a batch in microseconds since the epoch.
fn read_times(batch: &RecordBatch, name: &str) -> Result<Vec<i64>> {
    const WANTED: &str = "a time";
    let array = column(batch, name)?;
    let array = match array.data_type() {
        DataType::Dictionary(_, value) => &cast(array, value, name, WANTED)?,
        _ => array,
    };
    let zone: Option<Arc<str>> = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some("UTC".into()),
        DataType::Date32 | DataType::Date64 => None,
        other => {
            return Err(LoadError::ColumnType {
                column: name.to_owned(),
                found: other.to_string(),
                wanted: WANTED,
                reason: "give a timestamp, a date, or text that parses as one".into(),
            });
        }
    };
    let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone), name, WANTED)?;
    if times.null_count() > 0 {
        return Err(LoadError::ColumnType {
            column: name.to_owned(),
            found: array.data_type().to_string(),
            wanted: WANTED,
            reason: format!("{} rows have no time; leave them out", times.null_count()),
        });
    }
    Ok(times.as_primitive::<TimestampMicrosecondType>().values().to_vec())
}

/// Numbers of a batch; null is NaN, true is 1.
fn read_numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>> {
    let array = column(batch, name)?;
    let numbers = match array.data_type() {
        DataType::Null => return Ok(vec![f64::NAN; array.len()]),
        // Text columns of booleans are common in CSV; a cast to a number would refuse them.
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            match cast(array, &DataType::Float64, name, "a number") {
                Ok(numbers) => numbers,
                Err(error) => {
                    let flags = cast(array, &DataType::Boolean, name, "a number");
                    cast(&flags.map_err(|_| error)?, &DataType::Float64, name, "a number")?
                }
            }
        }
        _ => cast(array, &DataType::Float64, name, "a number")?,
    };
    let numbers = numbers.as_primitive::<Float64Type>();
    Ok(numbers.iter().map(|v| v.filter(|v| v.is_finite()).unwrap_or(f64::NAN)).collect())
}

/// Rows by time, each instant once.
fn sorted_once(times: &[i64], values: &[Vec<f64>], names: &[&String]) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&row| times[row]);
    let mut kept: Vec<usize> = Vec::with_capacity(order.len());
    for row in order {
        match kept.last() {
            Some(&last) if times[last] == times[row] => {
                for (column, name) in values.iter().zip(names) {
                    let (first, second) = (column[last], column[row]);
                    if first.to_bits() != second.to_bits() && first != second {
                        return Err(LoadError::DuplicateTime {
                            time: instant(times[row]),
                            column: (*name).clone(),
                            first,
                            second,
                        });
                    }
                }
            }
            _ => kept.push(row),
        }
    }
    Ok(kept)
}

/// The mode of the distances between consecutive rows, the smaller on a tie.
fn most_frequent_step(times: &[i64], order: &[usize]) -> Result<i64> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for pair in order.windows(2) {
        *counts.entry(times[pair[1]] - times[pair[0]]).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|&(step, count)| (count, std::cmp::Reverse(step)))
        .map(|(step, _)| step)
        .ok_or_else(|| LoadError::Empty {
            reason: "one row tells neither a step nor a pattern; give at least two weeks".into(),
        })
}

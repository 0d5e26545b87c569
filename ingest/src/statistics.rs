//! What queries prune files by, gathered while a file is written.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::compute;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use loadstar_schema::Table;
use serde_json::{Map, Value, json};

use crate::layout;

/// Counts of a file, and the least and the greatest value of some columns.
pub(crate) struct Statistics {
    rows: usize,
    columns: Vec<Column>,
}

struct Column {
    name: &'static str,
    /// `None` until there is such a column.
    nulls: Option<usize>,
    /// The least and the greatest value so far, as an array of two.
    ends: Option<ArrayRef>,
}

impl Statistics {
    pub(crate) fn new(table: Table) -> Self {
        let column = |name| Column { name, nulls: None, ends: None };
        let columns = layout::statistics_columns(table).into_iter().map(column).collect();
        Self { rows: 0, columns }
    }

    /// Takes in rows; all of a file have the same columns.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += rows.num_rows();
        for column in &mut self.columns {
            let Some(values) = rows.column_by_name(column.name) else { continue };
            *column.nulls.get_or_insert_default() += values.null_count();
            column.ends = match (column.ends.take(), ends(values)) {
                (Some(before), Some(more)) => {
                    ends(&compute::concat(&[before.as_ref(), more.as_ref()])?)
                }
                (before, more) => before.or(more),
            };
        }
        Ok(())
    }

    /// As the Delta protocol spells it.
    pub(crate) fn to_json(&self) -> String {
        let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            let Some(count) = column.nulls else { continue };
            nulls.insert(column.name.to_owned(), count.into());
            if let Some(ends) = &column.ends {
                least.insert(column.name.to_owned(), shown(ends, 0));
                greatest.insert(column.name.to_owned(), shown(ends, 1));
            }
        }
        let all = json!({
            "numRecords": self.rows, "minValues": least, "maxValues": greatest,
            "nullCount": nulls,
        });
        all.to_string()
    }
}

/// The least and the greatest value, if the column has any and is of a type
/// that is pruned by.
fn ends(column: &ArrayRef) -> Option<ArrayRef> {
    fn of<T: ArrowPrimitiveType>(column: &ArrayRef) -> Option<ArrayRef> {
        let values = column.as_primitive::<T>();
        let ends = [compute::min(values)?, compute::max(values)?];
        let ends = PrimitiveArray::<T>::from_iter_values(ends);
        Some(Arc::new(ends.with_data_type(column.data_type().clone())))
    }
    match column.data_type() {
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            let ends = [compute::min_string(values)?, compute::max_string(values)?];
            Some(Arc::new(StringArray::from_iter_values(ends)))
        }
        DataType::Int16 => of::<Int16Type>(column),
        DataType::Int32 => of::<Int32Type>(column),
        DataType::Int64 => of::<Int64Type>(column),
        DataType::Date32 => of::<Date32Type>(column),
        DataType::Timestamp(..) => of::<TimestampMicrosecondType>(column),
        _ => None,
    }
}

fn shown(ends: &ArrayRef, at: usize) -> Value {
    match ends.data_type() {
        DataType::Utf8 => ends.as_string::<i32>().value(at).into(),
        DataType::Int16 => ends.as_primitive::<Int16Type>().value(at).into(),
        DataType::Int32 => ends.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => ends.as_primitive::<Int64Type>().value(at).into(),
        DataType::Date32 => {
            let days = ends.as_primitive::<Date32Type>().value(at);
            NaiveDate::from_epoch_days(days).map(|day| day.to_string()).into()
        }
        _ => {
            let micros = ends.as_primitive::<TimestampMicrosecondType>().value(at);
            let instant = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
            instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn of_parts_are_those_of_the_whole() {
        let mut statistics = Statistics::new(Table::DeadLetters);
        for (topics, offsets) in [
            (vec![None], vec![7]),
            (vec![Some("b"), None], vec![-2, 5]),
            (vec![Some("a")], vec![6]),
        ] {
            let topics: ArrayRef = Arc::new(StringArray::from(topics));
            let offsets: ArrayRef = Arc::new(Int64Array::from(offsets));
            let part = RecordBatch::try_from_iter([("topic", topics), ("offset", offsets)]);
            statistics.add(&part.expect("rows")).expect("added");
        }
        let found: Value = serde_json::from_str(&statistics.to_json()).expect("JSON");
        let expected = json!({
            "numRecords": 4,
            "minValues": { "topic": "a", "offset": -2 },
            "maxValues": { "topic": "b", "offset": 7 },
            "nullCount": { "topic": 2, "offset": 0 },
        });
        assert_eq!(found, expected);
    }
}

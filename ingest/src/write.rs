//! Sorted rows as Parquet files, one a partition, each with the action that
//! adds it to its Delta table.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{self, partition};
use arrow::datatypes::{
    DataType, Date32Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::Add;
use loadstar_schema::Table;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::layout;

/// A file on its way into the store.
pub(crate) struct NewFile {
    pub(crate) bytes: Vec<u8>,
    /// Names its path beneath the table's folder.
    pub(crate) add: Add,
}

/// Encodes rows that are in the order of [`layout::sorted`].
pub(crate) fn encode(table: Table, rows: &RecordBatch) -> Result<Vec<NewFile>, ArrowError> {
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let schema = rows.schema();
    let by: Vec<usize> = (table.partition().iter())
        .map(|name| schema.index_of(name))
        .collect::<Result<_, ArrowError>>()?;
    let columns: Vec<ArrayRef> = by.iter().map(|index| rows.column(*index).clone()).collect();
    let all: Range<usize> = 0..rows.num_rows();
    let ranges = if columns.is_empty() { vec![all] } else { partition(&columns)?.ranges() };
    let mut files = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut values = HashMap::new();
        let mut folder = String::new();
        for (name, column) in table.partition().iter().zip(&columns) {
            // Days, which need no escaping in a path.
            let value = (!column.is_null(range.start))
                .then(|| array_value_to_string(column, range.start))
                .transpose()?;
            let shown = value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
            folder.push_str(&format!("{name}={shown}/"));
            values.insert((*name).to_owned(), value);
        }
        let part = rows.slice(range.start, range.len());
        // Readers take a column that is not there for one without values.
        let is_kept = |index: &usize| {
            let is_empty = || part.column(*index).null_count() == part.num_rows();
            !(by.contains(index) || schema.field(*index).is_nullable() && is_empty())
        };
        let kept: Vec<usize> = (0..schema.fields().len()).filter(is_kept).collect();
        let part = part.project(&kept)?;
        let bytes = parquet(table, &part)?;
        let add = Add {
            path: format!("{folder}part-00000-{}-c000.zstd.parquet", Uuid::new_v4()),
            partition_values: values,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            modification_time: Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(statistics(table, &part).to_string()),
            ..Add::default()
        };
        files.push(NewFile { bytes, add });
    }
    Ok(files)
}

fn parquet(table: Table, rows: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let properties = layout::writer_properties(table);
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties))?;
    writer.write(rows)?;
    writer.close()?;
    Ok(bytes)
}

/// What queries prune files by, as the Delta protocol spells it.
fn statistics(table: Table, rows: &RecordBatch) -> Value {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in layout::statistics_columns(table) {
        let Some(column) = rows.column_by_name(name) else { continue };
        nulls.insert(name.to_owned(), column.null_count().into());
        if let Some((min, max)) = extremes(column) {
            least.insert(name.to_owned(), min);
            greatest.insert(name.to_owned(), max);
        }
    }
    json!({
        "numRecords": rows.num_rows(), "minValues": least, "maxValues": greatest,
        "nullCount": nulls,
    })
}

/// The least and the greatest value, if the column has any and is of a type
/// that is pruned by.
fn extremes(column: &ArrayRef) -> Option<(Value, Value)> {
    fn both<T>(
        min: Option<T>,
        max: Option<T>,
        show: impl Fn(T) -> Value,
    ) -> Option<(Value, Value)> {
        Some((show(min?), show(max?)))
    }
    macro_rules! of {
        ($kind:ty, $show:expr) => {{
            let column = column.as_primitive::<$kind>();
            both(compute::min(column), compute::max(column), $show)
        }};
    }
    match column.data_type() {
        DataType::Utf8 => {
            let column = column.as_string::<i32>();
            both(compute::min_string(column), compute::max_string(column), Value::from)
        }
        DataType::Int16 => of!(Int16Type, Value::from),
        DataType::Int32 => of!(Int32Type, Value::from),
        DataType::Int64 => of!(Int64Type, Value::from),
        DataType::Date32 => of!(Date32Type, |days| {
            NaiveDate::from_epoch_days(days).map(|day| day.to_string()).into()
        }),
        DataType::Timestamp(..) => of!(TimestampMicrosecondType, |micros| {
            let instant = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
            instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()
        }),
        _ => None,
    }
}

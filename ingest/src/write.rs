//! Sorted rows as Parquet files, one a partition, each with the action that
//! adds it to its Delta table.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use chrono::Utc;
use deltalake_core::kernel::Add;
use loadstar_schema::{ONE_ROW_A_KEY, Table};
use parquet::arrow::ArrowWriter;
use uuid::Uuid;

use crate::layout;
use crate::once::Once;
use crate::statistics::Statistics;

/// A file on its way into the store.
pub(crate) struct NewFile {
    pub(crate) bytes: Vec<u8>,
    /// Names its path beneath the table's folder.
    pub(crate) add: Add,
}

/// The partition a file belongs to: the value of each partition column.
pub(crate) type PartitionValues = HashMap<String, Option<String>>;

/// Encodes rows that are in the order of [`layout::sorted`]. `place` is where
/// the files stand in the table's log, see [`place_of`].
pub(crate) fn encode(
    table: Table,
    rows: &RecordBatch,
    place: Option<u64>,
) -> Result<Vec<NewFile>, ArrowError> {
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
        for (name, column) in table.partition().iter().zip(&columns) {
            let value = (!column.is_null(range.start))
                .then(|| array_value_to_string(column, range.start))
                .transpose()?;
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
        let mut file = FileWriter::new(table, part.schema())?;
        file.write(&part)?;
        files.push(file.finish(values, place)?);
    }
    Ok(files)
}

/// A file that takes in its rows bit by bit, in their order. Encoded they are small, beside what
/// they are in memory, and so are kept until the file is whole: a put of all of
/// it leaves nothing behind in the store when the process dies.
pub(crate) struct FileWriter {
    table: Table,
    parquet: ArrowWriter<Vec<u8>>,
    statistics: Statistics,
    once: Once,
}

impl FileWriter {
    /// For rows of these columns, the partition's left out.
    pub(crate) fn new(table: Table, schema: SchemaRef) -> Result<Self, ArrowError> {
        let properties = layout::writer_properties(table);
        let bytes = Vec::with_capacity(64 * 1024);
        let parquet = ArrowWriter::try_new(bytes, schema, Some(properties))?;
        Ok(Self { table, parquet, statistics: Statistics::new(table), once: Once::new(table) })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        self.statistics.add(rows)?;
        self.once.add(rows)?;
        self.parquet.write(rows)?;
        Ok(())
    }

    pub(crate) fn finish(
        self,
        values: PartitionValues,
        place: Option<u64>,
    ) -> Result<NewFile, ArrowError> {
        let bytes = self.parquet.into_inner()?;
        let mut path = String::new();
        for name in self.table.partition() {
            // Days, which need no escaping in a path.
            let value = values.get(*name).and_then(Option::as_deref);
            path.push_str(&format!("{name}={}/", value.unwrap_or("__HIVE_DEFAULT_PARTITION__")));
        }
        let id = Uuid::new_v4();
        let place = place.map_or_else(|| "c000".to_owned(), |place| format!("{PLACE}{place}"));
        let once = if self.once.so_far() { format!("{ONE_ROW_A_KEY}-") } else { String::new() };
        path.push_str(&format!("part-00000-{id}-{once}{place}.zstd.parquet"));
        let add = Add {
            path,
            partition_values: values,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            modification_time: Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(self.statistics.to_json()),
            ..Add::default()
        };
        Ok(NewFile { bytes, add })
    }
}

const PLACE: char = 'v';

/// Where a file stands in the log of its table: the version that its writer saw
/// last. Whoever lands a Kafka partition has seen every commit that moved it, so
/// files that hold its rows stand in the order of its offsets, which the clocks
/// of writers cannot tell. Files of others, and of earlier versions, do not say.
pub(crate) fn place_of(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?.strip_suffix(".zstd.parquet")?;
    name.rsplit('-').next()?.strip_prefix(PLACE)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use loadstar_schema::has_one_row_a_key;

    use super::*;

    #[test]
    fn names_say_their_place_if_they_have_one() {
        let schema = Table::Calendar.schema();
        let named = |place| {
            let file = FileWriter::new(Table::Calendar, schema.clone()).expect("a file");
            file.finish(HashMap::new(), place).expect("a file").add.path
        };
        assert_eq!(place_of(&named(Some(1_234))), Some(1_234));
        assert_eq!(place_of(&named(None)), None);
        // A file without rows has no key twice.
        assert!(has_one_row_a_key(&named(Some(7))) && has_one_row_a_key(&named(None)));
        assert!(!has_one_row_a_key("day=2026-01-01/part-00000-a-v12.zstd.parquet"));
        assert_eq!(place_of("day=2026-01-01/part-00007-a-v12.c000.snappy.parquet"), None);
    }
}

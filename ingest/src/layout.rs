//! How rows lie in files: sorted by the table's key, and encoded for it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, MutableArrayData, RecordBatch, UInt64Array, make_array,
    new_null_array,
};
use arrow::compute::{
    cast, concat_batches, interleave_record_batch, partition, take, take_record_batch,
};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{Row, RowConverter, Rows, SortField};
use loadstar_schema::{Table, timestamp_type};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows in a row group: the unit a reader can skip.
const ROW_GROUP_ROWS: usize = 256 * 1024;

/// The rows in the order of the partition columns, the key and their arrival;
/// rows that agree on all of these stay in the order they came in.
///
/// Reads come in runs: a day curve is rows of one meter in order of time. So
/// runs are sorted, by all but the time, and rows only where runs overlap.
pub(crate) fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let names = table.partition().iter().chain(table.key()).copied();
    in_order_of(names, together(table, batches)?)
}

/// The same, of rows of one partition without its columns.
pub(crate) fn sorted_within(
    table: Table,
    batches: &[RecordBatch],
) -> Result<RecordBatch, ArrowError> {
    in_order_of(key_within(table), together(table, batches)?)
}

/// The columns that rows of one partition differ in: the order of a file.
pub(crate) fn key_within(table: Table) -> impl Iterator<Item = &'static str> {
    table.key().iter().copied().filter(move |column| !table.partition().contains(column))
}

fn in_order_of(
    names: impl Iterator<Item = &'static str>,
    batch: RecordBatch,
) -> Result<RecordBatch, ArrowError> {
    if batch.num_rows() == 0 {
        return Ok(batch);
    }
    let mut key = Vec::new();
    for name in names {
        key.push(column(&batch, name)?);
    }
    // What orders the rows of a run, if it is an instant.
    let time = key.pop_if(|last| *last.data_type() == timestamp_type());
    let times = time.as_ref().map(instants);
    let arrivals = batch.column_by_name("available_at").map(instants);
    let moment = |row: usize| (times.map(|t| t[row]), arrivals.map(|a| a[row]));

    let runs = partition(&key)?.ranges();
    let heads = UInt64Array::from_iter_values(runs.iter().map(|run| run.start as u64));
    let heads: Vec<ArrayRef> =
        key.iter().map(|column| take(column, &heads, None)).collect::<Result<_, _>>()?;
    let fields = key.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let heads = RowConverter::new(fields)?.convert_columns(&heads)?;
    // Mostly a few bytes tell them apart, and those are at hand.
    let marks = marks(&heads);
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&a, &b| {
        let moments = || moment(runs[a].start).cmp(&moment(runs[b].start));
        let rows = || heads.row(a).cmp(&heads.row(b));
        marks[a].cmp(&marks[b]).then_with(rows).then_with(moments)
    });

    let mut places: Vec<(usize, Range<usize>)> = Vec::with_capacity(runs.len());
    for same in order.chunk_by(|&a, &b| heads.row(a) == heads.row(b)) {
        let rows = || same.iter().flat_map(|&run| runs[run].clone());
        if rows().is_sorted_by_key(|row| (moment(row), row)) {
            same.iter().for_each(|&run| place(&mut places, 0, runs[run].clone()));
        } else {
            let mut rows: Vec<usize> = rows().collect();
            // By row last: as they came in.
            rows.sort_unstable_by_key(|&row| (moment(row), row));
            rows.into_iter().for_each(|row| place(&mut places, 0, row..row + 1));
        }
    }
    gathered(&[batch], &places)
}

/// Of each row the bytes that follow on what all have in common: rows whose
/// marks differ compare as these do.
fn marks(rows: &Rows) -> Vec<u128> {
    let Some(first) = rows.iter().next().map(|row| row.data()) else { return Vec::new() };
    let common = |so_far: usize, row: Row<'_>| {
        let pairs = first[..so_far].iter().zip(row.data());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let common = rows.iter().fold(first.len(), common);
    let mark = |row: Row<'_>| {
        let mut bytes = [0; 16];
        let rest = &row.data()[common..];
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        u128::from_be_bytes(bytes)
    };
    rows.iter().map(mark).collect()
}

/// The batches as one. Each may lack nullable columns, of the contract or
/// added: what none of them has is not there, what some have is empty in others.
fn together(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let [first, more @ ..] = batches else { return Ok(RecordBatch::new_empty(table.schema())) };
    if more.is_empty() {
        return Ok(first.clone());
    }
    if more.iter().all(|batch| batch.schema_ref().fields() == first.schema_ref().fields()) {
        return concat_batches(first.schema_ref(), batches);
    }
    let contract = table.schema();
    let has =
        |field: &FieldRef| batches.iter().any(|batch| batch.column_by_name(field.name()).is_some());
    let mut fields: Vec<FieldRef> =
        contract.fields().iter().filter(|field| has(field)).cloned().collect();
    for field in batches.iter().flat_map(|batch| batch.schema_ref().fields()) {
        if !fields.iter().any(|other| other.name() == field.name()) {
            fields.push(field.clone());
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let filled = batches.iter().map(|batch| filled(batch, &schema));
    concat_batches(&schema, &filled.collect::<Result<Vec<_>, _>>()?)
}

/// A batch with the columns of a schema, empty where it has none.
pub(crate) fn filled(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns: Result<_, ArrowError> = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema.clone(), columns?)
}

/// Appends rows of a batch, as one range with those before where they follow on.
pub(crate) fn place(places: &mut Vec<(usize, Range<usize>)>, batch: usize, rows: Range<usize>) {
    match places.last_mut() {
        Some((last, before)) if *last == batch && before.end == rows.start => before.end = rows.end,
        _ => places.push((batch, rows)),
    }
}

/// The rows of ranges of batches, in this order. Columns are copied range by
/// range, or row by row where ranges are short.
pub(crate) fn gathered(
    batches: &[RecordBatch],
    places: &[(usize, Range<usize>)],
) -> Result<RecordBatch, ArrowError> {
    if let [(batch, rows)] = places {
        return Ok(batches[*batch].slice(rows.start, rows.len()));
    }
    let count: usize = places.iter().map(|(_, rows)| rows.len()).sum();
    if count < 8 * places.len() {
        return match batches {
            [one] => {
                let rows = places.iter().flat_map(|(_, rows)| rows.clone());
                let rows = UInt64Array::from_iter_values(rows.map(|row| row as u64));
                take_record_batch(one, &rows)
            }
            many => {
                let rows = |(batch, rows): &(usize, Range<usize>)| {
                    let batch = *batch;
                    rows.clone().map(move |row| (batch, row))
                };
                let rows: Vec<_> = places.iter().flat_map(rows).collect();
                interleave_record_batch(&many.iter().collect::<Vec<_>>(), &rows)
            }
        };
    }
    let schema = batches[0].schema();
    let gather = |column: usize| {
        let data: Vec<ArrayData> =
            batches.iter().map(|batch| batch.column(column).to_data()).collect();
        let mut copy = MutableArrayData::new(data.iter().collect(), false, count);
        places
            .iter()
            .try_for_each(|(batch, rows)| copy.try_extend(*batch, rows.start, rows.end))?;
        Ok(make_array(copy.freeze()))
    };
    let columns: Result<_, ArrowError> = (0..schema.fields().len()).map(gather).collect();
    RecordBatch::try_new(schema, columns?)
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?).clone())
}

fn instants(column: &ArrayRef) -> &[i64] {
    column.as_primitive::<TimestampMicrosecondType>().values()
}

/// The columns that files keep their least and greatest value of: what queries
/// prune by.
pub(crate) fn statistics_columns(table: Table) -> Vec<&'static str> {
    let schema = table.schema();
    let mut columns: Vec<&'static str> = key_within(table).collect();
    for column in ["available_at", "account_id", "customer_id"] {
        if schema.field_with_name(column).is_ok() && !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// zstd; dictionaries, since sorted keys and the instants of a day repeat; and
/// differences of whole numbers where a dictionary would overflow.
pub(crate) fn writer_properties(table: Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by("loadstar".to_owned());
    for field in table.schema().fields() {
        let differences = matches!(
            field.data_type(),
            DataType::Timestamp(..)
                | DataType::Date32
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Decimal128(..=18, _)
        );
        if differences {
            let column = ColumnPath::from(field.name().as_str());
            properties = properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_sort_by_key_and_keep_their_order_within_it() {
        let schema = Table::Calendar.schema();
        let row = |country: &str, kind: &str| {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(StringArray::from(vec![country])),
                Arc::new(arrow::array::Date32Array::from(vec![1])),
                Arc::new(StringArray::from(vec![kind])),
                Arc::new(StringArray::from(vec!["x"])),
                Arc::new(StringArray::from(vec!["x"])),
            ];
            RecordBatch::try_new(schema.clone(), columns).expect("a row")
        };
        let rows = [row("DE", "first"), row("CN", "a"), row("DE", "second"), row("CN", "b")];
        let sorted = sorted(Table::Calendar, &rows).expect("sorted");
        let kinds = sorted.column(2).as_any().downcast_ref::<StringArray>().expect("text");
        assert_eq!(kinds.iter().flatten().collect::<Vec<_>>(), ["a", "b", "first", "second"]);
    }

    fn reads(rows: &[(usize, i64, i64)]) -> RecordBatch {
        let meters = rows.iter().map(|(meter, _, _)| format!("M{meter}"));
        let instants = |micros: Vec<i64>| -> ArrayRef {
            let array = arrow::array::TimestampMicrosecondArray::from(micros);
            Arc::new(array.with_data_type(timestamp_type()))
        };
        let count = rows.len();
        let energy = arrow::array::Decimal128Array::from_iter_values(0..count as i128);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(meters)),
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n("import", count))),
            instants(rows.iter().map(|(_, time, _)| *time).collect()),
            Arc::new(arrow::array::Int16Array::from(vec![15; count])),
            Arc::new(energy.with_precision_and_scale(18, 4).expect("an energy")),
            Arc::new(arrow::array::Int16Array::from(vec![0; count])),
            Arc::new(arrow::array::Int32Array::from(vec![0; count])),
            new_null_array(&DataType::Utf8, count),
            new_null_array(&DataType::Utf8, count),
            Arc::new(arrow::array::Date32Array::from_iter_values(
                rows.iter().map(|(_, time, _)| (time / 100) as i32),
            )),
            instants(rows.iter().map(|(_, _, arrival)| *arrival).collect()),
        ];
        RecordBatch::try_new(Table::MeterReads.schema(), columns).expect("reads")
    }

    /// Runs of a meter's times, some over again, some single, some a day on.
    fn some_reads() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
        let run = (0..4_usize, 0..150_i64, 1..40_i64, 0..3_i64);
        prop::collection::vec(run, 0..12).prop_map(|runs| {
            let rows = |(meter, from, length, arrival)| {
                (from..from + length).map(move |time| (meter, time, arrival))
            };
            runs.into_iter().flat_map(rows).collect()
        })
    }

    proptest! {
        #[test]
        fn runs_sort_as_their_rows_would(rows in some_reads(), cut in 0..200_usize) {
            let cut = cut.min(rows.len());
            let parts = [reads(&rows[..cut]), reads(&rows[cut..])];
            let sorted = sorted(Table::MeterReads, &parts).expect("sorted");
            // The energy numbers the rows of each part.
            let number = |row: usize| if row < cut { row } else { row - cut } as i128;
            let mut expected: Vec<usize> = (0..rows.len()).collect();
            expected.sort_by_key(|&row| {
                let (meter, time, arrival) = rows[row];
                (time / 100, meter, time, arrival)
            });
            let energies = sorted.column(4).as_primitive::<arrow::datatypes::Decimal128Type>();
            let expected: Vec<i128> = expected.into_iter().map(number).collect();
            prop_assert_eq!(energies.values().to_vec(), expected);
            prop_assert_eq!(sorted.num_rows(), rows.len());
        }
    }

    #[test]
    fn rows_without_the_key_are_an_error() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("x", column)]).expect("a batch");
        assert!(sorted(Table::Calendar, &[batch]).is_err());
    }

    #[test]
    fn statistics_cover_key_and_arrival() {
        let reads = ["meter_id", "channel", "read_at", "available_at"];
        assert_eq!(statistics_columns(Table::MeterReads), reads);
        assert_eq!(statistics_columns(Table::Calendar), ["country", "date"]);
    }
}

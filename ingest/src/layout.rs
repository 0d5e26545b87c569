//! How rows lie in files: sorted by the table's key, and encoded for it.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use loadstar_schema::Table;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows in a row group: the unit a reader can skip.
const ROW_GROUP_ROWS: usize = 256 * 1024;

/// The rows in the order of the partition columns, the key and their arrival;
/// rows that agree on all of these stay in the order they came in.
pub(crate) fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let batch = match batches {
        [one] => one.clone(),
        many => concat_batches(&table.schema(), many)?,
    };
    let schema = batch.schema();
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    let arrival = schema.index_of("available_at").ok();
    let key = table.partition().iter().chain(table.key()).map(|name| schema.index_of(name));
    for index in key.chain(arrival.map(Ok)) {
        let index = index?;
        fields.push(SortField::new(schema.field(index).data_type().clone()));
        columns.push(batch.column(index).clone());
    }
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    let count = u32::try_from(batch.num_rows())
        .map_err(|_| ArrowError::ComputeError("more rows than a batch can index".to_owned()))?;
    let mut order: Vec<u32> = (0..count).collect();
    // Stable, and quick on what arrives in runs: a day curve is sorted already.
    order.sort_by(|&a, &b| rows.row(a as usize).cmp(&rows.row(b as usize)));
    if order.iter().zip(0..).all(|(&row, place)| row == place) {
        return Ok(batch);
    }
    take_record_batch(&batch, &UInt32Array::from(order))
}

/// The columns that files keep their least and greatest value of: what queries
/// prune by.
pub(crate) fn statistics_columns(table: Table) -> String {
    let schema = table.schema();
    let mut columns: Vec<&str> =
        table.key().iter().copied().filter(|column| !table.partition().contains(column)).collect();
    for column in ["available_at", "account_id", "customer_id"] {
        if schema.field_with_name(column).is_ok() && !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns.join(",")
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
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

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

    #[test]
    fn rows_without_the_key_are_an_error() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("x", column)]).expect("a batch");
        assert!(sorted(Table::Calendar, &[batch]).is_err());
    }

    #[test]
    fn statistics_cover_key_and_arrival() {
        assert_eq!(statistics_columns(Table::MeterReads), "meter_id,channel,read_at,available_at");
        assert_eq!(statistics_columns(Table::Calendar), "country,date");
    }
}

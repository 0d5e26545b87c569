//! Compaction merges files that are sorted, in the order of the log.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Int16Array, Int32Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use loadstar_ingest::{CompactOptions, LakeTable, compact};
use loadstar_schema::{Table, timestamp_type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::broker;
use crate::compaction::assert_sorted;
use crate::world::{Lake, land, produce};

/// Reads of one meter and one instant, told apart by their revision.
fn rows(revisions: std::ops::Range<i32>) -> RecordBatch {
    let count = revisions.len();
    let instants = |at: &str| -> ArrayRef {
        let at: chrono::DateTime<chrono::Utc> = at.parse().expect("a time");
        let column = TimestampMicrosecondArray::from(vec![at.timestamp_micros(); count]);
        Arc::new(column.with_data_type(timestamp_type()))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["M1"; count])),
        Arc::new(StringArray::from(vec!["import"; count])),
        instants("2026-03-01T00:00:00Z"),
        Arc::new(Int16Array::from(vec![15; count])),
        Arc::new(
            Decimal128Array::from(vec![1; count]).with_precision_and_scale(18, 4).expect("energy"),
        ),
        Arc::new(Int16Array::from(vec![0; count])),
        Arc::new(Int32Array::from_iter_values(revisions)),
        new_null_array(&DataType::Utf8, count),
        new_null_array(&DataType::Utf8, count),
        Arc::new(Date32Array::from(vec![20_513; count])),
        instants("2026-03-02T00:00:00Z"),
    ];
    RecordBatch::try_new(Table::MeterReads.schema(), columns).expect("reads")
}

async fn revisions(lake: &Lake) -> Vec<i32> {
    let rows = lake.rows(Table::MeterReads).await;
    let revisions = rows.iter().map(|batch| batch.column_by_name("revision").expect("revision"));
    revisions.flat_map(|column| column.as_primitive::<Int32Type>().values().to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_tie_stay_in_the_order_of_the_log_whatever_the_clocks_say() {
    let lake = Lake::new();
    let mut open = LakeTable::open_or_create(&lake.url, Table::MeterReads).await.expect("opened");
    let operation =
        DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    for number in 0..12 {
        let mut actions = open.write(vec![rows(number..number + 1)]).await.expect("written");
        for action in &mut actions {
            let Action::Add(add) = action else { panic!("{action:?}") };
            // Each writer's clock is behind that of the one before.
            add.modification_time = 1_000 - i64::from(number);
        }
        open.commit(actions, &[], operation.clone(), None).await.expect("committed");
        if number % 5 == 4 {
            // What compaction has written takes the place of what it was made of.
            let options = CompactOptions::default();
            compact(&lake.url, Table::MeterReads, options).await.expect("compacted");
            open.refresh().await.expect("refreshed");
        }
    }
    compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    assert_eq!(lake.files(Table::MeterReads).await.len(), 1);
    assert_eq!(revisions(&lake).await, (0..12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_left_in_no_order_are_sorted_first() {
    let broker = broker();
    produce(&broker, 0..600);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let files = lake.files(Table::MeterReads).await;
    for path in files.iter().map(|file| file.trim_start_matches("file://")) {
        let file = std::fs::File::open(path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let schema = reader.schema().clone();
        let batches: Vec<RecordBatch> =
            reader.build().expect("Parquet").map(|batch| batch.expect("rows")).collect();
        let rows = concat_batches(&schema, &batches).expect("rows");
        let backwards = UInt64Array::from_iter_values((0..rows.num_rows() as u64).rev());
        let rows = take_record_batch(&rows, &backwards).expect("rows");
        let file = std::fs::File::create(path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, schema, None).expect("Parquet");
        writer.write(&rows).expect("written");
        writer.close().expect("closed");
    }
    compact(&lake.url, Table::MeterReads, CompactOptions::default()).await.expect("compacted");
    lake.holds(&broker, 0..600).await;
    assert_sorted(&lake.rows(Table::MeterReads).await);
}

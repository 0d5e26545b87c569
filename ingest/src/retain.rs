//! Rows past their time, taken out of a table for good.

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{Action, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;
use futures::TryStreamExt;
use loadstar_schema::Table;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::commit::{Fence, Landing, rewriting};
use crate::fault::{self, Faults, Step};
use crate::write::{PartitionValues, place_of};
use crate::{IngestError, LakeTable, LakeUrl};

/// What a table lost to its retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetainSummary {
    /// Rows that are gone.
    pub rows: u64,
    /// Files that held some.
    pub files: u64,
    /// A compaction was quicker: nothing is gone, and it may be tried again.
    pub superseded: bool,
}

/// Takes the rows out of a table that became available before an instant, in
/// one commit. Files that hold others too are written anew without them; vacuum
/// deletes the old ones in its time.
///
/// # Errors
/// [`IngestError::Options`] for a table whose rows do not say when they became
/// available, [`IngestError::Lake`] if the lake refuses.
pub async fn retain(
    lake: &LakeUrl,
    table: Table,
    from: DateTime<Utc>,
    faults: Option<&Faults>,
) -> Result<RetainSummary, IngestError> {
    if table.schema().field_with_name("available_at").is_err() {
        let reason = format!("the rows of {} do not say when they arrived", table.name());
        return Err(IngestError::Options { option: "retention", reason });
    }
    let mut summary = RetainSummary::default();
    let Some(mut open) = LakeTable::open(lake, table).await? else { return Ok(summary) };
    let app_id = rewriting(table);
    let base = open.transaction(&app_id).await?;
    let files = open.state.snapshot().file_views(open.log_store.as_ref(), None);
    let files: Vec<LogicalFileView> =
        files.try_collect().await.map_err(open.error("list its files"))?;
    let mut actions = Vec::new();
    for file in files.into_iter().filter(|file| may_hold_older(file, from)) {
        let rows = read(&open, &file).await?;
        let kept = rows.iter().map(|batch| since(batch, from)).collect::<Result<Vec<_>, _>>();
        let kept = kept.map_err(|source| IngestError::Rows { table, source })?;
        let count = |rows: &[RecordBatch]| rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        let gone = count(&rows) - count(&kept);
        if gone == 0 {
            continue;
        }
        summary.rows += gone as u64;
        summary.files += 1;
        actions.push(Action::Remove(file.remove_action(true)));
        actions.extend(open.write_at(kept, place_of(&file.path())).await?);
    }
    if actions.is_empty() {
        return Ok(summary);
    }
    fault::at(faults, Step::FilesWritten(table))?;
    let operation = DeltaOperation::Delete {
        predicate: Some(format!("available_at < '{}'", from.to_rfc3339())),
    };
    let fence = Fence::taken(app_id, base);
    if open.commit(actions, &[fence], operation, faults).await? == Landing::Superseded {
        return Ok(RetainSummary { superseded: true, ..RetainSummary::default() });
    }
    tracing::debug!(table = table.name(), ?summary, "rows past their time are gone");
    Ok(summary)
}

/// The rows of a file, partition columns put back and those it lacks left empty.
async fn read(open: &LakeTable, file: &LogicalFileView) -> Result<Vec<RecordBatch>, IngestError> {
    let table = open.table();
    let columns = open.columns()?;
    let bytes = open.fetch(file).await?;
    let values = file.partition_values_map();
    let decode = move || -> Result<Vec<RecordBatch>, ArrowError> {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes)?.with_batch_size(64 * 1024).build()?;
        reader.map(|batch| with_partition(&columns, &batch?, &values)).collect()
    };
    tokio::task::spawn_blocking(decode)
        .await
        .map_err(|died| IngestError::Worker { worker: "reading", detail: died.to_string() })?
        .map_err(|source| IngestError::Rows { table, source })
}

fn with_partition(
    schema: &SchemaRef,
    batch: &RecordBatch,
    values: &PartitionValues,
) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match (batch.column_by_name(field.name()), values.get(field.name())) {
            (Some(column), _) => cast(column, field.data_type())?,
            (None, Some(Some(value))) => {
                let text = std::iter::repeat_n(value.as_str(), batch.num_rows());
                cast(&StringArray::from_iter_values(text), field.data_type())?
            }
            (None, _) => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    RecordBatch::try_new(schema.clone(), columns)
}

/// What the log says of a file's oldest row; without a word it must be read.
fn may_hold_older(file: &LogicalFileView, from: DateTime<Utc>) -> bool {
    let oldest = || {
        let stats: serde_json::Value = serde_json::from_str(&file.stats()?).ok()?;
        let oldest = stats.get("minValues")?.get("available_at")?.as_str()?;
        DateTime::parse_from_rfc3339(oldest).ok()
    };
    oldest().is_none_or(|oldest| oldest < from)
}

/// The rows that became available at an instant or later.
fn since(rows: &RecordBatch, from: DateTime<Utc>) -> Result<RecordBatch, ArrowError> {
    let column = rows.column(rows.schema_ref().index_of("available_at")?);
    let instants = column.as_primitive::<TimestampMicrosecondType>();
    let from = from.timestamp_micros();
    let kept: BooleanArray = instants
        .iter()
        .map(|instant| Some(instant.is_none_or(|instant| instant >= from)))
        .collect();
    filter_record_batch(rows, &kept)
}

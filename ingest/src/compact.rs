//! Small files into large ones, sorted by key, beside a running ingest.
//!
//! Delta's conflict check lets two compactions of the same files both commit,
//! which doubles the rows (`tests/landing/fence.rs` shows it). Each therefore
//! carries a transaction of its own, `compaction/<table>`: of two at once, one
//! is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake_core::kernel::{Action, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;
use futures::TryStreamExt;
use loadstar_schema::Table;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::commit::{Fence, Landing, rewriting};
use crate::fault::{self, Faults, Step};
use crate::{IngestError, LakeTable, LakeUrl};

/// What compaction aims at.
#[derive(Clone)]
pub struct CompactOptions {
    /// Files of at least this size are left alone; smaller ones of a partition
    /// are merged up to it, bytes.
    pub target_bytes: u64,
    /// Rows sorted at a time, which bounds the memory: about 300 bytes a row.
    pub max_rows: u64,
    /// A partition is touched from this many small files on; at least 2.
    pub min_files: usize,
    /// Faults to inject; for tests.
    pub faults: Option<Faults>,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self { target_bytes: 64 << 20, max_rows: 1_500_000, min_files: 2, faults: None }
    }
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactSummary {
    /// Small files taken out of the table.
    pub files_before: u64,
    /// Files put in their place.
    pub files_after: u64,
    /// Rows rewritten.
    pub rows: u64,
    /// Another compaction was quicker: what this one had left is undone.
    pub superseded: bool,
}

/// Files merged before the work so far is committed.
const FILES_PER_COMMIT: u64 = 500;

/// Merges the small files of a table; without effect on its rows.
///
/// # Errors
/// [`IngestError::Lake`] if the table cannot be read or written.
pub async fn compact(
    lake: &LakeUrl,
    table: Table,
    options: CompactOptions,
) -> Result<CompactSummary, IngestError> {
    let mut summary = CompactSummary::default();
    let Some(mut open) = LakeTable::open(lake, table).await? else { return Ok(summary) };
    let app_id = rewriting(table);
    let mut base = open.transaction(&app_id).await?;
    let files = open.state.snapshot().file_views(open.log_store.as_ref(), None);
    let files: Vec<LogicalFileView> =
        files.try_collect().await.map_err(open.error("list its files"))?;
    let mut actions = Vec::new();
    let mut pending = CompactSummary::default();
    let mut groups = groups(files, &options).into_iter().peekable();
    while let Some(group) = groups.next() {
        let rows = read(&open, &group).await?;
        pending.rows += rows.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        pending.files_before += group.len() as u64;
        actions.extend(group.iter().map(|file| Action::Remove(file.remove_action(false))));
        for action in open.write(rows).await? {
            pending.files_after += 1;
            actions.push(match action {
                Action::Add(mut add) => {
                    add.data_change = false;
                    Action::Add(add)
                }
                other => other,
            });
        }
        if pending.files_before < FILES_PER_COMMIT && groups.peek().is_some() {
            continue;
        }
        let fence = Fence::taken(app_id.clone(), base);
        let next = fence.next;
        let target_size = i64::try_from(options.target_bytes).unwrap_or(i64::MAX);
        let operation = DeltaOperation::Optimize { predicate: None, target_size };
        let actions = std::mem::take(&mut actions);
        let faults = options.faults.as_ref();
        fault::at(faults, Step::FilesWritten(table))?;
        if open.commit(actions, &[fence], operation, faults).await? == Landing::Superseded {
            summary.superseded = true;
            tracing::warn!(table = table.name(), "another compaction was quicker");
            return Ok(summary);
        }
        base = Some(next);
        summary.files_before += pending.files_before;
        summary.files_after += pending.files_after;
        summary.rows += pending.rows;
        pending = CompactSummary::default();
    }
    tracing::debug!(table = table.name(), ?summary, "compacted");
    Ok(summary)
}

/// Small files of one partition each, that together make one of target size.
fn groups(files: Vec<LogicalFileView>, options: &CompactOptions) -> Vec<Vec<LogicalFileView>> {
    let size = |file: &LogicalFileView| u64::try_from(file.size()).unwrap_or(0);
    let mut partitions: BTreeMap<Vec<(String, Option<String>)>, Vec<LogicalFileView>> =
        BTreeMap::new();
    for file in files {
        let rows = file.num_records().unwrap_or(0) as u64;
        let is_large = size(&file) >= options.target_bytes || rows >= options.max_rows;
        if is_large || file.deletion_vector_descriptor().is_some() {
            continue;
        }
        let mut values: Vec<_> = file.partition_values_map().into_iter().collect();
        values.sort();
        partitions.entry(values).or_default().push(file);
    }
    let mut groups = Vec::new();
    for mut files in partitions.into_values() {
        // Rows that agree on key and arrival stay in the order of their files.
        files.sort_by_key(|file| (file.modification_time(), file.path().into_owned()));
        if files.len() < options.min_files.max(2) {
            continue;
        }
        let (mut group, mut bytes, mut rows) = (Vec::new(), 0, 0);
        for file in files {
            let (more, many) = (size(&file), file.num_records().unwrap_or(0) as u64);
            if bytes + more > options.target_bytes || rows + many > options.max_rows {
                groups.push(std::mem::take(&mut group));
                (bytes, rows) = (0, 0);
            }
            bytes += more;
            rows += many;
            group.push(file);
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() >= 2);
    groups
}

/// The rows of files, partition columns put back and those they lack left empty.
pub(crate) async fn read(
    open: &LakeTable,
    group: &[LogicalFileView],
) -> Result<Vec<RecordBatch>, IngestError> {
    let table = open.table();
    let columns = open.columns()?;
    let mut batches = Vec::new();
    for file in group {
        let bytes = open.fetch(file).await?;
        let values = file.partition_values_map();
        let columns = columns.clone();
        let decode = move || -> Result<Vec<RecordBatch>, ArrowError> {
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?
                .with_batch_size(64 * 1024)
                .build()?;
            reader.map(|batch| with_partition(&columns, &batch?, &values)).collect()
        };
        let decoded = tokio::task::spawn_blocking(decode)
            .await
            .map_err(|died| IngestError::Worker { worker: "reading", detail: died.to_string() })?;
        batches.extend(decoded.map_err(|source| IngestError::Rows { table, source })?);
    }
    Ok(batches)
}

fn with_partition(
    schema: &SchemaRef,
    batch: &RecordBatch,
    values: &std::collections::HashMap<String, Option<String>>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match (batch.column_by_name(field.name()), values.get(field.name())) {
            (Some(column), _) => cast(column, field.data_type())?,
            (None, Some(Some(value))) => {
                let text = std::iter::repeat_n(value.as_str(), batch.num_rows());
                let text = arrow::array::StringArray::from_iter_values(text);
                cast(&(Arc::new(text) as ArrayRef), field.data_type())?
            }
            (None, _) => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    RecordBatch::try_new(schema.clone(), columns)
}

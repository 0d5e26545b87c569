//! Small files into large ones, sorted by key, beside a running ingest.
//!
//! Delta's conflict check lets two compactions of the same files both commit,
//! which doubles the rows (`tests/landing/fence.rs` shows it). Each therefore
//! carries a transaction of its own, `compaction/<table>`: of two at once, one
//! is refused.

use std::collections::BTreeMap;

use arrow::datatypes::Schema;
use bytes::Bytes;
use deltalake_core::kernel::{Action, Add, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;
use futures::{StreamExt, TryStreamExt};
use loadstar_schema::Table;

use crate::commit::{Fence, Landing, rewriting};
use crate::fault::{self, Faults, Step};
use crate::merge::{Merge, Unmerged};
use crate::write::{FileWriter, NewFile, place_of};
use crate::{IngestError, LakeTable, LakeUrl};

/// What compaction aims at.
#[derive(Clone)]
pub struct CompactOptions {
    /// Files of at least this size are left alone; smaller ones of a partition
    /// are merged up to it, bytes.
    pub target_bytes: u64,
    /// Files of at least so many rows are left alone, too: this bounds what
    /// retention holds in memory of one, about 300 bytes a row.
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
/// Files merged into one at most: each costs some memory, however small.
const FILES_PER_GROUP: usize = 4_000;
const FETCHED_AT_ONCE: usize = 8;

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
        pending.files_before += group.len() as u64;
        actions.extend(group.iter().map(|file| Action::Remove(file.remove_action(false))));
        if let Some((file, rows)) = merged(&open, &group).await? {
            let add = open.put(file).await?;
            actions.push(Action::Add(Add { data_change: false, ..add }));
            pending.files_after += 1;
            pending.rows += rows;
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
        files.sort_by_cached_key(standing);
        if files.len() < options.min_files.max(2) {
            continue;
        }
        let (mut group, mut bytes, mut rows) = (Vec::new(), 0, 0);
        for file in files {
            let (more, many) = (size(&file), file.num_records().unwrap_or(0) as u64);
            let is_full = bytes + more > options.target_bytes
                || rows + many > options.max_rows
                || group.len() >= FILES_PER_GROUP;
            if is_full {
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

/// Rows that agree on key and arrival stay in the order of their files, which
/// is that of the log; of files that do not know their place, that of the
/// clocks of their writers.
fn standing(file: &LogicalFileView) -> (Option<u64>, i64, String) {
    let path = file.path().into_owned();
    (place_of(&path), file.modification_time(), path)
}

/// The rows of a group's files as one, and how many they are; `None` if they
/// hold none.
async fn merged(
    open: &LakeTable,
    group: &[LogicalFileView],
) -> Result<Option<(NewFile, u64)>, IngestError> {
    let table = open.table();
    let columns = open.columns()?;
    let fetch = |file: LogicalFileView| async move { open.fetch(&file).await };
    let bytes: Vec<Bytes> = futures::stream::iter(group.to_vec())
        .map(fetch)
        .buffered(FETCHED_AT_ONCE)
        .try_collect()
        .await?;
    let values = group.first().map(LogicalFileView::partition_values_map).unwrap_or_default();
    let place = group.last().and_then(|file| place_of(&file.path()));
    let merge = move || {
        let mut disordered = Vec::new();
        loop {
            match in_one(table, &columns, &bytes, &disordered) {
                Ok(None) => return Ok(None),
                Ok(Some((file, rows))) => return Ok(Some((file.finish(values, place)?, rows))),
                Err(Unmerged::Disordered(number)) => disordered.push(number),
                Err(Unmerged::Rows(error)) => return Err(error),
            }
        }
    };
    tokio::task::spawn_blocking(merge)
        .await
        .map_err(|died| IngestError::Worker { worker: "merge", detail: died.to_string() })?
        .map_err(|source| IngestError::Rows { table, source })
}

fn in_one(
    table: Table,
    columns: &Schema,
    files: &[Bytes],
    disordered: &[usize],
) -> Result<Option<(FileWriter, u64)>, Unmerged> {
    let mut merge = Merge::open(table, columns, files, disordered)?;
    let mut file = FileWriter::new(table, merge.schema().clone())?;
    let mut rows = 0;
    while let Some(batch) = merge.next()? {
        rows += batch.num_rows() as u64;
        file.write(&batch)?;
    }
    Ok((rows > 0).then_some((file, rows)))
}

//! Files into the lake, once: the same file a second time changes nothing.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::TryStreamExt;
use loadstar_schema::Table;
use tokio::sync::mpsc;

use crate::commit::{Fence, Landing, rewriting};
use crate::consume::lane::{Extent, Flush, Lane};
use crate::decode::{AddedColumns, KnownCodes, Message};
use crate::ledger::{Ledger, OpenTables, added_columns, tables_of};
use crate::{FlushPolicy, IngestError, LakeTable, LakeUrl};

/// A file has one partition.
const ONLY: i32 = 0;

/// Which file is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSource {
    /// Its name; dead letters carry it as topic `file:<name>`, with the line as
    /// their offset.
    pub name: String,
    /// Names its contents, for example their SHA-256: equal digests are loaded
    /// once.
    pub digest: String,
    /// From when its rows are known.
    pub available_at: DateTime<Utc>,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadProgress {
    /// Lines committed in this call, blank ones left out.
    pub lines: u64,
    /// Rows they became.
    pub rows: u64,
    /// Lines that became dead letters.
    pub rejects: u64,
}

/// What a load did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadSummary {
    /// What this call added.
    pub total: LoadProgress,
    /// The file was there in full before this call.
    pub already_loaded: bool,
}

/// Loads a file of JSON messages, one a line, through the decoding and
/// validation of the stream. Large files are committed in pieces; a load that
/// was interrupted goes on at the line it had reached.
///
/// Unlike those of the stream, members without a column are left out: in a file
/// that people write, a slip of the pen would be a column for good.
///
/// # Errors
/// [`IngestError::Options`] for a table that is computed or comes with another,
/// [`IngestError::Read`] with the line the reader failed at,
/// [`IngestError::LoadedElsewhere`] if another process loads it just now,
/// [`IngestError::Lake`] if the lake refuses.
pub async fn load_json_lines(
    lake: &LakeUrl,
    table: Table,
    source: &LoadSource,
    reader: impl BufRead + Send + 'static,
    codes: Arc<KnownCodes>,
    progress: impl Fn(&LoadProgress),
) -> Result<LoadSummary, IngestError> {
    load_lines(lake, table, source, reader, codes, AddedColumns::closed, progress).await
}

/// As [`load_json_lines`], of messages whose members were all asked for: those
/// without a column are given one.
///
/// # Errors
/// As [`load_json_lines`].
pub async fn load_mapped_lines(
    lake: &LakeUrl,
    table: Table,
    source: &LoadSource,
    reader: impl BufRead + Send + 'static,
    codes: Arc<KnownCodes>,
    progress: impl Fn(&LoadProgress),
) -> Result<LoadSummary, IngestError> {
    load_lines(lake, table, source, reader, codes, |columns| columns, progress).await
}

/// With what `may_add` makes of the columns that the tables have.
async fn load_lines(
    lake: &LakeUrl,
    table: Table,
    source: &LoadSource,
    reader: impl BufRead + Send + 'static,
    codes: Arc<KnownCodes>,
    may_add: fn(AddedColumns) -> AddedColumns,
    progress: impl Fn(&LoadProgress),
) -> Result<LoadSummary, IngestError> {
    if tables_of(table).is_empty() {
        let reason = format!("{} has no messages of its own", table.name());
        return Err(IngestError::Options { option: "table", reason });
    }
    let mut tables = OpenTables::new();
    for table in tables_of(table).iter().copied().chain([Table::DeadLetters]) {
        tables.insert(table, LakeTable::open_or_create(lake, table).await?);
    }
    let app_id = format!("load/{}/{}", table.name(), source.digest);
    let query_id = format!("load/{}", source.name);
    let mut ledger = Ledger::new(table, query_id);
    ledger.take_up([(ONLY, app_id)], &mut tables).await?;
    let before = ledger.landed(ONLY);
    let columns = may_add(added_columns(table, &tables)?);
    let mut lane = Lane::new(table, format!("file:{}", source.name), codes, columns.clone());
    for start in ledger.starts() {
        lane.place(&start, start.next.unwrap_or(1), Extent::default());
    }
    let (flushes, mut taken) = mpsc::channel(1);
    let (from, available_at) = (source.name.clone(), source.available_at);
    let reading =
        tokio::task::spawn_blocking(move || read(reader, &from, available_at, lane, &flushes));
    let mut total = LoadProgress::default();
    while let Some(flush) = taken.recv().await {
        let landed =
            ledger.land(&mut tables, flush.parts, &flush.next, &BTreeMap::new(), None).await?;
        if landed.superseded {
            return Err(IngestError::LoadedElsewhere { source_name: source.name.clone() });
        }
        total.lines += flush.messages;
        total.rows += landed.rows.values().sum::<u64>();
        total.rejects += landed.rejects.len() as u64;
        progress(&total);
    }
    reading
        .await
        .map_err(|died| IngestError::Worker { worker: "reading", detail: died.to_string() })??;
    let left_out = columns.left_out().join(", ");
    if !left_out.is_empty() {
        tracing::warn!(
            file = source.name,
            members = left_out,
            "members without a column are left out; --map NAME=NAME takes one in"
        );
    }
    Ok(LoadSummary { total, already_loaded: before.is_some() && total.lines == 0 })
}

/// Reads, decodes and hands over until the end, or until nobody takes.
fn read(
    mut reader: impl BufRead,
    source_name: &str,
    available_at: DateTime<Utc>,
    mut lane: Lane,
    flushes: &mpsc::Sender<Flush>,
) -> Result<(), IngestError> {
    let policy = FlushPolicy::default();
    let topic = lane.topic.clone();
    let mut text = Vec::new();
    for line in 1_i64.. {
        text.clear();
        let length = reader.read_until(b'\n', &mut text).map_err(|source| IngestError::Read {
            source_name: source_name.to_owned(),
            line: line.unsigned_abs(),
            source,
        })?;
        if length == 0 {
            break;
        }
        let payload = text.trim_ascii();
        if payload.is_empty() {
            continue;
        }
        let message = Message {
            topic: &topic,
            partition: ONLY,
            offset: line,
            timestamp: available_at,
            key: None,
            payload: Some(payload),
        };
        lane.push(&message, None);
        if lane.row_count() >= policy.rows || lane.held_bytes >= policy.bytes {
            let Some(flush) = lane.take(0) else { continue };
            if flushes.blocking_send(flush).is_err() {
                return Ok(());
            }
        }
    }
    if let Some(flush) = lane.take(0) {
        // Nobody takes it only if landing failed, and says so itself.
        drop(flushes.blocking_send(flush));
    }
    Ok(())
}

/// Loads rows that are of the table's columns already, for tables without a
/// stream such as [`Table::Reference`]: beside the rows there, or in place of
/// them. In one commit; the rows are held in memory.
///
/// # Errors
/// [`IngestError::Rows`] if they are not of the table's columns,
/// [`IngestError::LoadedElsewhere`] if another process loads them just now,
/// [`IngestError::Lake`] if the lake refuses.
pub async fn load_rows(
    lake: &LakeUrl,
    table: Table,
    source: &LoadSource,
    rows: Vec<RecordBatch>,
    replace: bool,
) -> Result<LoadSummary, IngestError> {
    let mut open = LakeTable::open_or_create(lake, table).await?;
    // What replaced the table last is one question, whether a file was ever
    // added to it another.
    let (app_id, next) = if replace {
        (format!("load/{}", table.name()), fingerprint(&source.digest))
    } else {
        (format!("load/{}/{}", table.name(), source.digest), 1)
    };
    let base = open.transaction(&app_id).await?;
    if base == Some(next) {
        return Ok(LoadSummary { total: LoadProgress::default(), already_loaded: true });
    }
    let row_count: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    let adds = open.write(rows).await?;
    let operation = DeltaOperation::Write {
        mode: if replace { SaveMode::Overwrite } else { SaveMode::Append },
        partition_by: None,
        predicate: None,
    };
    let fence = Fence { app_id, base, next };
    loop {
        let (mut actions, mut fences): (Vec<Action>, _) = (Vec::new(), vec![fence.clone()]);
        if replace {
            // A compaction under way would put the old rows back.
            let rewriting = rewriting(table);
            let before = open.transaction(&rewriting).await?;
            fences.push(Fence::taken(rewriting, before));
            let files = open.state.snapshot().file_views(open.log_store.as_ref(), None);
            let files: Vec<_> = files.try_collect().await.map_err(open.error("list its files"))?;
            actions.extend(files.iter().map(|file| Action::Remove(file.remove_action(true))));
        }
        actions.extend(adds.iter().cloned());
        let landing = open.commit(actions, &fences, operation.clone(), None).await?;
        if landing != Landing::Superseded {
            let total = LoadProgress { lines: 0, rows: row_count, rejects: 0 };
            return Ok(LoadSummary { total, already_loaded: false });
        }
        // If only a compaction was quicker, its files are to go instead.
        if open.transaction(&fence.app_id).await? != base {
            return Err(IngestError::LoadedElsewhere { source_name: source.name.clone() });
        }
    }
}

/// FNV-1a of the digest: the transaction's version, which must be a number.
fn fingerprint(digest: &str) -> i64 {
    let hash = digest.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 1).cast_signed()
}

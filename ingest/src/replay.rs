//! Dead letters taken in after all, once what was wrong has been put right.
//!
//! A letter lands at most once. Its claim is committed before its rows, and
//! both are named after the replay; one that was interrupted in between is
//! finished under its own name by whoever comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use loadstar_schema::Table;
use uuid::Uuid;

use crate::columns::Room;
use crate::commit::{Fence, Landing};
use crate::decode::writer::{Writer, schema_id};
use crate::decode::{
    AddedColumns, DeadLetter, Decoded, Decoder, KnownCodes, Message, Reject, replay_marks,
};
use crate::ledger::{Ledger, OpenTables, added_columns, tables_of};
use crate::{Faults, IngestError, LakeTable, LakeUrl, Registry};

/// The transaction that claims carry: of two replays at once, one is refused.
const CLAIMS: &str = "dead_letter_replays";
const ONLY: i32 = 0;
/// How long a replay waits for the schemas of its letters.
const SCHEMAS_WITHIN: Duration = Duration::from_secs(30);

/// What to take in, as of which table's messages.
#[derive(Clone)]
pub struct Replay {
    /// The table whose topic they came from.
    pub stream: Table,
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// The codes that rows may carry now.
    pub codes: Arc<KnownCodes>,
    /// Knows the schemas of letters that are not plain JSON.
    pub registry: Option<Registry>,
    /// When the rows became known: their `available_at`.
    pub at: DateTime<Utc>,
    /// The name of a replay of these letters that did not come to its end.
    pub unfinished: Option<String>,
    /// Faults to inject; for tests.
    pub faults: Option<Faults>,
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplaySummary {
    /// Letters that landed.
    pub landed: u64,
    /// Rows they became.
    pub rows: u64,
    /// Letters that still do not fit, and why now.
    pub refused: Vec<Reject>,
}

/// Decodes letters anew and lands those that fit now.
///
/// # Errors
/// [`IngestError::LoadedElsewhere`] if another process replays just now,
/// [`IngestError::Options`] for a table without messages,
/// [`IngestError::RegistryUnreachable`] if the schema of a letter does not come,
/// [`IngestError::Lake`] if the lake refuses.
pub async fn replay(lake: &LakeUrl, replay: Replay) -> Result<ReplaySummary, IngestError> {
    let faults = replay.faults.as_ref();
    let mut open = opened(lake, replay.stream).await?;
    let Decoded { tables, rejects } = fitting(&replay, &mut open).await?;
    let refused: BTreeSet<_> = rejects.iter().map(|r| (&*r.topic, r.partition, r.offset)).collect();
    let fits = |letter: &&DeadLetter| {
        !refused.contains(&(&*letter.topic, letter.partition, letter.offset))
    };
    let landing: Vec<&DeadLetter> = replay.letters.iter().filter(fits).collect();
    let mut claims = LakeTable::open_or_create(lake, Table::DeadLetterReplays).await?;
    let id = match &replay.unfinished {
        Some(id) => id.clone(),
        None if landing.is_empty() => {
            return Ok(ReplaySummary { refused: rejects, ..ReplaySummary::default() });
        }
        None => {
            let id = Uuid::new_v4().to_string();
            let claim = replay_marks(&landing, &id, "claimed", replay.at);
            mark(&mut claims, vec![claim], faults).await?;
            id
        }
    };
    let rows = land(&mut open, replay.stream, &id, tables, faults).await?;
    let mut marks = vec![replay_marks(&landing, &id, "landed", replay.at)];
    if replay.unfinished.is_some() {
        let others: Vec<&DeadLetter> = replay.letters.iter().filter(|l| !fits(l)).collect();
        marks.push(replay_marks(&others, &id, "refused", replay.at));
    }
    mark(&mut claims, marks, faults).await?;
    Ok(ReplaySummary { landed: landing.len() as u64, rows, refused: rejects })
}

/// What a replay would do, without doing it.
///
/// # Errors
/// Those of [`replay`].
pub async fn try_out(lake: &LakeUrl, replay: &Replay) -> Result<ReplaySummary, IngestError> {
    let mut open = OpenTables::new();
    for table in tables_of(replay.stream) {
        if let Some(found) = LakeTable::open(lake, *table).await? {
            open.insert(*table, found);
        }
    }
    let columns = added_columns(replay.stream, &open)?;
    let Decoded { tables, rejects } = decoded(replay, &columns).await?;
    Ok(ReplaySummary {
        landed: (replay.letters.len() - rejects.len()) as u64,
        rows: tables.iter().map(|(_, rows)| rows.num_rows() as u64).sum(),
        refused: rejects,
    })
}

async fn opened(lake: &LakeUrl, stream: Table) -> Result<OpenTables, IngestError> {
    let mut open = OpenTables::new();
    for table in tables_of(stream).iter().copied().chain([Table::DeadLetters]) {
        open.insert(table, LakeTable::open_or_create(lake, table).await?);
    }
    Ok(open)
}

/// The letters decoded, with room made for what they add: which of them fit is
/// settled before any is claimed.
async fn fitting(replay: &Replay, open: &mut OpenTables) -> Result<Decoded, IngestError> {
    loop {
        let columns = added_columns(replay.stream, open)?;
        let decoded = decoded(replay, &columns).await?;
        let mut room = Room::Made;
        for (table, rows) in &decoded.tables {
            let Some(open) = open.get_mut(table) else { continue };
            let rows = std::slice::from_ref(rows);
            if open.make_room(rows, replay.faults.as_ref()).await? == Room::Taken {
                room = Room::Taken;
            }
        }
        if room == Room::Made {
            return Ok(decoded);
        }
    }
}

async fn decoded(replay: &Replay, columns: &AddedColumns) -> Result<Decoded, IngestError> {
    if tables_of(replay.stream).is_empty() {
        let reason = format!("{} has no messages of its own", replay.stream.name());
        return Err(IngestError::Options { option: "table", reason });
    }
    let writers = writers(replay).await?;
    let mut decoder = Decoder::new(replay.stream, replay.codes.clone()).with_columns(columns);
    for letter in &replay.letters {
        let payload = letter.payload.as_deref();
        let message = Message {
            topic: &letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            timestamp: replay.at,
            key: letter.key.as_deref().map(str::as_bytes),
            payload,
        };
        let writer = payload.and_then(schema_id).and_then(|id| writers.get(&id));
        decoder.push_written(&message, writer);
    }
    Ok(decoder.finish())
}

/// What is known of the schemas that the letters were written with.
async fn writers(replay: &Replay) -> Result<BTreeMap<u32, Writer>, IngestError> {
    let payloads = replay.letters.iter().filter_map(|letter| letter.payload.as_deref());
    let ids: BTreeSet<u32> = payloads.filter_map(schema_id).collect();
    match &replay.registry {
        Some(registry) if !ids.is_empty() => registry.writers(ids, SCHEMAS_WITHIN).await,
        _ => Ok(BTreeMap::new()),
    }
}

/// Lands the rows under the replay's own transaction, which is there already if
/// an earlier attempt got so far.
async fn land(
    open: &mut OpenTables,
    stream: Table,
    id: &str,
    tables: Vec<(Table, RecordBatch)>,
    faults: Option<&Faults>,
) -> Result<u64, IngestError> {
    let name = format!("replay/{id}");
    let mut ledger = Ledger::new(stream, name.clone());
    ledger.take_up([(ONLY, name)], open).await?;
    if ledger.landed(ONLY).is_some() {
        return Ok(0);
    }
    let ahead = ledger.starts().into_iter().flat_map(|start| start.ahead);
    let has = ahead.map(|(table, _)| table).collect();
    let parts = vec![(has, Decoded { tables, rejects: Vec::new() })];
    let next = BTreeMap::from([(ONLY, 1)]);
    let landed = ledger.land(open, parts, &next, &BTreeMap::new(), faults).await?;
    if landed.superseded {
        return Err(elsewhere());
    }
    Ok(landed.rows.values().sum())
}

/// Notes how far letters are.
async fn mark(
    claims: &mut LakeTable,
    marks: Vec<RecordBatch>,
    faults: Option<&Faults>,
) -> Result<(), IngestError> {
    let base = claims.transaction(CLAIMS).await?;
    let next = (Uuid::new_v4().as_u64_pair().0 >> 1).cast_signed();
    let fence = Fence { app_id: CLAIMS.to_owned(), base, next };
    let adds = claims.write(marks).await?;
    let operation =
        DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    match claims.commit(adds, &[fence], operation, faults).await? {
        Landing::Superseded => Err(elsewhere()),
        Landing::Committed(_) | Landing::Recognised => Ok(()),
    }
}

fn elsewhere() -> IngestError {
    IngestError::LoadedElsewhere { source_name: "the dead letters".to_owned() }
}

//! The books of one stream: how far each of its tables is, and the order in
//! which they move on.
//!
//! `meter_reads` feeds two tables, and every stream may feed the dead letters;
//! tables cannot commit together. So one table of a stream is its *anchor*: it
//! commits last, in every flush, even without rows, and its transaction says
//! how far the stream has landed. The others commit before it, when they have
//! rows, each under its own transaction. Landing begins at the anchor's offset;
//! where another table is further (a crash came between), messages below that
//! table's offset are decoded again and its share of them is left out.
//!
//! Decoding is the same both times unless the known codes changed in between;
//! then a message of those few may be filed in both places, never in neither.
//! To keep it the same, the columns that messages add are in their tables before
//! anything of the flush is, the dead letters first of all: what a message was
//! held against stands from then on.
//!
//! Any number of processes may land one stream, each with partitions of its
//! own. Every commit fences all partitions its process holds, moved or not: if
//! one was taken over, or was not let go of, the commit is refused.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, OutputMode};
use loadstar_schema::Table;

use crate::columns::Room;
use crate::commit::{Fence, Landing};
use crate::decode::{AddedColumns, Decoded, Reject, dead_letters};
use crate::fault::{self, Faults, Step};
use crate::{IngestError, LakeTable};

pub(crate) type OpenTables = BTreeMap<Table, LakeTable>;

/// Rows, each with the tables that have them already.
pub(crate) type Parts = Vec<(Vec<Table>, Decoded)>;

/// The tables a stream feeds, the anchor first, the dead letters left out.
pub(crate) fn tables_of(stream: Table) -> &'static [Table] {
    match stream {
        Table::MeterReads => &[Table::MeterReads, Table::RegisterReads],
        Table::Customers => &[Table::Customers],
        Table::Bills => &[Table::Bills],
        Table::Payments => &[Table::Payments],
        Table::ServiceRequests => &[Table::ServiceRequests],
        Table::SupplyReads => &[Table::SupplyReads],
        Table::Weather => &[Table::Weather],
        Table::MeterEvents => &[Table::MeterEvents],
        Table::InspectionCases => &[Table::InspectionCases],
        // These come from files only.
        Table::Reference => &[Table::Reference],
        Table::Tariffs => &[Table::Tariffs],
        Table::TariffRules => &[Table::TariffRules],
        Table::Calendar => &[Table::Calendar],
        Table::VeeRules => &[Table::VeeRules],
        Table::Limits => &[Table::Limits],
        Table::MarketTotals => &[Table::MarketTotals],
        _ => &[],
    }
}

/// The columns that messages of a stream have added so far.
pub(crate) fn added_columns(
    stream: Table,
    tables: &OpenTables,
) -> Result<AddedColumns, IngestError> {
    let added = AddedColumns::default();
    for table in tables_of(stream) {
        if let Some(open) = tables.get(table) {
            added.learn(*table, open.columns()?.as_ref());
        }
    }
    Ok(added)
}

/// Where a partition is taken up, in the lake's offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) partition: i32,
    /// Where a range began that has landed in part; `None` if nothing has
    /// landed, or from the log's beginning.
    pub(crate) from: Option<i64>,
    /// The anchor's transaction; `None` if nothing has landed.
    pub(crate) next: Option<i64>,
    /// The mark of the message before it, if the anchor has one.
    pub(crate) mark: Option<i64>,
    /// Tables that are further than the anchor, and up to where.
    pub(crate) ahead: Vec<(Table, i64)>,
}

/// What one flush added to the lake.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Landed {
    pub(crate) rows: BTreeMap<Table, u64>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) commits: u64,
    /// Another writer was here; the flush did not reach its end.
    pub(crate) superseded: bool,
}

/// The transactions of one stream, as the lake has them.
pub(crate) struct Ledger {
    pub(crate) stream: Table,
    /// Names the commits in the table's history.
    pub(crate) query_id: String,
    /// The transaction of each partition.
    pub(crate) app_ids: BTreeMap<i32, String>,
    stands: BTreeMap<Table, BTreeMap<i32, Option<i64>>>,
    /// Where partitions of a range begin: goes into each table's first commit.
    from: BTreeMap<i32, i64>,
    /// Marks of the last messages, as the anchor has them.
    marks: BTreeMap<i32, i64>,
    /// The version of each table up to which no other writer moved them. A
    /// table shared with other streams may have been seen further by these.
    seen: BTreeMap<Table, u64>,
}

impl Ledger {
    /// Without partitions.
    pub(crate) fn new(stream: Table, query_id: String) -> Self {
        Self {
            stream,
            query_id,
            app_ids: BTreeMap::new(),
            stands: BTreeMap::new(),
            from: BTreeMap::new(),
            marks: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Takes partitions up, seeing what others landed of them. `false` if the
    /// partitions held before were moved by others too: what was decoded of
    /// them is void.
    pub(crate) async fn take_up(
        &mut self,
        app_ids: impl IntoIterator<Item = (i32, String)>,
        tables: &mut OpenTables,
    ) -> Result<bool, IngestError> {
        let held: Vec<i32> = self.app_ids.keys().copied().collect();
        let before = self.stands.clone();
        self.app_ids.extend(app_ids);
        self.reread(tables).await?;
        let same = |(table, stands): (&Table, &BTreeMap<i32, Option<i64>>)| {
            held.iter().all(|id| before.get(table).and_then(|b| b.get(id)) == stands.get(id))
        };
        Ok(self.stands.iter().all(same))
    }

    /// Lets partitions go.
    pub(crate) fn give_up(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.app_ids.remove(partition);
            self.from.remove(partition);
            self.marks.remove(partition);
            for stands in self.stands.values_mut() {
                stands.remove(partition);
            }
        }
    }

    /// Says where partitions of a range begin, of which nothing has landed.
    pub(crate) fn begin_at(&mut self, first: &BTreeMap<i32, i64>) {
        for (partition, first) in first {
            self.from.entry(*partition).or_insert(*first);
        }
    }

    /// Sees the commits of others, and how far each table is.
    pub(crate) async fn reread(&mut self, tables: &mut OpenTables) -> Result<(), IngestError> {
        self.from.clear();
        for table in self.tables() {
            let Some(open) = tables.get_mut(&table) else { continue };
            open.refresh().await?;
            let stands = self.read_stands(open).await?;
            for (partition, app_id) in &self.app_ids {
                if stands.get(partition).copied().flatten().is_none() {
                    continue;
                }
                if let Some(from) = open.transaction(&began(app_id)).await? {
                    let known = self.from.entry(*partition).or_insert(from);
                    *known = from.max(*known);
                }
            }
            if table == self.stream {
                self.marks = self.read_marks(open).await?;
            }
            self.stands.insert(table, stands);
            self.seen.insert(table, open.version());
        }
        Ok(())
    }

    async fn read_stands(
        &self,
        open: &LakeTable,
    ) -> Result<BTreeMap<i32, Option<i64>>, IngestError> {
        let mut stands = BTreeMap::new();
        for (partition, app_id) in &self.app_ids {
            stands.insert(*partition, open.transaction(app_id).await?);
        }
        Ok(stands)
    }

    async fn read_marks(&self, open: &LakeTable) -> Result<BTreeMap<i32, i64>, IngestError> {
        let mut marks = BTreeMap::new();
        for (partition, app_id) in &self.app_ids {
            if let Some(mark) = open.transaction(&mark_id(app_id)).await? {
                marks.insert(*partition, mark);
            }
        }
        Ok(marks)
    }

    /// Whether the partitions stand in the table where this ledger says. Costs
    /// nothing while only this ledger's commits moved the table on.
    async fn is_unmoved(&mut self, open: &LakeTable) -> Result<bool, IngestError> {
        let table = open.table();
        if self.seen.get(&table) != Some(&open.version()) {
            if self.stands.get(&table) != Some(&self.read_stands(open).await?) {
                return Ok(false);
            }
            self.seen.insert(table, open.version());
        }
        Ok(true)
    }

    /// The stream's tables and the dead letters, the anchor first.
    fn tables(&self) -> impl Iterator<Item = Table> + use<> {
        tables_of(self.stream).iter().copied().chain([Table::DeadLetters])
    }

    fn stand(&self, table: Table, partition: i32) -> Option<i64> {
        self.stands.get(&table)?.get(&partition).copied().flatten()
    }

    /// The next offset of a partition to land.
    pub(crate) fn landed(&self, partition: i32) -> Option<i64> {
        self.stand(self.stream, partition)
    }

    /// Where every partition held is to be taken up.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let start = |partition: i32| {
            let next = self.landed(partition);
            let ahead = self
                .tables()
                .skip(1)
                .filter_map(|table| Some((table, self.stand(table, partition)?)))
                .filter(|(_, stand)| next.is_none_or(|next| *stand > next))
                .collect();
            let from = self.from.get(&partition).copied();
            let mark = self.marks.get(&partition).copied();
            Start { partition, from, next, mark, ahead }
        };
        self.app_ids.keys().map(|partition| start(*partition)).collect()
    }

    /// Where a commit leaves every partition held, moved or not. Never
    /// backwards: the table may be ahead of the anchor.
    fn moved(&self, table: Table, next: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
        let moved = |partition: &i32| {
            let base = self.stand(table, *partition).unwrap_or(0);
            (*partition, next.get(partition).copied().unwrap_or(0).max(base))
        };
        self.app_ids.keys().map(moved).collect()
    }

    /// A fence for every partition held, moved or not: so that any other
    /// writer's commit in between is a conflict.
    fn fences(&self, table: Table, moved: &BTreeMap<i32, i64>) -> Vec<Fence> {
        let mut fences = Vec::with_capacity(moved.len());
        for ((partition, app_id), next) in self.app_ids.iter().zip(moved.values()) {
            let base = self.stand(table, *partition);
            if let (None, Some(from)) = (base, self.from.get(partition)) {
                fences.push(Fence { app_id: began(app_id), base: None, next: *from });
            }
            fences.push(Fence { app_id: app_id.clone(), base, next: *next });
        }
        fences
    }

    /// Lands decoded rows up to `next`: dead letters, then the tables beside
    /// the anchor, then the anchor, with the marks of the last messages.
    pub(crate) async fn land(
        &mut self,
        tables: &mut OpenTables,
        parts: Parts,
        next: &BTreeMap<i32, i64>,
        marks: &BTreeMap<i32, i64>,
        faults: Option<&Faults>,
    ) -> Result<Landed, IngestError> {
        fault::at(faults, Step::Flushing)?;
        let (mut rejects, mut batches) = sorted_out(parts);
        let mut landed = Landed::default();
        let mut order: Vec<(Table, Vec<RecordBatch>)> = Vec::new();
        if !rejects.is_empty() {
            rejects.sort_by_key(|reject| (reject.partition, reject.offset));
            order.push((Table::DeadLetters, vec![dead_letters(&rejects)]));
        }
        for table in tables_of(self.stream).iter().skip(1) {
            if let Some(rows) = batches.remove(table) {
                order.push((*table, rows));
            }
        }
        order.push((self.stream, batches.remove(&self.stream).unwrap_or_default()));
        for (table, rows) in &order {
            let Some(open) = tables.get_mut(table) else { continue };
            if open.make_room(rows, faults).await? == Room::Taken {
                landed.superseded = true;
                return Ok(landed);
            }
        }
        for (table, rows) in order {
            let row_count: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
            let Some(open) = tables.get_mut(&table) else { continue };
            let marks = if table == self.stream { marks } else { &BTreeMap::new() };
            if self.commit(open, rows, next, marks, faults).await? == Landing::Superseded {
                landed.superseded = true;
                return Ok(landed);
            }
            landed.commits += 1;
            if table == Table::DeadLetters {
                landed.rejects = std::mem::take(&mut rejects);
            } else {
                landed.rows.insert(table, row_count);
            }
        }
        fault::at(faults, Step::Landed)?;
        Ok(landed)
    }

    async fn commit(
        &mut self,
        open: &mut LakeTable,
        rows: Vec<RecordBatch>,
        next: &BTreeMap<i32, i64>,
        marks: &BTreeMap<i32, i64>,
        faults: Option<&Faults>,
    ) -> Result<Landing, IngestError> {
        let table = open.table();
        let mut actions = if rows.is_empty() { Vec::new() } else { open.write(rows).await? };
        let held = |id: &i32| self.app_ids.get(id).map(|app_id| mark_id(app_id));
        let mark = |(id, mark): (&i32, &i64)| Some(Transaction::new(held(id)?, *mark));
        actions.extend(marks.iter().filter_map(mark).map(Action::Txn));
        fault::at(faults, Step::FilesWritten(table))?;
        if !self.is_unmoved(open).await? {
            return Ok(Landing::Superseded);
        }
        let moved = self.moved(table, next);
        let fences = self.fences(table, &moved);
        let operation = DeltaOperation::StreamingUpdate {
            output_mode: OutputMode::Append,
            query_id: self.query_id.clone(),
            epoch_id: moved.values().sum(),
        };
        let landing = open.commit(actions, &fences, operation, faults).await?;
        if landing != Landing::Superseded {
            let stands = self.stands.entry(table).or_default();
            stands.extend(moved.into_iter().map(|(partition, next)| (partition, Some(next))));
            self.marks.extend(marks.iter().filter(|(id, _)| self.app_ids.contains_key(id)));
            self.seen.insert(table, open.version());
            tracing::debug!(table = table.name(), version = open.version(), ?landing, "committed");
        }
        Ok(landing)
    }
}

/// The transaction that holds where a partition's landing began, if that was
/// not the log's beginning.
fn began(app_id: &str) -> String {
    format!("{app_id}/from")
}

/// The transaction that tells what a partition's last message was like.
fn mark_id(app_id: &str) -> String {
    format!("{app_id}/last")
}

/// Dead letters, and rows by table, without those that a table has already.
fn sorted_out(parts: Parts) -> (Vec<Reject>, BTreeMap<Table, Vec<RecordBatch>>) {
    let mut rejects = Vec::new();
    let mut batches: BTreeMap<Table, Vec<RecordBatch>> = BTreeMap::new();
    for (has, decoded) in parts {
        if !has.contains(&Table::DeadLetters) {
            rejects.extend(decoded.rejects);
        }
        for (table, batch) in decoded.tables {
            if !has.contains(&table) && batch.num_rows() > 0 {
                batches.entry(table).or_default().push(batch);
            }
        }
    }
    (rejects, batches)
}

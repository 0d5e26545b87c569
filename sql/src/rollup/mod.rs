//! Stored rollups, brought up to date day by day.
//!
//! A rollup is the answer of its `.sql` file, kept as a Delta table. [`Lake::roll_up`]
//! asks the logs of the source tables which days changed since it last ran
//! ([`changes`]), computes these days anew from raw rows, and replaces them, a
//! batch of days a commit ([`commit`]). Late reads, corrections and
//! reclassification thus end in what a rebuild gives. With the last batch it
//! records the source versions it has seen, so that a run that died half-way is
//! simply repeated. What the daily rollup comes to by the axes is a rollup of it,
//! what that comes to by months one of this ([`by_axes`]): many a question is
//! answered from them ([`redirect`]).

mod by_axes;
pub(crate) mod changes;
mod commit;
mod months;
pub(crate) mod redirect;
pub(crate) mod stored;

use std::collections::BTreeSet;

use deltalake_core::DeltaTable;
use loadstar_schema::Table;
use sha2::{Digest as _, Sha256};

use self::changes::Affected;
use crate::append::conform;
use crate::queries::{self, Query};
use crate::session;
use crate::tables::{LakeTable, rows_by_partition};
use crate::{Lake, LakeError};

/// Reads reduced at a time: some hundred megabytes while they are grouped.
pub(crate) const ROWS_PER_BATCH: u64 = 1_500_000;

/// Which days to roll up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollupScope {
    /// Days that a change of reads, customers, tariffs or codes affects.
    Changed,
    /// Every day.
    All,
}

/// What a run of [`Lake::roll_up`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollupOutcome {
    /// Days computed anew, in each rollup that has days.
    pub days: usize,
    /// Rows written to the rollups.
    pub rows: usize,
    /// Commits made.
    pub commits: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollup {
    Daily,
    Hourly,
    ByAxes,
    ByAxesMonthly,
}

impl Rollup {
    const ALL: [Self; 4] = [Self::Daily, Self::Hourly, Self::ByAxes, Self::ByAxesMonthly];
    /// Those computed from raw rows.
    const OF_READS: [Self; 2] = [Self::Daily, Self::Hourly];

    pub(crate) fn of(table: Table) -> Option<Self> {
        Self::ALL.into_iter().find(|rollup| rollup.table() == table)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Table::from_name(name).and_then(Self::of)
    }

    pub(crate) const fn table(self) -> Table {
        match self {
            Self::Daily => Table::ConsumptionDaily,
            Self::Hourly => Table::ConsumptionHourly,
            Self::ByAxes => Table::ConsumptionByAxes,
            Self::ByAxesMonthly => Table::ConsumptionByAxesMonthly,
        }
    }

    /// The tables it is computed from.
    const fn sources(self) -> &'static [Table] {
        match self {
            Self::Daily => &[Table::MeterReads, Table::Customers, Table::Reference, Table::Tariffs],
            Self::Hourly => &[Table::MeterReads, Table::Customers],
            Self::ByAxes => &[Table::ConsumptionDaily],
            Self::ByAxesMonthly => &[Table::ConsumptionByAxes],
        }
    }

    /// The rollup that it sums up.
    const fn of_rollup(self) -> Option<Self> {
        match self {
            Self::Daily | Self::Hourly => None,
            Self::ByAxes => Some(Self::Daily),
            Self::ByAxesMonthly => Some(Self::ByAxes),
        }
    }

    pub(crate) fn query(self) -> Result<&'static Query, LakeError> {
        let name = self.table().name();
        queries::ROLLUPS.iter().find(|query| query.name == name).ok_or_else(|| LakeError::Shipped {
            name: name.to_owned(),
            reason: "has no query".to_owned(),
        })
    }

    /// Under which application id it records the queries it is made with, and a
    /// digest of their statements as the version.
    fn queries(self) -> Result<(String, i64), LakeError> {
        let joined = if self.of_rollup().is_none() { queries::BY_DAY } else { &[] };
        let mut digest = Sha256::new();
        for query in joined.iter().chain([self.query()?]) {
            for line in query.sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
                digest.update(line);
            }
        }
        let digest = digest.finalize();
        let first = digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        // Versions are not negative.
        Ok((format!("rollup/{}/queries", self.table().name()), first & i64::MAX))
    }
}

/// Under which application id a rollup records the version of a source.
fn source_id(rollup: Rollup, source: Table) -> String {
    format!("rollup/{}/{}", rollup.table().name(), source.name())
}

/// What a rollup records when it has seen everything: the version of each source,
/// and that of its queries, since those of a newer release may give other rows.
fn seen(rollup: Rollup, tables: &[LakeTable]) -> Result<Vec<(String, i64)>, LakeError> {
    let of_source = |table: &LakeTable| (source_id(rollup, table.table), recorded_version(table));
    let sources = tables.iter().filter(|table| rollup.sources().contains(&table.table));
    Ok(sources.map(of_source).chain([rollup.queries()?]).collect())
}

/// A source's version as recorded: −1 for a table that is not there.
pub(crate) fn recorded_version(table: &LakeTable) -> i64 {
    table.version().map_or(-1, |version| i64::try_from(version).unwrap_or(i64::MAX))
}

/// May the stored rollup answer for an instant (microseconds; `None` is now)?
/// For a past instant only if nothing became available since and it has seen
/// everything; that of a rollup never says otherwise than this.
async fn answers(
    rollup: Rollup,
    tables: &[LakeTable],
    as_of: Option<i64>,
    newest: Option<i64>,
) -> Result<bool, LakeError> {
    if let Some(finer) = rollup.of_rollup() {
        return Ok(Box::pin(answers(finer, tables, as_of, newest)).await?
            && has_seen_all(rollup, tables).await?);
    }
    if !tables.iter().any(|table| table.table == rollup.table() && table.delta.is_some()) {
        return Ok(false);
    }
    let Some(as_of) = as_of else { return Ok(true) };
    Ok(newest.is_none_or(|newest| newest <= as_of) && has_seen_all(rollup, tables).await?)
}

/// Is the stored rollup made of its sources as they are at present?
async fn has_seen_all(rollup: Rollup, tables: &[LakeTable]) -> Result<bool, LakeError> {
    let stored = tables.iter().find(|table| table.table == rollup.table());
    let Some(delta) = stored.and_then(|table| table.delta.as_ref()) else { return Ok(false) };
    for (id, version) in seen(rollup, tables)? {
        if changes::recorded(delta, rollup, &id).await? != Some(version) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One rollup in a run.
struct Job {
    rollup: Rollup,
    delta: DeltaTable,
    days: BTreeSet<i32>,
}

impl Lake {
    /// Brings the stored rollups up to date. `progress` is told how many days
    /// of how many are done. Run it after ingest commits; a run that is cut off
    /// leaves whole days, some new and some old, and the next one finishes.
    ///
    /// # Errors
    /// [`LakeError::RolledUpElsewhere`] if another process rolled up at the
    /// same time, [`LakeError::Table`] if the lake cannot be read or written.
    pub async fn roll_up(
        &self,
        scope: RollupScope,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<RollupOutcome, LakeError> {
        let mut jobs = Vec::new();
        for rollup in Rollup::OF_READS {
            jobs.push((rollup, self.writable(rollup.table()).await?));
        }
        let tables = self.tables().await?;
        let reads = tables.iter().find(|table| table.table == Table::MeterReads);
        let files = reads.map(LakeTable::files).transpose()?.unwrap_or_default();
        let rows = rows_by_partition(&files);

        let mut planned = Vec::new();
        for (rollup, delta) in jobs {
            let affected = match scope {
                RollupScope::All => Affected::All,
                RollupScope::Changed => changes::affected(rollup, &delta, &tables).await?,
            };
            let stored = LakeTable { table: rollup.table(), delta: Some(delta.clone()) };
            let stored = stored.files()?.into_iter().filter_map(|file| file.partition);
            let known = rows.keys().copied().chain(stored);
            let days = affected.among(known.collect());
            planned.push(Job { rollup, delta, days });
        }

        let all: BTreeSet<i32> = planned.iter().flat_map(|job| job.days.iter().copied()).collect();
        let mut outcome = RollupOutcome::default();
        let mut done = 0;
        progress(0, all.len());
        let mut reads = if all.is_empty() {
            session::Reads::default()
        } else {
            session::of_customers(self, &tables).await?
        };
        for batch in batches(&all, &rows) {
            reads.files = files
                .iter()
                .filter(|file| file.partition.is_some_and(|day| batch.contains(&day)))
                .cloned()
                .collect();
            let ctx = session::of_reads(self, &tables, &reads).await?;
            for job in &mut planned {
                let days: BTreeSet<i32> = job.days.intersection(&batch).copied().collect();
                if days.is_empty() {
                    continue;
                }
                let rows = compute(job.rollup, &ctx, &days).await?;
                outcome.days += days.len();
                outcome.rows += rows.iter().map(|batch| batch.num_rows()).sum::<usize>();
                outcome.commits += 1;
                let last = job.days.last() == days.last();
                let seen = if last { Some(tables.as_slice()) } else { None };
                commit::replace(job.rollup, &mut job.delta, &days, rows, seen).await?;
            }
            done += batch.len();
            progress(done, all.len());
        }
        for job in planned.iter_mut().filter(|job| job.days.is_empty()) {
            if !has_seen_all(job.rollup, &tables).await? {
                let none = BTreeSet::new();
                commit::replace(job.rollup, &mut job.delta, &none, Vec::new(), Some(&tables))
                    .await?;
                outcome.commits += 1;
            }
        }
        self.roll_up_by_axes(scope, &mut outcome).await?;
        self.roll_up_by_months(scope, &mut outcome).await?;
        Ok(outcome)
    }
}

/// Consecutive days whose reads fit a batch.
fn batches(
    days: &BTreeSet<i32>,
    rows: &std::collections::BTreeMap<i32, u64>,
) -> Vec<BTreeSet<i32>> {
    let mut batches: Vec<BTreeSet<i32>> = Vec::new();
    let mut filled = u64::MAX;
    for &day in days {
        let rows = rows.get(&day).copied().unwrap_or(0);
        if filled.saturating_add(rows) > ROWS_PER_BATCH {
            batches.push(BTreeSet::new());
            filled = 0;
        }
        filled += rows;
        if let Some(batch) = batches.last_mut() {
            batch.insert(day);
        }
    }
    batches
}

/// The rollup's rows of some days, in the order of its key.
async fn compute(
    rollup: Rollup,
    ctx: &datafusion::prelude::SessionContext,
    days: &BTreeSet<i32>,
) -> Result<Vec<arrow::array::RecordBatch>, LakeError> {
    let query = rollup.query()?;
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Vec::new()) };
    let key = rollup.table().key().join(", ");
    // Not `<= last`: a single day would be simplified to `day = first`, the rows
    // would pass for sorted by it, and aggregates hand out groups bit by bit,
    // each time moving all that are left.
    let sql = format!(
        "SELECT * FROM {} WHERE day >= arrow_cast({first}, 'Date32') \
         AND day < arrow_cast({}, 'Date32') ORDER BY day, {key}",
        query.name,
        last + 1,
    );
    answered(rollup, ctx, &sql).await
}

/// What a query answers, as rows of the rollup's table.
async fn answered(
    rollup: Rollup,
    ctx: &datafusion::prelude::SessionContext,
    sql: &str,
) -> Result<Vec<arrow::array::RecordBatch>, LakeError> {
    let table = rollup.table();
    let answer = async { ctx.sql(sql).await?.collect().await };
    let rows = answer.await.map_err(|error| LakeError::of_shipped(table.name(), &error))?;
    conform(table, &rows)
}

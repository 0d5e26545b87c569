//! The daily rollup summed up by the axes, a month a file, so that a year is read
//! from twelve; and that summed up by months, a year a file.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};
use datafusion::prelude::SessionContext;
use loadstar_schema::{Table, day};

use super::changes::{self, Affected};
use super::{Rollup, RollupOutcome, RollupScope, answered, commit, has_seen_all};
use crate::session;
use crate::tables::LakeTable;
use crate::{Lake, LakeError};

/// What is stored so far, in the query that merges spans into it.
const STORED: &str = "stored";

/// A rollup of a rollup: each of its partitions is made of several of the other.
#[derive(Clone, Copy)]
struct Coarser {
    rollup: Rollup,
    of: Table,
    /// The column of a span: what one partition of the other becomes. It is
    /// told by its first day.
    span: &'static str,
    /// The column of its own partition, and the first day of that.
    partition: &'static str,
    first: fn(NaiveDate) -> Option<NaiveDate>,
    /// Days of the longest partition.
    longest: i32,
}

const BY_DAY: Coarser = Coarser {
    rollup: Rollup::ByAxes,
    of: Table::ConsumptionDaily,
    span: "day",
    partition: "month",
    first: |date| date.with_day(1),
    longest: 31,
};

const BY_MONTH: Coarser = Coarser {
    rollup: Rollup::ByAxesMonthly,
    of: Table::ConsumptionByAxes,
    span: "month",
    partition: "year",
    first: |date| date.with_ordinal(1),
    longest: 366,
};

impl Lake {
    /// Sums up the days of the daily rollup that were replaced since, and puts
    /// them in their months.
    pub(super) async fn roll_up_by_axes(
        &self,
        scope: RollupScope,
        outcome: &mut RollupOutcome,
    ) -> Result<(), LakeError> {
        outcome.days += self.coarsen(BY_DAY, scope, outcome).await?;
        Ok(())
    }

    /// Sums up the months by the axes that were replaced since, and puts them in
    /// their years.
    pub(super) async fn roll_up_by_months(
        &self,
        scope: RollupScope,
        outcome: &mut RollupOutcome,
    ) -> Result<(), LakeError> {
        self.coarsen(BY_MONTH, scope, outcome).await.map(drop)
    }

    /// How many spans were made anew.
    async fn coarsen(
        &self,
        to: Coarser,
        scope: RollupScope,
        outcome: &mut RollupOutcome,
    ) -> Result<usize, LakeError> {
        let rollup = to.rollup;
        let mut delta = self.writable(rollup.table()).await?;
        let finer = self.table(to.of).await?;
        let stored = LakeTable { table: rollup.table(), delta: Some(delta.clone()) };
        let partitions = |table: &LakeTable| -> Result<BTreeSet<i32>, LakeError> {
            Ok(table.files()?.into_iter().filter_map(|file| file.partition).collect())
        };
        let (spans, own) = (partitions(&finer)?, partitions(&stored)?);
        let tables = [finer, stored];
        let affected = match scope {
            RollupScope::All => Affected::All,
            RollupScope::Changed => changes::affected(rollup, &delta, &tables).await?,
        };
        let mut replaced: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
        let anew = match &affected {
            // Partitions that have nothing left are emptied.
            Affected::All => {
                replaced.extend(own.into_iter().map(|partition| (partition, BTreeSet::new())));
                spans
            }
            Affected::Some { days, .. } => days.clone(),
        };
        for span in anew {
            replaced.entry(to.partition_of(span)).or_default().insert(span);
        }

        let count = replaced.len();
        if count == 0 {
            if !has_seen_all(rollup, &tables).await? {
                let none = BTreeSet::new();
                commit::replace(rollup, &mut delta, &none, Vec::new(), Some(&tables)).await?;
                outcome.commits += 1;
            }
            return Ok(0);
        }
        let ctx = session::of_rollup(self, rollup, &tables, STORED).await?;
        let mut made = 0;
        for (done, (partition, spans)) in (1..).zip(replaced) {
            let kept = if affected == Affected::All { None } else { Some(&spans) };
            let rows = to.merged(&ctx, partition, kept).await?;
            made += spans.len();
            outcome.rows += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
            outcome.commits += 1;
            let seen = if done == count { Some(tables.as_slice()) } else { None };
            commit::replace(rollup, &mut delta, &BTreeSet::from([partition]), rows, seen).await?;
        }
        Ok(made)
    }
}

impl Coarser {
    /// A partition's rows: of `spans` as the finer rollup has them now, of the
    /// others as they are stored; without `spans` all of them anew.
    async fn merged(
        &self,
        ctx: &SessionContext,
        partition: i32,
        spans: Option<&BTreeSet<i32>>,
    ) -> Result<Vec<RecordBatch>, LakeError> {
        let (table, span) = (self.rollup.table(), self.span);
        let (name, key) = (table.name(), table.key().join(", "));
        let date = |day: i32| format!("arrow_cast({day}, 'Date32')");
        let of_partition = format!("{} = {}", self.partition, date(partition));
        let sql = match spans {
            None => {
                // Spans, so that no other file is read.
                let next = date(partition.saturating_add(self.longest));
                let first = date(partition);
                format!(
                    "SELECT * FROM {name} WHERE {span} >= {first} AND {span} < {next} \
                     AND {of_partition} ORDER BY {key}"
                )
            }
            Some(spans) => {
                let spans = spans.iter().copied().map(date).collect::<Vec<_>>().join(", ");
                format!(
                    "SELECT * FROM {name} WHERE {span} IN ({spans}) UNION ALL \
                     SELECT * FROM {STORED} WHERE {of_partition} AND {span} NOT IN ({spans}) \
                     ORDER BY {key}",
                )
            }
        };
        answered(self.rollup, ctx, &sql).await
    }

    fn partition_of(&self, span: i32) -> i32 {
        let first = day::from_date32(span).and_then(self.first);
        first.map_or(span, day::to_date32)
    }
}

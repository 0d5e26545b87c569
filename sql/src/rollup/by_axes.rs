//! The daily rollup summed up by the axes: a month a file, so that a year is
//! read from twelve.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono::Datelike;
use loadstar_schema::{Table, day};

use super::changes::{self, Affected};
use super::{Rollup, RollupOutcome, RollupScope, answered, commit, has_seen_all};
use crate::session;
use crate::tables::LakeTable;
use crate::{Lake, LakeError};

/// What is stored so far, in the query that merges days into it.
const STORED: &str = "stored";

impl Lake {
    /// Sums up the days of the daily rollup that were replaced since, and puts
    /// them in their months.
    pub(super) async fn roll_up_by_axes(
        &self,
        scope: RollupScope,
        outcome: &mut RollupOutcome,
    ) -> Result<(), LakeError> {
        let rollup = Rollup::ByAxes;
        let mut delta = self.writable(rollup.table()).await?;
        let daily = self.table(Table::ConsumptionDaily).await?;
        let stored = LakeTable { table: rollup.table(), delta: Some(delta.clone()) };
        let partitions = |table: &LakeTable| -> Result<BTreeSet<i32>, LakeError> {
            Ok(table.files()?.into_iter().filter_map(|file| file.partition).collect())
        };
        let (days, months) = (partitions(&daily)?, partitions(&stored)?);
        let tables = [daily, stored];
        let affected = match scope {
            RollupScope::All => Affected::All,
            RollupScope::Changed => changes::affected(rollup, &delta, &tables).await?,
        };
        let mut by_month: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
        let replaced = match &affected {
            // Months that have nothing left are emptied.
            Affected::All => {
                by_month.extend(months.into_iter().map(|month| (month, BTreeSet::new())));
                days
            }
            Affected::Some { days, .. } => days.clone(),
        };
        for day in replaced {
            by_month.entry(first_of_month(day)).or_default().insert(day);
        }

        let months = by_month.len();
        if months == 0 {
            if !has_seen_all(rollup, &tables).await? {
                let none = BTreeSet::new();
                commit::replace(rollup, &mut delta, &none, Vec::new(), Some(&tables)).await?;
                outcome.commits += 1;
            }
            return Ok(());
        }
        let ctx = session::of_daily(self, &tables, STORED).await?;
        for (done, (month, days)) in (1..).zip(by_month) {
            let kept = if affected == Affected::All { None } else { Some(&days) };
            let rows = merged(&ctx, month, kept).await?;
            outcome.days += days.len();
            outcome.rows += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
            outcome.commits += 1;
            let seen = if done == months { Some(tables.as_slice()) } else { None };
            commit::replace(rollup, &mut delta, &BTreeSet::from([month]), rows, seen).await?;
        }
        Ok(())
    }
}

/// A month's rows: of `days` as the daily rollup has them now, of the others as
/// they are stored; without `days` all of them anew.
async fn merged(
    ctx: &datafusion::prelude::SessionContext,
    month: i32,
    days: Option<&BTreeSet<i32>>,
) -> Result<Vec<RecordBatch>, LakeError> {
    let rollup = Rollup::ByAxes;
    let (name, key) = (rollup.table().name(), rollup.table().key().join(", "));
    let date = |day: i32| format!("arrow_cast({day}, 'Date32')");
    let of_month = format!("month = {}", date(month));
    let sql = match days {
        None => {
            // Days, so that no other file is read.
            let (first, next) = (date(month), date(month.saturating_add(31)));
            format!(
                "SELECT * FROM {name} WHERE day >= {first} AND day < {next} AND {of_month} \
                 ORDER BY {key}"
            )
        }
        Some(days) => {
            let days = days.iter().copied().map(date).collect::<Vec<_>>().join(", ");
            format!(
                "SELECT * FROM {name} WHERE day IN ({days}) \
                 UNION ALL SELECT * FROM {STORED} WHERE {of_month} AND day NOT IN ({days}) \
                 ORDER BY {key}",
            )
        }
    };
    answered(rollup, ctx, &sql).await
}

fn first_of_month(date32: i32) -> i32 {
    let before = day::from_date32(date32).map_or(0, |date| date.day0());
    date32.saturating_sub_unsigned(before)
}

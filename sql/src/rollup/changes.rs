//! Which days a rollup has to compute anew, from the logs of its sources.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::Action;
use deltalake_core::logstore::get_actions;
use deltalake_core::{DeltaTable, DeltaTableError};
use loadstar_schema::{Table, day};

use super::{Rollup, recorded_version, source_id};
use crate::LakeError;
use crate::tables::LakeTable;

/// Days that changes affect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Affected {
    /// Every day: prices changed, or the log no longer tells.
    All,
    /// These, and all from `from` on.
    Some {
        /// Single days.
        days: BTreeSet<i32>,
        /// A customer's change counts from its day on.
        from: Option<i32>,
    },
}

impl Affected {
    pub(crate) const NONE: Self = Self::Some { days: BTreeSet::new(), from: None };

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some { mut days, from }, Self::Some { days: more, from: since }) => {
                days.extend(more);
                Self::Some { days, from: from.into_iter().chain(since).min() }
            }
            _ => Self::All,
        }
    }

    /// The days to compute, of those that have reads or are stored.
    pub(crate) fn among(&self, known: BTreeSet<i32>) -> BTreeSet<i32> {
        match self {
            Self::All => known,
            Self::Some { days, from } => known
                .into_iter()
                .filter(|day| days.contains(day) || from.is_some_and(|from| *day >= from))
                .collect(),
        }
    }
}

/// The version that a rollup has seen, of a source or of its queries.
pub(super) async fn recorded(
    delta: &DeltaTable,
    of: Rollup,
    id: &str,
) -> Result<Option<i64>, LakeError> {
    let version = async {
        let log_store = delta.log_store();
        delta.snapshot()?.transaction_version(log_store.as_ref(), id.to_owned()).await
    };
    version.await.map_err(|error| LakeError::of_table(of.table().name(), error))
}

/// What changed in the sources since the rollup last saw them. A release with
/// other queries makes all of it anew.
pub(super) async fn affected(
    rollup: Rollup,
    delta: &DeltaTable,
    tables: &[LakeTable],
) -> Result<Affected, LakeError> {
    let (queries, digest) = rollup.queries()?;
    if recorded(delta, rollup, &queries).await? != Some(digest) {
        return Ok(Affected::All);
    }
    let mut affected = Affected::NONE;
    for source in tables.iter().filter(|table| rollup.sources().contains(&table.table)) {
        let present = recorded_version(source);
        let changed = match recorded(delta, rollup, &source_id(rollup, source.table)).await? {
            Some(seen) if seen == present => continue,
            Some(seen) if seen < present => since(source, seen + 1..=present, None, by_action)
                .await
                .map_err(|error| LakeError::of_table(source.table.name(), error))?,
            // Never seen, or the table was made anew.
            _ => Affected::All,
        };
        affected = affected.and(changed);
    }
    Ok(affected)
}

/// What the commits of some versions change, each action by itself; those that
/// carry the transaction `but` are left out.
pub(crate) async fn since(
    source: &LakeTable,
    versions: RangeInclusive<i64>,
    but: Option<&str>,
    by_action: fn(Table, &Action) -> Affected,
) -> Result<Affected, DeltaTableError> {
    let Some(delta) = &source.delta else { return Ok(Affected::All) };
    let mut affected = Affected::NONE;
    for version in versions {
        let version = u64::try_from(version).unwrap_or(0);
        let Some(commit) = delta.log_store().read_commit_entry(version).await? else {
            return Ok(Affected::All);
        };
        let actions: Vec<Action> = get_actions(version, &commit)?.into_iter().collect();
        let carries = |action: &Action| matches!(action, Action::Txn(txn) if Some(txn.app_id.as_str()) == but);
        if actions.iter().any(carries) {
            continue;
        }
        for action in actions {
            affected = affected.and(by_action(source.table, &action));
        }
    }
    Ok(affected)
}

/// What one action of a source's log changes: months by their first day.
/// Compaction changes no data.
fn by_action(source: Table, action: &Action) -> Affected {
    let (partitions, stats) = match action {
        Action::Add(add) if add.data_change => (Some(&add.partition_values), add.stats.as_deref()),
        Action::Remove(remove) if remove.data_change => (remove.partition_values.as_ref(), None),
        _ => return Affected::NONE,
    };
    match source {
        Table::MeterReads | Table::ConsumptionDaily | Table::ConsumptionByAxes => {
            let column = source.partition().first().copied().unwrap_or_default();
            let day = partitions.and_then(|values| values.get(column)?.as_deref()?.parse().ok());
            day.map_or(Affected::All, |day: NaiveDate| Affected::Some {
                days: BTreeSet::from([day::to_date32(day)]),
                from: None,
            })
        }
        Table::Customers => {
            let from = stats.and_then(earliest_valid_from).map(day::of_instant);
            from.map_or(Affected::All, |from| Affected::Some {
                days: BTreeSet::new(),
                from: Some(day::to_date32(from)),
            })
        }
        _ => Affected::All,
    }
}

/// `minValues.valid_from` of a file's statistics.
fn earliest_valid_from(stats: &str) -> Option<DateTime<Utc>> {
    let stats: serde_json::Value = serde_json::from_str(stats).ok()?;
    let earliest = stats.get("minValues")?.get("valid_from")?.as_str()?;
    DateTime::parse_from_rfc3339(earliest).ok().map(|instant| instant.with_timezone(&Utc))
}

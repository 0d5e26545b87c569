//! Replaces some partitions of a rollup in one commit.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use loadstar_schema::day;

use super::Rollup;
use crate::LakeError;
use crate::append::write_files;
use crate::tables::LakeTable;

/// Replaces the partitions of some days, or months and years by their first day,
/// by `rows` and, with `seen`, records the source versions they were computed
/// from. `delta` moves to the new version.
///
/// Every commit carries the rollup's own application transaction, so that of
/// two processes that began from the same version the second one fails: also
/// where no file is there yet that both would remove.
pub(super) async fn replace(
    rollup: Rollup,
    delta: &mut DeltaTable,
    partitions: &BTreeSet<i32>,
    rows: Vec<RecordBatch>,
    seen: Option<&[LakeTable]>,
) -> Result<(), LakeError> {
    let name = rollup.table().name();
    let seen = seen.map(|tables| super::seen(rollup, tables)).transpose()?.unwrap_or_default();
    let seen = seen.into_iter().map(|(id, version)| Transaction::new(id, version));
    let replace = async {
        let mut actions = removals(rollup, delta, partitions)?;
        actions.extend(write_files(delta, rows).await?.into_iter().map(Action::Add));
        let next = delta.version().map_or(0, |version| version + 1);
        let fence = Transaction::new(format!("rollup/{name}"), i64::try_from(next).unwrap_or(0));
        let transactions = std::iter::once(fence).chain(seen).collect();
        let properties = CommitProperties::default().with_application_transactions(transactions);
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: Some(partition(rollup).map(str::to_owned).collect()),
            predicate: None,
        };
        CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(delta.snapshot()?), delta.log_store(), operation)
            .await
    };
    match replace.await {
        Ok(commit) => {
            delta.state = Some(commit.snapshot());
            Ok(())
        }
        Err(DeltaTableError::Transaction { source: TransactionError::CommitConflict(_) }) => {
            Err(LakeError::RolledUpElsewhere { rollup: name })
        }
        Err(error) => Err(LakeError::of_table(name, error)),
    }
}

/// The column it is partitioned by.
fn partition(rollup: Rollup) -> impl Iterator<Item = &'static str> {
    rollup.table().partition().iter().copied()
}

/// The files of these partitions at present.
fn removals(
    rollup: Rollup,
    delta: &DeltaTable,
    partitions: &BTreeSet<i32>,
) -> Result<Vec<Action>, DeltaTableError> {
    let files = delta.snapshot()?.log_data();
    let removed = files.iter().filter(|file| {
        let values = file.partition_values_map();
        let first =
            partition(rollup).find_map(|column| values.get(column)?.as_deref()?.parse().ok());
        first.is_some_and(|first| partitions.contains(&day::to_date32(first)))
    });
    Ok(removed.map(|file| Action::Remove(file.remove_action(true))).collect())
}

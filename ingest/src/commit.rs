//! The commit that makes a flush part of a table, once.

use std::time::Duration;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::DeltaOperation;
use deltalake_core::{DeltaTableError, ObjectStoreError};
use loadstar_schema::Table;
use serde::Deserialize;
use uuid::Uuid;

use crate::fault::{self, Fault, Faults, Step};
use crate::table::CHECKPOINT_EVERY;
use crate::{IngestError, LakeTable};

/// How often a commit that did not happen is tried again, and after how long.
pub(crate) const ATTEMPTS: u32 = 4;
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// An application transaction that a commit moves from `base` to `next`. It
/// rides in the commit, so it stands in the log exactly if the rows do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Its name: `pipeline/cluster/topic/partition` for a Kafka partition.
    pub app_id: String,
    /// Its version as this writer knows it.
    pub base: Option<i64>,
    /// Its version with the commit; for Kafka the next offset to land. Equal to
    /// `base` for a partition that only holds off other writers.
    pub next: i64,
}

impl Fence {
    /// Moves a transaction that only tells whether it was moved.
    pub(crate) fn taken(app_id: String, base: Option<i64>) -> Self {
        Self { app_id, base, next: base.map_or(1, |base| base.wrapping_add(1)) }
    }
}

/// The transaction of whoever takes files out of a table: compaction, retention
/// and what replaces its rows. Delta lets two of them take out the same files,
/// and each puts its own in their place.
pub(crate) fn rewriting(table: Table) -> String {
    format!("compaction/{}", table.name())
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is in the log, at this version of the table.
    Committed(u64),
    /// Its reply was lost, yet it is in the log.
    Recognised,
    /// Another writer moved a fence: nothing of this commit may land.
    Superseded,
}

impl LakeTable {
    /// Commits actions and moves the fences, or neither.
    ///
    /// Delta's conflict check refuses the commit if any commit since the last
    /// one seen moved one of the same fences, or added columns. After any error
    /// the log is read again: if this commit is in it, told by a number of its
    /// own, all is well; if the fences are still at `base`, it is tried again
    /// with the same files; anything else means that another writer was here,
    /// though it may have moved the fences just as far.
    ///
    /// # Errors
    /// [`IngestError::Lake`] if the store keeps refusing; nothing is landed
    /// then. [`IngestError::Injected`] if `faults` say so.
    pub async fn commit(
        &mut self,
        actions: Vec<Action>,
        fences: &[Fence],
        operation: DeltaOperation,
        faults: Option<&Faults>,
    ) -> Result<Landing, IngestError> {
        let transactions: Vec<Transaction> =
            fences.iter().map(|fence| Transaction::new(&fence.app_id, fence.next)).collect();
        let (seen, number) = (self.version(), Uuid::new_v4().to_string());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let injected = fault::at(faults, Step::Committing(self.table))?;
            let outcome = if injected == Fault::Refuse {
                Err(refusal("the store refused the commit"))
            } else {
                // Looking for commits that are old enough to go lists the whole
                // log: only where a checkpoint is due, too.
                let checkpoint = (self.version() + 2).is_multiple_of(CHECKPOINT_EVERY.into());
                let properties = CommitProperties::default()
                    .with_metadata([(NUMBER.to_owned(), number.clone().into())])
                    .with_application_transactions(transactions.clone())
                    .with_cleanup_expired_logs(Some(checkpoint));
                CommitBuilder::from(properties)
                    .with_actions(actions.clone())
                    .build(Some(&self.state), self.log_store.clone(), operation.clone())
                    .await
            };
            let error = match outcome {
                Ok(_) if injected == Fault::LoseReply => refusal("the reply was lost"),
                Ok(commit) => {
                    self.state = commit.snapshot();
                    fault::at(faults, Step::Committed(self.table))?;
                    return Ok(Landing::Committed(commit.version));
                }
                Err(error) => error,
            };
            tracing::warn!(table = self.table.name(), %error, "commit failed, comparing with the log");
            // Where the log cannot be read either, the first error tells more.
            if let Err(unreadable) = self.refresh().await {
                tracing::warn!(table = self.table.name(), error = %unreadable, "log unreadable");
                return Err(self.error("commit to it")(error));
            }
            if self.is_in_log(&number, seen).await? {
                return Ok(Landing::Recognised);
            }
            if !self.is_unmoved(fences).await? {
                return Ok(Landing::Superseded);
            }
            if attempt >= ATTEMPTS {
                return Err(self.error("commit to it")(error));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(Landing::Superseded)
    }

    /// Whether a commit since the version last seen has this number.
    async fn is_in_log(&self, number: &str, seen: u64) -> Result<bool, IngestError> {
        for version in seen + 1..=self.version() {
            let entry = self.log_store.read_commit_entry(version).await;
            let entry = entry.map_err(self.error("read its log"))?;
            let lines = entry.iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
            let mut infos = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
            if infos.any(|line| line.commit_info.is_some_and(|info| info.number == number)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_unmoved(&self, fences: &[Fence]) -> Result<bool, IngestError> {
        for fence in fences {
            if self.transaction(&fence.app_id).await? != fence.base {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What tells a commit from another's, in its information.
const NUMBER: &str = "loadstarCommit";

/// Of a line of the log, what tells its commit from another's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    commit_info: Option<CommitInfo>,
}

#[derive(Deserialize)]
struct CommitInfo {
    #[serde(default, rename = "loadstarCommit")]
    number: String,
}

pub(crate) fn refusal(reason: &str) -> DeltaTableError {
    ObjectStoreError::Generic { store: "injected", source: reason.into() }.into()
}

//! Files that no commit names any more.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake_core::checkpoints::cleanup_expired_logs_for;
use deltalake_core::operations::vacuum::{Clock, VacuumMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use loadstar_schema::Table;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use uuid::Uuid;

use crate::table::{LOG_KEPT_DAYS, lake_error};
use crate::{IngestError, LakeUrl};

/// What a vacuum deleted, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VacuumSummary {
    /// Paths beneath the table's folder.
    pub files: Vec<String>,
    /// Commits and checkpoints deleted from its log.
    pub log_files: usize,
    /// Nothing was deleted.
    pub dry_run: bool,
}

/// Deletes the files of a table that compaction replaced or a crash left
/// behind, if older than `retention`. It must exceed the longest query and the
/// longest flush: both hold on to files that the log does not name, or no more.
/// Within it, ingest, compaction, queries and other vacuums go on beside it.
/// Ages are told by the store's clock; this machine's may have jumped.
///
/// Commits that a checkpoint made dispensable days ago go too, whatever the
/// table's own properties say.
///
/// # Errors
/// [`IngestError::Lake`] if the table cannot be read or files not deleted.
pub async fn vacuum(
    lake: &LakeUrl,
    table: Table,
    retention: Duration,
    dry_run: bool,
) -> Result<VacuumSummary, IngestError> {
    let location = lake.location(table);
    let failed = |action| lake_error(table, &location, action);
    let mut delta = DeltaTableBuilder::from_url(lake.table(table))
        .and_then(DeltaTableBuilder::build)
        .map_err(failed("open it"))?;
    if !delta.verify_deltatable_existence().await.map_err(failed("look for it"))? {
        return Ok(VacuumSummary { dry_run, ..VacuumSummary::default() });
    }
    delta.load().await.map_err(failed("read its log"))?;
    let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
    let clock =
        StoreClock::read(&delta).await.map_err(|error| failed("vacuum it")(error.into()))?;
    let now = clock.0;
    let (delta, metrics) = delta
        .vacuum()
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .with_mode(VacuumMode::Full)
        .with_clock(Arc::new(clock))
        .with_dry_run(dry_run)
        .await
        .map_err(failed("vacuum it"))?;
    let version = delta.version().filter(|_| !dry_run);
    let log_files = match version {
        Some(version) => {
            let oldest = now - TimeDelta::days(LOG_KEPT_DAYS);
            let (log, oldest) = (delta.log_store(), oldest.timestamp_millis());
            let cleaned = cleanup_expired_logs_for(version, log.as_ref(), oldest, None).await;
            cleaned.map_err(failed("shorten its log"))?
        }
        None => 0,
    };
    Ok(VacuumSummary { files: metrics.files_deleted, log_files, dry_run })
}

/// The time as the store has it: that of a file written just now.
#[derive(Debug)]
struct StoreClock(DateTime<Utc>);

impl StoreClock {
    async fn read(delta: &DeltaTable) -> Result<Self, object_store::Error> {
        let store = delta.log_store().object_store(None);
        // Names that begin so are not the table's, to Delta and to vacuum.
        let path = Path::from(format!("_clock-{}", Uuid::new_v4()));
        store.put(&path, Vec::new().into()).await?;
        let written = store.head(&path).await?.last_modified;
        store.delete(&path).await?;
        Ok(Self(written))
    }
}

impl Clock for StoreClock {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.timestamp_millis()
    }
}

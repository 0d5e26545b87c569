//! Files that no commit names any more.

use std::time::Duration;

use chrono::TimeDelta;
use deltalake_core::DeltaTableBuilder;
use deltalake_core::operations::vacuum::VacuumMode;
use loadstar_schema::Table;

use crate::table::lake_error;
use crate::{IngestError, LakeUrl};

/// What a vacuum deleted, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VacuumSummary {
    /// Paths beneath the table's folder.
    pub files: Vec<String>,
    /// Nothing was deleted.
    pub dry_run: bool,
}

/// Deletes the files of a table that compaction replaced or a crash left
/// behind, if older than `retention`. It must exceed the longest query and the
/// longest flush: both hold on to files that the log does not name, or no more.
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
        return Ok(VacuumSummary { files: Vec::new(), dry_run });
    }
    delta.load().await.map_err(failed("read its log"))?;
    let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
    let (_, metrics) = delta
        .vacuum()
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .with_mode(VacuumMode::Full)
        .with_dry_run(dry_run)
        .await
        .map_err(failed("vacuum it"))?;
    Ok(VacuumSummary { files: metrics.files_deleted, dry_run })
}

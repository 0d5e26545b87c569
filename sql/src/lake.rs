//! A lake, opened: its tables, the memory they may use, and sessions on them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::temporal_conversions::timestamp_us_to_datetime;
use chrono::{DateTime, Utc};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use loadstar_schema::Table;
use tokio::sync::Mutex;
use url::Url;

use crate::LakeError;
use crate::session::{self, Answered};
use crate::tables::{self, LakeTable};

/// How a lake is queried.
#[derive(Clone, Debug, Default)]
pub struct LakeOptions {
    /// Memory that queries may hold, bytes; unlimited if absent. Sorts and
    /// aggregations beyond it spill.
    pub memory_limit_bytes: Option<usize>,
    /// Where they spill; the system's temporary folder if absent.
    pub spill_dir: Option<PathBuf>,
    /// Parallel streams of a query; the number of cores if absent.
    pub target_partitions: Option<usize>,
    /// May a query read files, `SELECT … FROM 'x.csv.gz'`? For a shell on the
    /// user's own machine; never for sessions that others connect to.
    pub files_in_place: bool,
}

/// The tables of a lake at a folder or bucket.
#[derive(Debug)]
pub struct Lake {
    pub(crate) url: Url,
    pub(crate) options: LakeOptions,
    pub(crate) runtime: Arc<RuntimeEnv>,
    opened: Mutex<HashMap<Table, LakeTable>>,
}

/// What a table of the lake holds.
#[derive(Clone, Debug)]
pub struct TableStatus {
    /// The table.
    pub table: Table,
    /// Its Delta version; `None` while the lake has no such table.
    pub version: Option<u64>,
    /// Data files.
    pub files: usize,
    /// Rows in them, superseded revisions included.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the newest row became available, for tables that events land in.
    pub newest_available_at: Option<DateTime<Utc>>,
}

impl Lake {
    /// Opens the lake at a folder or an `s3://` URL. Tables that are not there
    /// yet appear as empty ones.
    ///
    /// # Errors
    /// [`LakeError::Location`] if it is no URL and no folder, or options name a
    /// spill folder that cannot be used.
    pub async fn open(url: &str, options: LakeOptions) -> Result<Self, LakeError> {
        let location = location(url)?;
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = options.memory_limit_bytes {
            let most_named = std::num::NonZeroUsize::MIN.saturating_add(4);
            let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), most_named);
            runtime = runtime.with_memory_pool(Arc::new(pool));
        }
        if let Some(folder) = &options.spill_dir {
            let folders = DiskManagerMode::Directories(vec![folder.clone()]);
            runtime =
                runtime.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(folders));
        }
        let runtime = runtime.build_arc().map_err(|error| LakeError::Location {
            url: url.to_owned(),
            reason: error.strip_backtrace(),
        })?;
        let lake = Self { url: location, options, runtime, opened: Mutex::new(HashMap::new()) };
        // Wrong credentials or a bucket that is not there should be said now.
        lake.table(Table::Customers).await?;
        Ok(lake)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A session in which every table and view shows what was known at
    /// `as_of`, or what is known now.
    ///
    /// # Errors
    /// [`LakeError::Table`] or [`LakeError::Unreadable`] for a broken table.
    pub async fn at(&self, as_of: Option<DateTime<Utc>>) -> Result<SessionContext, LakeError> {
        let tables = self.tables().await?;
        session::open(self, &tables, as_of, None).await
    }

    /// As [`Lake::at`], and beside it what was known at `since`: every table and
    /// view once more in the schema `past`, and a view `revisions` of what reads
    /// and bills have come to say otherwise in between.
    ///
    /// # Errors
    /// As [`Lake::at`].
    pub async fn between(
        &self,
        since: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<SessionContext, LakeError> {
        let tables = self.tables().await?;
        session::open(self, &tables, as_of, Some(since)).await
    }

    /// As [`Lake::at`], for queries that ship.
    pub(crate) async fn of_contract(
        &self,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<SessionContext, LakeError> {
        let tables = self.tables().await?;
        session::of_contract(self, &tables, as_of, &Answered::new()).await
    }

    /// Shows a session the present versions of all tables, if any moved since
    /// it was opened; `true` if so. Queries under way keep what they began with.
    ///
    /// # Errors
    /// As [`Lake::at`]; the session is then as it was.
    pub async fn refresh(&self, ctx: &SessionContext) -> Result<bool, LakeError> {
        let tables = self.tables().await?;
        session::refresh(self, &tables, ctx).await
    }

    /// What each table holds, in the order of [`Table::ALL`].
    ///
    /// # Errors
    /// As [`Lake::at`].
    pub async fn status(&self) -> Result<Vec<TableStatus>, LakeError> {
        let mut status = Vec::with_capacity(Table::ALL.len());
        for lake_table in self.tables().await? {
            let files = lake_table.files()?;
            let newest = files.iter().filter_map(|file| file.newest_available_at).max();
            status.push(TableStatus {
                table: lake_table.table,
                version: lake_table.version(),
                files: files.len(),
                rows: files.iter().filter_map(|file| file.rows).sum(),
                bytes: files.iter().map(|file| file.size_bytes).sum(),
                newest_available_at: newest
                    .and_then(timestamp_us_to_datetime)
                    .map(|instant| instant.and_utc()),
            });
        }
        Ok(status)
    }

    /// Every table in its present version.
    pub(crate) async fn tables(&self) -> Result<Vec<LakeTable>, LakeError> {
        try_join_all(Table::ALL.iter().map(|&table| self.table(table))).await
    }

    /// One table in its present version.
    pub(crate) async fn table(&self, table: Table) -> Result<LakeTable, LakeError> {
        let known = self.opened.lock().await.get(&table).cloned();
        let present = match known {
            Some(LakeTable { delta: Some(mut delta), .. }) => {
                let updated = delta.update_state().await;
                updated.map_err(|error| LakeError::of_table(table.name(), error))?;
                LakeTable { table, delta: Some(delta) }
            }
            _ => tables::open(&self.url, table).await?,
        };
        self.opened.lock().await.insert(table, present.clone());
        Ok(present)
    }
}

/// A folder (made absolute; it need not exist yet) or a URL.
fn location(url: &str) -> Result<Url, LakeError> {
    let wrong = |reason: String| LakeError::Location { url: url.to_owned(), reason };
    if url.contains("://") {
        return Url::parse(url).map_err(|error| wrong(error.to_string()));
    }
    let folder = std::path::absolute(Path::new(url)).map_err(|error| wrong(error.to_string()))?;
    if folder.exists() && !folder.is_dir() {
        return Err(wrong("is a file, not a folder".to_owned()));
    }
    // Delta compares canonical paths; what exists may be a symbolic link.
    let folder = folder.canonicalize().unwrap_or(folder);
    Url::from_directory_path(&folder).map_err(|()| wrong("is not a usable path".to_owned()))
}

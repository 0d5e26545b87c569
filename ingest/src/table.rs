//! One Delta table of the lake, opened or made, and written to.

use arrow::array::RecordBatch;
use bytes::Bytes;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Action, Add, LogicalFileView, StructType};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty};
use loadstar_schema::Table;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::write::{self, NewFile};
use crate::{IngestError, LakeUrl, layout};

/// Commits between two checkpoints of a table's log.
pub(crate) const CHECKPOINT_EVERY: u32 = 20;

/// How long commits are kept that a checkpoint has made dispensable, days. They
/// are needed by whoever has not looked at the table since: a daily rollup asks
/// them for the days that changed. `AS OF` goes by `available_at` instead.
pub(crate) const LOG_KEPT_DAYS: i64 = 2;

/// A table of the lake as of the last commit this process saw.
pub struct LakeTable {
    pub(crate) table: Table,
    pub(crate) location: String,
    pub(crate) state: DeltaTableState,
    pub(crate) log_store: LogStoreRef,
}

impl LakeTable {
    /// Opens a table, or makes it with the columns and partitioning of its
    /// schema. A table from before some of its nullable columns gains them.
    ///
    /// # Errors
    /// [`IngestError::Lake`] if it cannot be read or made,
    /// [`IngestError::Schema`] if it is there with other columns.
    pub async fn open_or_create(lake: &LakeUrl, table: Table) -> Result<Self, IngestError> {
        let location = lake.location(table);
        let failed = |action| lake_error(table, &location, action);
        let log_store = DeltaTableBuilder::from_url(lake.table(table))
            .and_then(|builder| builder.build_storage())
            .map_err(failed("open it"))?;
        let schema: StructType = table
            .schema()
            .as_ref()
            .try_into_kernel()
            .map_err(|source| IngestError::Rows { table, source })?;
        // `Ignore` opens a table that is there. Two processes may make it at
        // once: the one that comes second then finds it.
        let create = || async {
            CreateBuilder::new()
                .with_log_store(log_store.clone())
                .with_table_name(table.name())
                .with_columns(schema.fields().cloned())
                .with_partition_columns(table.partition().iter().copied())
                .with_configuration_property(
                    TableProperty::CheckpointInterval,
                    Some(CHECKPOINT_EVERY.to_string()),
                )
                .with_configuration_property(
                    TableProperty::DataSkippingStatsColumns,
                    Some(layout::statistics_columns(table).join(",")),
                )
                .with_configuration_property(
                    TableProperty::LogRetentionDuration,
                    Some(format!("interval {LOG_KEPT_DAYS} days")),
                )
                .with_save_mode(SaveMode::Ignore)
                .await
        };
        let delta = match create().await {
            Ok(delta) => delta,
            Err(first) => match log_store.is_delta_table_location().await {
                Ok(true) => create().await.map_err(failed("open it"))?,
                _ => return Err(failed("create it")(first)),
            },
        };
        let mut open = Self::of(delta, table, location)?;
        open.catch_up().await?;
        Ok(open)
    }

    /// Opens a table that is there; `None` if it is not.
    ///
    /// # Errors
    /// As [`LakeTable::open_or_create`].
    pub async fn open(lake: &LakeUrl, table: Table) -> Result<Option<Self>, IngestError> {
        let location = lake.location(table);
        let failed = |action| lake_error(table, &location, action);
        let mut delta = DeltaTableBuilder::from_url(lake.table(table))
            .and_then(DeltaTableBuilder::build)
            .map_err(failed("open it"))?;
        if !delta.verify_deltatable_existence().await.map_err(failed("look for it"))? {
            return Ok(None);
        }
        delta.load().await.map_err(failed("read its log"))?;
        Self::of(delta, table, location).map(Some)
    }

    fn of(delta: DeltaTable, table: Table, location: String) -> Result<Self, IngestError> {
        let failed = |action| lake_error(table, &location, action);
        let state = delta.snapshot().map_err(failed("read its log"))?.clone();
        let log_store = delta.log_store();
        let open = Self { table, location, state, log_store };
        open.check_columns()?;
        Ok(open)
    }

    /// Which table it is.
    #[must_use]
    pub fn table(&self) -> Table {
        self.table
    }

    /// The version of the table last seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// Files the table consists of.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.state.log_data().num_files()
    }

    /// The version of an application transaction: for a Kafka partition the
    /// next offset to land.
    ///
    /// # Errors
    /// [`IngestError::Lake`] if the log cannot be read.
    pub async fn transaction(&self, app_id: &str) -> Result<Option<i64>, IngestError> {
        self.state
            .transaction_version(self.log_store.as_ref(), app_id)
            .await
            .map_err(self.error("read its transactions"))
    }

    /// Sees the commits of others.
    ///
    /// # Errors
    /// [`IngestError::Lake`] if the log cannot be read.
    pub async fn refresh(&mut self) -> Result<(), IngestError> {
        let updated = self.state.update(self.log_store.as_ref(), None).await;
        updated.map_err(self.error("read its log"))
    }

    /// Writes rows as Parquet files, one a partition of the table, sorted by
    /// its key. They are not part of the table before a commit names them.
    ///
    /// # Errors
    /// [`IngestError::Rows`] if the rows are not of the table's columns,
    /// [`IngestError::Lake`] if the store refuses them.
    pub async fn write(&self, batches: Vec<RecordBatch>) -> Result<Vec<Action>, IngestError> {
        self.write_at(batches, Some(self.version())).await
    }

    /// The same, for rows that stand at this [place](write::place_of).
    pub(crate) async fn write_at(
        &self,
        batches: Vec<RecordBatch>,
        place: Option<u64>,
    ) -> Result<Vec<Action>, IngestError> {
        let table = self.table;
        let encode = move || {
            let rows = layout::sorted(table, &batches)?;
            drop(batches);
            write::encode(table, &rows, place)
        };
        let files = tokio::task::spawn_blocking(encode)
            .await
            .map_err(|died| IngestError::Worker { worker: "sort", detail: died.to_string() })?
            .map_err(|source| IngestError::Rows { table, source })?;
        let mut actions = Vec::with_capacity(files.len());
        for file in files {
            actions.push(Action::Add(self.put(file).await?));
        }
        Ok(actions)
    }

    /// Puts a file into the store.
    pub(crate) async fn put(&self, file: NewFile) -> Result<Add, IngestError> {
        let NewFile { bytes, add } = file;
        let store = self.log_store.object_store(None);
        let put = store.put(&Path::from(add.path.as_str()), bytes.into()).await;
        put.map_err(|error| self.error("write files into it")(error.into()))?;
        Ok(add)
    }

    /// A data file whole.
    pub(crate) async fn fetch(&self, file: &LogicalFileView) -> Result<Bytes, IngestError> {
        let failed = |error: object_store::Error| self.error("read a file of it")(error.into());
        let store = self.log_store.object_store(None);
        let got = store.get(&file.object_store_path()).await.map_err(failed)?;
        got.bytes().await.map_err(failed)
    }

    pub(crate) fn error(
        &self,
        action: &'static str,
    ) -> impl FnOnce(DeltaTableError) -> IngestError + use<> {
        lake_error(self.table, &self.location, action)
    }
}

pub(crate) fn lake_error(
    table: Table,
    location: &str,
    action: &'static str,
) -> impl FnOnce(DeltaTableError) -> IngestError + use<> {
    let location = location.to_owned();
    move |source| IngestError::Lake { table, location, action, source: Box::new(source) }
}

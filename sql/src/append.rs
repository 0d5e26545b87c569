//! Writing to the lake: forecasts, scores, models, rollups.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::Schema;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add, StructField, StructType};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::parquet::basic::{Compression, ZstdLevel};
use deltalake_core::parquet::file::properties::WriterProperties;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use loadstar_schema::Table;

use crate::tables::table_url;
use crate::{Lake, LakeError};

impl Lake {
    /// Appends rows to a table in one commit, making the table if the lake has
    /// none. Columns are taken by name and cast to the table's types; nullable
    /// ones may be left out.
    ///
    /// # Errors
    /// [`LakeError::Batch`] if a column is missing or does not fit,
    /// [`LakeError::Table`] if the lake cannot be written.
    pub async fn append(&self, table: Table, batches: Vec<RecordBatch>) -> Result<(), LakeError> {
        let batches = conform(table, &batches)?;
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(());
        }
        let delta = self.writable(table).await?;
        let append = async {
            let adds = write_files(&delta, batches).await?;
            let operation = DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: None,
                predicate: None,
            };
            CommitBuilder::from(CommitProperties::default())
                .with_actions(adds.into_iter().map(Action::Add).collect())
                .build(Some(delta.snapshot()?), delta.log_store(), operation)
                .await
        };
        append.await.map(|_| ()).map_err(|error| LakeError::of_table(table.name(), error))
    }

    /// The table in its present version, made if the lake has none, with the
    /// nullable columns that came to the contract since it was made.
    pub(crate) async fn writable(&self, table: Table) -> Result<DeltaTable, LakeError> {
        if let Some(delta) = self.table(table).await?.delta {
            let lacking =
                lacking(table, &delta).map_err(|error| LakeError::of_table(table.name(), error))?;
            if lacking.is_empty() {
                return Ok(delta);
            }
            let added = delta.add_columns().with_fields(lacking).await;
            return added.map_err(|error| LakeError::of_table(table.name(), error));
        }
        match self.create(table).await {
            // Another process made it first.
            Err(DeltaTableError::VersionAlreadyExists(_)) | Ok(()) => {}
            Err(error) => return Err(LakeError::of_table(table.name(), error)),
        }
        self.table(table).await?.delta.ok_or_else(|| LakeError::Unreadable {
            table: table.name().to_owned(),
            reason: "was created but cannot be opened".to_owned(),
        })
    }

    async fn create(&self, table: Table) -> Result<(), DeltaTableError> {
        let url = table_url(&self.url, table);
        if let Ok(folder) = url.to_file_path() {
            std::fs::create_dir_all(folder)?;
        }
        let log_store = DeltaTableBuilder::from_url(url)?.build_storage()?;
        let schema: StructType = table.schema().as_ref().try_into_kernel()?;
        CreateBuilder::new()
            .with_log_store(log_store)
            .with_table_name(table.name())
            .with_columns(schema.fields().cloned())
            .with_partition_columns(table.partition().iter().copied())
            .with_save_mode(SaveMode::Ignore)
            .await
            .map(|_| ())
    }
}

/// The nullable columns of the contract that a table has not.
fn lacking(table: Table, delta: &DeltaTable) -> Result<Vec<StructField>, DeltaTableError> {
    let found = delta.snapshot()?.schema();
    let contract: StructType = table.schema().as_ref().try_into_kernel()?;
    let is_lacking =
        |field: &&StructField| field.is_nullable() && found.field(field.name()).is_none();
    Ok(contract.fields().filter(is_lacking).cloned().collect())
}

/// Batches with exactly the table's columns.
pub(crate) fn conform(
    table: Table,
    batches: &[RecordBatch],
) -> Result<Vec<RecordBatch>, LakeError> {
    let schema: Arc<Schema> = table.schema();
    let conformed = batches.iter().map(|batch| {
        let columns =
            schema.fields().iter().map(|field| match batch.schema_ref().index_of(field.name()) {
                Ok(column) => cast(batch.column(column), field.data_type()),
                Err(_) if field.is_nullable() => {
                    Ok(new_null_array(field.data_type(), batch.num_rows()))
                }
                Err(missing) => Err(missing),
            });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
    });
    Ok(conformed.collect::<Result<_, _>>()?)
}

/// Writes data files, which nobody sees before they are committed.
pub(crate) async fn write_files(
    delta: &DeltaTable,
    batches: Vec<RecordBatch>,
) -> Result<Vec<Add>, DeltaTableError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let mut writer = RecordBatchWriter::for_table(delta)?.with_writer_properties(properties);
    for batch in batches {
        writer.write(batch).await?;
    }
    writer.flush().await
}

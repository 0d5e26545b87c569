//! The Delta tables of a lake: where they are, which files they have now.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type, Schema, SchemaRef};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use loadstar_schema::{Table, has_one_row_a_key, timestamp_type};
use object_store::path::Path;
use url::Url;

use crate::LakeError;

/// One data file of a table's present version.
#[derive(Clone, Debug)]
pub(crate) struct LakeFile {
    /// Path from the root of the object store.
    pub(crate) location: Path,
    pub(crate) size_bytes: u64,
    /// The day (or month) it is partitioned by, in days since 1970.
    pub(crate) partition: Option<i32>,
    pub(crate) rows: Option<u64>,
    /// No two of them have the same key.
    pub(crate) one_row_a_key: bool,
    /// Greatest `available_at` inside, microseconds, if the log says.
    pub(crate) newest_available_at: Option<i64>,
}

/// A table as one version of it stands; `delta` is `None` while the lake has
/// no such table.
#[derive(Clone, Debug)]
pub(crate) struct LakeTable {
    pub(crate) table: Table,
    pub(crate) delta: Option<DeltaTable>,
}

impl LakeTable {
    pub(crate) fn version(&self) -> Option<u64> {
        self.delta.as_ref().and_then(DeltaTable::version)
    }

    /// The contract's columns, then those that messages have added.
    pub(crate) fn columns(&self) -> Result<SchemaRef, LakeError> {
        let contract = self.table.schema();
        let Some(delta) = &self.delta else { return Ok(contract) };
        let snapshot =
            delta.snapshot().map_err(|source| LakeError::of_table(self.table.name(), source))?;
        let found: Schema = snapshot.schema().as_ref().try_into_arrow()?;
        let added = found.fields().iter().filter(|field| {
            Table::LANDED.contains(&self.table) && contract.field_with_name(field.name()).is_err()
        });
        let fields: Vec<FieldRef> = contract.fields().iter().chain(added).cloned().collect();
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The files of this version, by partition and path.
    pub(crate) fn files(&self) -> Result<Vec<LakeFile>, LakeError> {
        let Some(delta) = &self.delta else { return Ok(Vec::new()) };
        let name = self.table.name();
        let of_table = |source| LakeError::of_table(name, source);
        let batch = delta.snapshot().and_then(|state| state.add_actions_table(true));
        let mut files = read_files(self.table, delta.table_url(), &batch.map_err(of_table)?)?;
        files.sort_by(|a, b| {
            (a.partition, a.location.as_ref()).cmp(&(b.partition, b.location.as_ref()))
        });
        Ok(files)
    }
}

/// Opens a table of the lake, or says that there is none.
pub(crate) async fn open(lake: &Url, table: Table) -> Result<LakeTable, LakeError> {
    let delta =
        open_delta(lake, table).await.map_err(|error| LakeError::of_table(table.name(), error))?;
    Ok(LakeTable { table, delta })
}

async fn open_delta(lake: &Url, table: Table) -> Result<Option<DeltaTable>, DeltaTableError> {
    let url = table_url(lake, table);
    // A local store cannot be built on a folder that is not there.
    if let Ok(folder) = url.to_file_path()
        && !folder.join("_delta_log").is_dir()
    {
        return Ok(None);
    }
    let mut delta = DeltaTableBuilder::from_url(url)?.build()?;
    if !delta.verify_deltatable_existence().await? {
        return Ok(None);
    }
    match delta.load().await {
        Ok(()) => Ok(Some(delta)),
        // The folder is made before its first commit.
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `<lake>/<table>/`.
pub(crate) fn table_url(lake: &Url, table: Table) -> Url {
    let mut url = lake.clone();
    url.set_path(&format!("{}/{}/", lake.path().trim_end_matches('/'), table.name()));
    url
}

/// Rows and bytes of files by partition, for planning batches of days.
pub(crate) fn rows_by_partition(files: &[LakeFile]) -> BTreeMap<i32, u64> {
    let mut rows = BTreeMap::new();
    for file in files {
        if let Some(partition) = file.partition {
            // Four bytes a row is what a file without statistics is likely to hold.
            *rows.entry(partition).or_default() += file.rows.unwrap_or(file.size_bytes / 4);
        }
    }
    rows
}

fn read_files(table: Table, root: &Url, batch: &RecordBatch) -> Result<Vec<LakeFile>, LakeError> {
    let unreadable = |reason: &str| LakeError::Unreadable {
        table: table.name().to_owned(),
        reason: reason.to_owned(),
    };
    let deleted = batch.column_by_name("deletion_vector.cardinality");
    if deleted.is_some_and(|column| column.null_count() < column.len()) {
        return Err(unreadable("has deletion vectors; rewrite it with an engine that purges them"));
    }
    let column = |name: &str, to: &DataType| -> Result<Option<ArrayRef>, LakeError> {
        Ok(batch.column_by_name(name).map(|column| cast(column, to)).transpose()?)
    };
    let missing = || unreadable("the log lists files without path or size");
    let paths = column("path", &DataType::Utf8)?.ok_or_else(missing)?;
    let sizes = column("size_bytes", &DataType::Int64)?.ok_or_else(missing)?;
    let rows = column("num_records", &DataType::Int64)?;
    let newest = column("max.available_at", &timestamp_type())?
        .map(|column| cast(&column, &DataType::Int64))
        .transpose()?;
    let partitions = match table.partition().first() {
        Some(name) => column(&format!("partition.{name}"), &DataType::Date32)?,
        None => None,
    };
    let root = Path::from_url_path(root.path())
        .map_err(|error| unreadable(&format!("its path cannot be used: {error}")))?;
    let number = |column: &Option<ArrayRef>, row: usize| {
        let column = column.as_ref()?.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let (paths, sizes) = (paths.as_string::<i32>(), sizes.as_primitive::<Int64Type>());
    (0..batch.num_rows())
        .map(|row| {
            let path = paths.value(row);
            if path.contains("://") {
                return Err(unreadable("refers to files outside of its folder (a shallow clone)"));
            }
            let partition = partitions.as_ref().and_then(|column| {
                let days = column.as_any().downcast_ref::<Date32Array>()?;
                days.is_valid(row).then(|| days.value(row))
            });
            Ok(LakeFile {
                location: Path::from_iter(root.parts().chain(Path::from(path).parts())),
                size_bytes: u64::try_from(sizes.value(row)).unwrap_or(0),
                partition,
                one_row_a_key: has_one_row_a_key(path),
                rows: number(&rows, row).and_then(|rows| u64::try_from(rows).ok()),
                newest_available_at: number(&newest, row),
            })
        })
        .collect()
}

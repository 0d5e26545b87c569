//! The current view of a landed table: the newest revision of every business
//! key, of the rows that were available by an instant; edits go before what
//! they edit.
//!
//! A row's partition follows from its key (a read's day from `read_at`), so a
//! key's versions all lie in one partition. [`CurrentTable`] therefore reads
//! the files of one partition after the other and reduces each by itself
//! ([`exec`]): what is held at a time is one day, and a filter on `day` leaves
//! the other days' files unread. Filters on key columns hold for all versions
//! of a key or for none, so these too go down into the Parquet scan.
//!
//! Most days are one file in which no key comes twice, and the file's name says
//! so: of those every row is the newest, and they are read as they are.

mod exec;
mod newest;
mod whole;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use loadstar_schema::Table;

use self::exec::NewestRevisionExec;
use self::newest::Reduction;
use self::whole::WholeScan;
use crate::tables::LakeFile;

/// A landed table as it was known at an instant.
#[derive(Debug)]
pub(crate) struct CurrentTable {
    table: Table,
    schema: SchemaRef,
    files: Vec<LakeFile>,
    store: ObjectStoreUrl,
    as_of: Option<DateTime<Utc>>,
}

impl CurrentTable {
    /// `schema` has the contract's columns first, and may have added ones.
    pub(crate) fn new(
        table: Table,
        schema: SchemaRef,
        files: Vec<LakeFile>,
        store: ObjectStoreUrl,
        as_of: Option<DateTime<Utc>>,
    ) -> Self {
        let as_of = as_of.filter(|_| available_at(table));
        Self { table, schema, files, store, as_of }
    }

    /// The columns a filter may name and still be right below the reduction.
    fn reducible_columns(&self) -> HashSet<&'static str> {
        let by_partition: &[&str] =
            if partition_follows_key(self.table) { self.table.partition() } else { &[] };
        self.table.key().iter().chain(by_partition).copied().collect()
    }

    /// The files whose partition the filters leave in.
    fn files_kept(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&LakeFile>> {
        let Some(&name) = self.table.partition().first() else {
            return Ok(self.files.iter().collect());
        };
        let about_partition = filters.iter().filter(|filter| {
            filter.column_refs().iter().all(|column| column.name == name) && !filter.is_volatile()
        });
        let Some(filter) = conjunction(about_partition.cloned()) else {
            return Ok(self.files.iter().collect());
        };
        let schema = Arc::new(Schema::new(vec![Field::new(name, DataType::Date32, true)]));
        let days: Date32Array = self.files.iter().map(|file| file.partition).collect();
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(days)])?;
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(schema)?)?;
        let kept = filter.evaluate(&rows)?.into_array(rows.num_rows())?;
        let kept = kept.as_boolean();
        Ok(self
            .files
            .iter()
            .enumerate()
            .filter(|(row, _)| kept.is_valid(*row) && kept.value(*row))
            .map(|(_, file)| file)
            .collect())
    }

    /// Columns in the files, then the partition column.
    fn table_schema(&self) -> TableSchema {
        let partition = self.table.partition();
        let (in_path, in_file): (Vec<FieldRef>, Vec<FieldRef>) = self
            .schema
            .fields()
            .iter()
            .cloned()
            .partition(|field| partition.contains(&field.name().as_str()));
        TableSchema::builder(Arc::new(Schema::new(in_file)))
            .with_table_partition_cols(in_path)
            .build()
    }
}

/// Tables that events land in say when each row became available.
fn available_at(table: Table) -> bool {
    table.schema().field_with_name("available_at").is_ok()
}

/// Can two versions of a key never lie in different partitions? A corrected
/// bill could move to another month; a read cannot move to another day.
fn partition_follows_key(table: Table) -> bool {
    matches!(table, Table::MeterReads | Table::RegisterReads | Table::SupplyReads)
}

/// Files by partition, spread over at most `targets` scans so that each has
/// about the same bytes and no partition is divided.
fn spread(
    files: &[&LakeFile],
    partitioned: bool,
    divisible: bool,
    targets: usize,
) -> Vec<Vec<PartitionedFile>> {
    let mut by_partition: BTreeMap<Option<i32>, Vec<&LakeFile>> = BTreeMap::new();
    for file in files {
        let group = if divisible { file.partition } else { None };
        by_partition.entry(group).or_default().push(file);
    }
    let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    let share = bytes / targets.max(1) as u64 + 1;
    let mut scans: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut filled = share;
    for group in by_partition.into_values() {
        if filled >= share {
            scans.push(Vec::new());
            filled = 0;
        }
        let Some(scan) = scans.last_mut() else { continue };
        for file in group {
            filled += file.size_bytes;
            let mut part = PartitionedFile::new(String::new(), file.size_bytes);
            part.object_meta.location = file.location.clone();
            if partitioned {
                part.partition_values = vec![ScalarValue::Date32(file.partition)];
            }
            scan.push(part);
        }
    }
    scans
}

#[async_trait]
impl TableProvider for CurrentTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let reducible = self.reducible_columns();
        Ok(filters
            .iter()
            .map(|filter| {
                let below = !filter.is_volatile()
                    && filter.column_refs().iter().all(|column| reducible.contains(column.name()));
                if below {
                    TableProviderFilterPushDown::Inexact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let output = Arc::new(self.schema.project(projection.unwrap_or(&every))?);
        let (newest, others) = self.parted(self.files_kept(state, filters)?);
        let mut parts = Vec::new();
        if !newest.is_empty() {
            parts.push(self.as_they_are(state, &newest, &output, filters)?);
        }
        if !others.is_empty() {
            parts.push(self.reduced(state, &others, &output, filters)?);
        }
        match (parts.pop(), parts.is_empty()) {
            (None, _) => Ok(Arc::new(EmptyExec::new(output))),
            (Some(part), true) => Ok(part),
            (Some(part), false) => {
                parts.push(part);
                UnionExec::try_new(parts)
            }
        }
    }
}

impl CurrentTable {
    /// The files that hold newest revisions and nothing else, and the others.
    /// Of the former each is the only one of its partition, has no key twice,
    /// and was there in time.
    fn parted<'a>(&self, files: Vec<&'a LakeFile>) -> (Vec<&'a LakeFile>, Vec<&'a LakeFile>) {
        let mut of_partition: BTreeMap<Option<i32>, usize> = BTreeMap::new();
        let partition =
            |file: &LakeFile| file.partition.filter(|_| partition_follows_key(self.table));
        // Of all files, those that a filter leaves out too: they may hold what counts.
        for file in &self.files {
            *of_partition.entry(partition(file)).or_default() += 1;
        }
        let as_of = self.as_of.map(|as_of| as_of.timestamp_micros());
        let in_time = |file: &LakeFile| {
            as_of.is_none_or(|as_of| file.newest_available_at.is_some_and(|newest| newest <= as_of))
        };
        files.into_iter().partition(|file| {
            file.one_row_a_key && of_partition.get(&partition(file)) == Some(&1) && in_time(file)
        })
    }

    /// The rows of files that need no reduction.
    fn as_they_are(
        &self,
        state: &dyn Session,
        files: &[&LakeFile],
        output: &Schema,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = self.source(state, filters.iter().cloned())?;
        let columns = self.table_schema();
        let columns = output
            .fields()
            .iter()
            .map(|field| columns.table_schema().index_of(field.name()))
            .collect::<Result<Vec<usize>, _>>()?;
        let scans = self.spread(state, files);
        let scan = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(scans.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(Some(columns))?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    /// The newest revision of every key of files.
    fn reduced(
        &self,
        state: &dyn Session,
        files: &[&LakeFile],
        output: &SchemaRef,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source_schema = self.table_schema();
        let full = source_schema.table_schema();
        let needed: HashSet<&str> = output
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .chain(self.table.key().iter().copied())
            .chain(self.table.revision())
            .chain(self.table.edit())
            .chain(self.table.partition().iter().copied())
            .chain(available_at(self.table).then_some("available_at"))
            .collect();
        let needed: Vec<usize> = (0..full.fields().len())
            .filter(|&index| needed.contains(full.field(index).name().as_str()))
            .collect();

        let known = self.as_of.map(|as_of| {
            let instant = ScalarValue::TimestampMicrosecond(
                Some(as_of.timestamp_micros()),
                Some("UTC".into()),
            );
            col("available_at").lt_eq(lit(instant))
        });
        let source = self.source(state, filters.iter().cloned().chain(known))?;
        let scans = self.spread(state, files);
        // Days must arrive one after the other in their own scan. The order
        // alone does not keep them there: optimizer rules take it back where no
        // one above asks for it, and scans then take files from each other.
        let scan = |columns: Vec<usize>| -> Result<_> {
            Ok(FileScanConfigBuilder::new(self.store.clone(), Arc::new(source.clone()))
                .with_file_groups(scans.iter().cloned().map(FileGroup::new).collect())
                .with_projection_indices(Some(columns))?
                .with_preserve_order(true)
                .with_output_partitioning(Some(Partitioning::UnknownPartitioning(scans.len())))
                .build())
        };
        let reduction = |input: &Schema| {
            Reduction::new(
                self.table,
                full,
                input,
                output,
                partition_follows_key(self.table),
                self.as_of.map(|as_of| as_of.timestamp_micros()),
            )
        };
        let whole = if needed.len() < full.fields().len() {
            let scan = scan((0..full.fields().len()).collect())?;
            Some(Arc::new(WholeScan { reduction: reduction(full)?, scan }))
        } else {
            None
        };
        let input = DataSourceExec::from_data_source(scan(needed)?);
        let reduction = reduction(&input.schema())?;
        Ok(Arc::new(NewestRevisionExec::new(input, reduction, whole)))
    }

    /// Reads the files, leaving out what the filters rule out by statistics.
    fn source(
        &self,
        state: &dyn Session,
        filters: impl Iterator<Item = Expr>,
    ) -> Result<ParquetSource> {
        let mut options = state.default_table_options().parquet;
        // Row filters would be evaluated twice: the plan above keeps them.
        options.global.pushdown_filters = false;
        options.global.schema_force_view_types = false;
        let columns = self.table_schema();
        // Files never change: their footers are read once.
        let runtime = state.runtime_env();
        let footers = CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.store)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let source = ParquetSource::new(columns.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(footers));
        let Some(predicate) = conjunction(filters) else { return Ok(source) };
        let schema = DFSchema::try_from(Arc::clone(columns.table_schema()))?;
        let predicate = state.create_physical_expr(unqualified(predicate)?, &schema)?;
        Ok(source.with_predicate(predicate))
    }

    fn spread(&self, state: &dyn Session, files: &[&LakeFile]) -> Vec<Vec<PartitionedFile>> {
        spread(
            files,
            !self.table.partition().is_empty(),
            partition_follows_key(self.table),
            state.config().target_partitions(),
        )
    }
}

/// Filters come with the name the query gave the table; the files know none.
fn unqualified(filter: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    filter
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(mut column) => {
                    column.relation = None;
                    Transformed::yes(Expr::Column(column))
                }
                other => Transformed::no(other),
            })
        })
        .map(|transformed| transformed.data)
}

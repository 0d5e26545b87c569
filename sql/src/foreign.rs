//! Files that are not the lake's: queried in place, and read for `load --map`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::common::plan_datafusion_err;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionContext;
use futures::stream::{BoxStream, StreamExt};
use loadstar_schema::{Table, is_column_name};

use crate::{LakeError, functions};

/// A column of a table and the SQL expression over the file's columns that
/// makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Column of the lake's table.
    pub column: String,
    /// Expression, for example `CAST(kwh AS DECIMAL(18, 4))`.
    pub expression: String,
}

impl std::str::FromStr for Mapping {
    type Err = LakeError;

    fn from_str(text: &str) -> std::result::Result<Self, LakeError> {
        let (column, expression) = text.split_once('=').unwrap_or((text, ""));
        let (column, expression) = (column.trim().to_owned(), expression.trim().to_owned());
        if column.is_empty() || expression.is_empty() {
            let reason = "write it as column=expression".to_owned();
            return Err(LakeError::Mapping { column, expression, reason });
        }
        Ok(Self { column, expression })
    }
}

/// Reads a CSV, JSON lines or Parquet file (gz or zst by its name) as rows of
/// `table`: the mapped columns, and those the file has under the table's own
/// names. A mapping may name a column that the table is to be given, if events
/// land in it; other columns of the file are left out. Types are the file's or the expressions'; what the file lacks is
/// absent. Rows are not validated here.
///
/// # Errors
/// [`LakeError::File`] if it cannot be read, also from the stream;
/// [`LakeError::Mapping`] naming the expression that is wrong.
pub async fn map_file(
    path: &Path,
    table: Table,
    mappings: &[Mapping],
) -> std::result::Result<BoxStream<'static, std::result::Result<RecordBatch, LakeError>>, LakeError>
{
    let name = path.display().to_string();
    let of_file = |error: DataFusionError| LakeError::File {
        path: name.clone(),
        reason: error.strip_backtrace(),
    };
    let ctx = SessionContext::new();
    functions::register(&ctx);
    let file =
        open(&ctx.state(), &name).await.map_err(of_file)?.ok_or_else(|| LakeError::File {
            path: name.clone(),
            reason: format!("not a file of a known kind; they end in {}", ENDINGS.join(", ")),
        })?;
    let file_schema = file.schema();
    ctx.register_table("file", file).map_err(of_file)?;

    let schema = table.schema();
    let mut columns = Vec::new();
    for mapping in mappings {
        let Mapping { column, expression } = mapping;
        let wrong = |reason: String| LakeError::Mapping {
            column: column.clone(),
            expression: expression.clone(),
            reason,
        };
        if schema.field_with_name(column).is_err() && !message_only(table, column) {
            let names: Vec<&str> =
                schema.fields().iter().map(|field| field.name().as_str()).collect();
            let names = names.join(", ");
            let has = format!("{} has no column {column}; it has {names}", table.name());
            if !Table::LANDED.contains(&table) {
                return Err(wrong(has));
            }
            if !is_column_name(column) {
                return Err(wrong(format!(
                    "{has}. A new one is called by a lower-case letter, then up to 62 of a-z, 0-9 and _"
                )));
            }
        }
        let selected = format!("({expression}) AS \"{column}\"");
        let planned =
            ctx.state().create_logical_plan(&format!("SELECT {selected} FROM file")).await;
        planned.map_err(|error| wrong(LakeError::of_query(error, &ctx).to_string()))?;
        columns.push(selected);
    }
    let mapped = |name: &str| mappings.iter().any(|mapping| mapping.column == name);
    for field in schema.fields().iter().filter(|field| !mapped(field.name())) {
        if file_schema.field_with_name(field.name()).is_ok() {
            columns.push(format!("\"{}\"", field.name()));
        }
    }
    if columns.is_empty() {
        let reason = format!("has no column of {}; map some", table.name());
        return Err(LakeError::File { path: name, reason });
    }
    let sql = format!("SELECT {} FROM file", columns.join(", "));
    let rows = async { ctx.sql(&sql).await?.execute_stream().await };
    let rows = rows.await.map_err(of_file)?;
    Ok(rows
        .map(move |batch| {
            batch.map_err(|error| LakeError::File {
                path: name.clone(),
                reason: error.strip_backtrace(),
            })
        })
        .boxed())
}

/// Fields of a table's messages that become other columns: a day's curve is one
/// message and many rows.
fn message_only(table: Table, column: &str) -> bool {
    table == Table::MeterReads && column == "values"
}

const ENDINGS: &[&str] = &[".csv", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".zst"];

/// Rows that tell the types of a file's columns: a column may begin with years of
/// nothing, or with whole numbers.
const TYPED_ROWS: usize = 1_000_000;

/// A table on a file, if its name ends like one that can be read.
async fn open(state: &SessionState, path: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let lower = path.to_lowercase();
    let (inner, compression) = if let Some(inner) = lower.strip_suffix(".gz") {
        (inner, FileCompressionType::GZIP)
    } else if let Some(inner) = lower.strip_suffix(".zst") {
        (inner, FileCompressionType::ZSTD)
    } else {
        (lower.as_str(), FileCompressionType::UNCOMPRESSED)
    };
    let format: Arc<dyn FileFormat> = if inner.ends_with(".csv") {
        let format =
            CsvFormat::default().with_has_header(true).with_schema_infer_max_rec(TYPED_ROWS);
        Arc::new(format.with_file_compression_type(compression))
    } else if [".json", ".jsonl", ".ndjson"].iter().any(|ending| inner.ends_with(ending)) {
        let format = JsonFormat::default().with_schema_infer_max_rec(TYPED_ROWS);
        Arc::new(format.with_file_compression_type(compression))
    } else if inner.ends_with(".parquet") {
        Arc::new(ParquetFormat::default())
    } else {
        return Ok(None);
    };
    let local = !path.contains("://");
    if local && !path.contains('*') && !Path::new(path).exists() {
        return Err(plan_datafusion_err!("there is no file {path}"));
    }
    let url = ListingTableUrl::parse(path)?;
    let options = ListingOptions::new(format).with_file_extension("");
    let schema = options.infer_schema(state, &url).await?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Some(Arc::new(ListingTable::try_new(config)?)))
}

/// Answers `FROM 'x.csv.gz'` with the file of that name.
pub(crate) struct FilesInPlace {
    state: SessionState,
}

impl FilesInPlace {
    /// The session, reading files by their name where no table has it.
    pub(crate) fn enable(ctx: SessionContext) -> SessionContext {
        let state = ctx.state();
        let tables = Arc::clone(state.catalog_list());
        let files = DynamicFileCatalog::new(tables, Arc::new(Self { state: state.clone() }));
        let state = SessionStateBuilder::new_from_existing(state);
        SessionContext::new_with_state(state.with_catalog_list(Arc::new(files)).build())
    }
}

impl fmt::Debug for FilesInPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilesInPlace")
    }
}

#[async_trait]
impl UrlTableFactory for FilesInPlace {
    async fn try_new(&self, url: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        open(&self.state, url).await
    }
}

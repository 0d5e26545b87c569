//! What can go wrong between a question and its answer, and who can act on it.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use deltalake_core::DeltaTableError;

/// Why the lake could not be read, written or queried.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's place is wrong: a bad URL, a folder that is not there, no
    /// access. Check `--lake`.
    #[error("lake {url}: {reason}")]
    Location {
        /// The URL or folder given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One table's log or files could not be read or written.
    #[error("table {table}: {source}")]
    Table {
        /// The table.
        table: String,
        /// Delta's account.
        #[source]
        source: DeltaTableError,
    },
    /// A table holds something this reader does not understand.
    #[error("table {table}: {reason}")]
    Unreadable {
        /// The table.
        table: String,
        /// What it holds.
        reason: String,
    },
    /// Another process rolled the same table up first. Nothing was written;
    /// run it again.
    #[error("rollup {rollup}: another process committed first; run it again")]
    RolledUpElsewhere {
        /// The rollup.
        rollup: &'static str,
    },
    /// A query is wrong: the message says what and where, and which names are
    /// near the unknown ones. The person who wrote it can fix it.
    #[error("{0}")]
    Query(String),
    /// A query that Loadstar ships failed: `name` says which.
    #[error("query {name}: {reason}")]
    Shipped {
        /// The query's name, as of its file.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// A column of `load --map` could not be made. `expression` says which.
    #[error("{column} = {expression}: {reason}")]
    Mapping {
        /// The table's column.
        column: String,
        /// The SQL expression given for it.
        expression: String,
        /// Why it fails.
        reason: String,
    },
    /// A file named in a query or in `load` cannot be read.
    #[error("file {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Memory or disk ran out while answering.
    #[error("out of memory or disk: {0}")]
    Resources(String),
    /// Arrow refused a batch, for example of another schema.
    #[error("batch: {0}")]
    Batch(#[from] ArrowError),
}

impl LakeError {
    /// An error of a query that a person wrote, with the nearest names.
    #[must_use]
    pub fn of_query(error: DataFusionError, ctx: &SessionContext) -> Self {
        if let DataFusionError::ResourcesExhausted(reason) = error.find_root() {
            return Self::Resources(reason.clone());
        }
        let hint = hint(&error, ctx);
        let message = error.strip_backtrace();
        Self::Query(hint.map_or_else(|| message.clone(), |hint| format!("{message}; {hint}")))
    }

    pub(crate) fn of_shipped(name: &str, error: &DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(reason) => Self::Resources(reason.clone()),
            _ => Self::Shipped { name: name.to_owned(), reason: error.strip_backtrace() },
        }
    }

    pub(crate) fn of_table(table: &str, source: DeltaTableError) -> Self {
        Self::Table { table: table.to_owned(), source }
    }
}

/// The nearest names to the one that is unknown.
fn hint(error: &DataFusionError, ctx: &SessionContext) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => {
            let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref() else {
                return None;
            };
            let names: Vec<String> = valid_fields.iter().map(|field| field.name.clone()).collect();
            nearest(&field.name, &names)
        }
        DataFusionError::Plan(message) => {
            let name = message.strip_prefix("table '")?.split('\'').next()?;
            let table = name.rsplit('.').next()?;
            nearest(table, &table_names(ctx))
        }
        _ => None,
    }
}

/// Every table and view that a query may name, `raw.` and the like included.
fn table_names(ctx: &SessionContext) -> Vec<String> {
    let options = ctx.state().config_options().catalog.clone();
    let default = options.default_schema;
    let mut names = Vec::new();
    for catalog_name in ctx.catalog_names() {
        let Some(catalog) = ctx.catalog(&catalog_name) else { continue };
        let ours = catalog_name == options.default_catalog;
        for schema_name in catalog.schema_names() {
            let Some(schema) = catalog.schema(&schema_name) else { continue };
            names.extend(schema.table_names().into_iter().map(|table| {
                match (ours, schema_name == default) {
                    (true, true) => table,
                    (true, false) => format!("{schema_name}.{table}"),
                    (false, _) => format!("{catalog_name}.{schema_name}.{table}"),
                }
            }));
        }
    }
    names
}

fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let mut scored: Vec<(f64, &String)> = names
        .iter()
        .map(|name| {
            // In whatever schema it is.
            let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            (strsim::jaro_winkler(&wanted.to_lowercase(), &last), name)
        })
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    let near: Vec<&str> = scored.iter().take(3).map(|(_, name)| name.as_str()).collect();
    (!near.is_empty()).then(|| format!("nearest: {}", near.join(", ")))
}

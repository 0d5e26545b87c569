//! Sessions: which provider answers to which name, as of which instant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::Column;
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use loadstar_schema::{Table, reference, timestamp_type};
use url::Position;

use crate::business::Views;
use crate::current::CurrentTable;
use crate::described::Labelled;
use crate::foreign::FilesInPlace;
use crate::lake::Lake;
use crate::queries::{self, Query};
use crate::rollup::Rollup;
use crate::rollup::redirect::FromRollup;
use crate::rollup::stored::StoredRollups;
use crate::tables::{LakeFile, LakeTable};
use crate::{LakeError, charges, commented, functions, highest};

/// Schema of the rows as they landed.
const RAW: &str = "raw";
/// Schema of what was known at an earlier instant, and the catalog of its other
/// schemas: `past.sales_daily`, but `past.sales.cube`.
const PAST: &str = "past";

/// What a session shows, so that [`refresh`] knows whether that has moved.
#[derive(Debug)]
struct Shown {
    as_of: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
    versions: Mutex<BTreeMap<Table, Option<u64>>>,
}

/// Runs one query to its end.
///
/// # Errors
/// [`LakeError::Query`] with the place and the nearest names,
/// [`LakeError::Resources`] if memory or disk ran out.
pub async fn collect(ctx: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, LakeError> {
    let answer = async { ctx.sql(sql).await?.collect().await };
    answer.await.map_err(|error| LakeError::of_query(error, ctx))
}

/// As [`collect`], batch by batch as they come.
///
/// # Errors
/// As [`collect`]; an error on the way is an item of the stream.
pub async fn stream(
    ctx: &SessionContext,
    sql: &str,
) -> Result<SendableRecordBatchStream, LakeError> {
    let answer = async { ctx.sql(sql).await?.execute_stream().await };
    answer.await.map_err(|error| LakeError::of_query(error, ctx))
}

pub(crate) async fn open(
    lake: &Lake,
    tables: &[LakeTable],
    as_of: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
) -> Result<SessionContext, LakeError> {
    let shown = Shown { as_of, since, versions: Mutex::new(versions(tables)) };
    let config = config(lake).with_extension(Arc::new(shown));
    let ctx = context(Arc::clone(&lake.runtime), config);
    show(&ctx, lake, tables, as_of, since).await?;
    Ok(if lake.options.files_in_place { FilesInPlace::enable(ctx) } else { ctx })
}

pub(crate) async fn refresh(
    lake: &Lake,
    tables: &[LakeTable],
    ctx: &SessionContext,
) -> Result<bool, LakeError> {
    let Some(shown) = ctx.state().config().get_extension::<Shown>() else {
        return Err(LakeError::Query("not a session of this lake".to_owned()));
    };
    let present = versions(tables);
    if *shown.versions.lock().unwrap_or_else(PoisonError::into_inner) == present {
        return Ok(false);
    }
    show(ctx, lake, tables, shown.as_of, shown.since).await?;
    *shown.versions.lock().unwrap_or_else(PoisonError::into_inner) = present;
    Ok(true)
}

/// Puts what was known at `as_of` in a session; with `since` also, in a schema
/// of its own, what was known then, and the view of what changed in between.
async fn show(
    ctx: &SessionContext,
    lake: &Lake,
    tables: &[LakeTable],
    as_of: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
) -> Result<(), LakeError> {
    let (public, raw, views) = schemas(lake, tables, as_of, None, &Answered::new()).await?;
    if let Some(since) = since {
        let (past, past_raw, past_views) =
            schemas(lake, tables, Some(since), None, &Answered::new()).await?;
        let between = context(Arc::clone(&lake.runtime), config(lake));
        install(&between, Arc::clone(&public), Arc::clone(&raw))?;
        register(&between, PAST, Arc::clone(&past))?;
        for query in queries::SINCE {
            let answer = view(&between, query).await?;
            let put = public.register_table(query.name.to_owned(), answer);
            put.map_err(|error| LakeError::of_shipped(query.name, &error))?;
        }
        show_added(&past, &past_raw, lake, tables, Some(since))?;
        let functions = MemoryCatalogProvider::new();
        for (name, schema) in past_views.schemas() {
            let put = functions.register_schema(name, schema);
            put.map_err(|error| LakeError::of_shipped(PAST, &error))?;
        }
        ctx.register_catalog(PAST, Arc::new(functions));
        register(ctx, PAST, past)?;
    }
    show_added(&public, &raw, lake, tables, as_of)?;
    install_all(ctx, public, raw, &views)
}

/// Views of a session that were answered before.
pub(crate) type Answered = BTreeMap<&'static str, Arc<dyn TableProvider>>;

/// A session for the queries that ship: tables have the contract's columns and
/// no others, whatever messages added.
pub(crate) async fn of_contract(
    lake: &Lake,
    tables: &[LakeTable],
    as_of: Option<DateTime<Utc>>,
    answered: &Answered,
) -> Result<SessionContext, LakeError> {
    let ctx = context(Arc::clone(&lake.runtime), config(lake));
    let (public, raw, views) = schemas(lake, tables, as_of, None, answered).await?;
    install_all(&ctx, public, raw, &views)?;
    Ok(ctx)
}

/// What rollups are computed from.
#[derive(Default)]
pub(crate) struct Reads {
    /// The files of meter reads.
    pub(crate) files: Vec<LakeFile>,
    /// Views that are the same for every file.
    pub(crate) answered: Answered,
}

/// A session for rolling up: what is known now, but of meter reads only some,
/// and rollups computed from these, not as they are stored.
pub(crate) async fn of_reads(
    lake: &Lake,
    tables: &[LakeTable],
    reads: &Reads,
) -> Result<SessionContext, LakeError> {
    let ctx = context(Arc::clone(&lake.runtime), config(lake));
    let (public, raw, _) = schemas(lake, tables, None, Some(&reads.files), &reads.answered).await?;
    install(&ctx, public, raw)?;
    Ok(ctx)
}

/// Who held which meter, in which class and at which price: for rolling up, held
/// in memory. Every batch of days joins the same, and to tell it from the log
/// of changes sorts all of that.
pub(crate) async fn of_customers(lake: &Lake, tables: &[LakeTable]) -> Result<Reads, LakeError> {
    let mut reads = Reads::default();
    let ctx = of_reads(lake, tables, &reads).await?;
    for name in ["meters_by_day", "customers_by_day", "tariff_prices"] {
        let of_plan = |error: DataFusionError| LakeError::of_shipped(name, &error);
        let answer = ctx.table(name).await.map_err(of_plan)?;
        let planned = Arc::clone(answer.schema().inner());
        let rows = answer.collect_partitioned().await.map_err(of_plan)?;
        let schema = rows.iter().flatten().next().map_or(planned, RecordBatch::schema);
        let rows = MemTable::try_new(schema, rows).map_err(of_plan)?;
        reads.answered.insert(name, Arc::new(rows));
    }
    Ok(reads)
}

/// A session for rolling up a rollup: that one as it is stored, and what is made
/// of it; what was made of it before is called `stored`.
pub(crate) async fn of_rollup(
    lake: &Lake,
    rollup: Rollup,
    tables: &[LakeTable],
    stored: &str,
) -> Result<SessionContext, LakeError> {
    let ctx = context(Arc::clone(&lake.runtime), config(lake));
    for lake_table in tables {
        let (table, delta) = (lake_table.table, &lake_table.delta);
        if let Some(delta) = delta {
            let update = delta.update_datafusion_session(&ctx.state());
            update.map_err(|error| LakeError::of_table(table.name(), error))?;
        }
        let name = if table == rollup.table() { stored } else { table.name() };
        let rows = landed(lake_table, table.schema(), None)?;
        ctx.register_table(name, rows).map_err(of_session)?;
    }
    let query = rollup.query()?;
    ctx.register_table(query.name, view(&ctx, query).await?).map_err(of_session)?;
    Ok(ctx)
}

fn versions(tables: &[LakeTable]) -> BTreeMap<Table, Option<u64>> {
    tables.iter().map(|table| (table.table, table.version())).collect()
}

fn config(lake: &Lake) -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(true);
    if let Some(partitions) = lake.options.target_partitions {
        config = config.with_target_partitions(partitions.max(1));
    }
    let options = config.options_mut();
    // Columns come out as the tables declare them: Utf8, not its view.
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    if let Some(limit) = lake.options.memory_limit_bytes {
        // What a sort keeps back to merge what it holds before it spills: with less, a
        // large one of text fails instead.
        options.execution.sort_spill_reservation_bytes = limit / 16;
    }
    config
}

pub(crate) fn context(runtime: Arc<RuntimeEnv>, config: SessionConfig) -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_optimizer_rule(Arc::new(FromRollup))
        .build();
    let ctx = SessionContext::new_with_state(state);
    functions::register(&ctx);
    charges::register(&ctx);
    highest::register(&ctx);
    commented::register(&ctx);
    ctx
}

/// What is known at an instant: `public`, `raw` and the views of the functions.
type Schemas = (Arc<dyn SchemaProvider>, Arc<dyn SchemaProvider>, Arc<Views>);

/// Puts both schemas in place of the session's. Tables that its user made are
/// carried over.
pub(crate) fn install(
    ctx: &SessionContext,
    public: Arc<dyn SchemaProvider>,
    raw: Arc<dyn SchemaProvider>,
) -> Result<(), LakeError> {
    let default_schema = ctx.state().config_options().catalog.default_schema.clone();
    if let Some(old) = default_catalog(ctx)?.schema(&default_schema) {
        for name in old.table_names() {
            let ours = public.table_exist(&name);
            if !ours && let Some(theirs) = old.deregister_table(&name).map_err(of_session)? {
                public.register_table(name, theirs).map_err(of_session)?;
            }
        }
    }
    register(ctx, RAW, raw)?;
    register(ctx, &default_schema, public)
}

/// As [`install`], with the schemas of the functions.
fn install_all(
    ctx: &SessionContext,
    public: Arc<dyn SchemaProvider>,
    raw: Arc<dyn SchemaProvider>,
    views: &Arc<Views>,
) -> Result<(), LakeError> {
    for (name, schema) in views.schemas() {
        register(ctx, name, schema)?;
    }
    install(ctx, public, raw)
}

/// Adds a schema to the session's catalogue, or puts it in place of the old.
pub(crate) fn register(
    ctx: &SessionContext,
    name: &str,
    schema: Arc<dyn SchemaProvider>,
) -> Result<(), LakeError> {
    default_catalog(ctx)?.register_schema(name, schema).map(drop).map_err(of_session)
}

fn default_catalog(ctx: &SessionContext) -> Result<Arc<dyn CatalogProvider>, LakeError> {
    let name = ctx.state().config_options().catalog.default_catalog.clone();
    ctx.catalog(&name).ok_or_else(|| {
        of_session(DataFusionError::Internal("a session without its default catalog".to_owned()))
    })
}

fn of_session(error: DataFusionError) -> LakeError {
    LakeError::of_shipped("session", &error)
}

/// All schemas as of an instant, with the contract's columns. With `reads` given,
/// meter reads are those files only and rollups are computed from them.
async fn schemas(
    lake: &Lake,
    tables: &[LakeTable],
    as_of: Option<DateTime<Utc>>,
    reads: Option<&[LakeFile]>,
    answered: &Answered,
) -> Result<Schemas, LakeError> {
    let ctx = context(Arc::clone(&lake.runtime), config(lake));
    let raw: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
    let public: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
    install(&ctx, Arc::clone(&public), Arc::clone(&raw))?;
    let put = |schema: &Arc<dyn SchemaProvider>, name: &str, provider: Arc<dyn TableProvider>| {
        let put = schema.register_table(name.to_owned(), provider);
        put.map(|_| ()).map_err(|error| LakeError::of_shipped(name, &error))
    };

    let store = store_url(lake)?;
    let mut found = Vec::with_capacity(tables.len());
    let mut newest = None;
    for lake_table in tables {
        if let Some(delta) = &lake_table.delta {
            delta
                .update_datafusion_session(&ctx.state())
                .map_err(|error| LakeError::of_table(lake_table.table.name(), error))?;
        }
        let files = lake_table.files()?;
        newest = newest.max(files.iter().filter_map(|file| file.newest_available_at).max());
        found.push((lake_table, files));
    }
    let instant = as_of.map(|as_of| as_of.timestamp_micros());
    let stored = if reads.is_some() {
        StoredRollups::default()
    } else {
        StoredRollups::find(tables, instant, newest).await?
    };
    for (lake_table, mut files) in found {
        let name = lake_table.table.name();
        let landed = landed(lake_table, lake_table.table.schema(), as_of)?;
        match lake_table.table {
            table if Rollup::of(table).is_some() => {}
            Table::Forecasts | Table::RiskScores | Table::Models => put(&public, name, landed)?,
            table if Table::DATED.contains(&table) => {
                let provider = if lake_table.delta.is_none() {
                    shipped(table)?
                } else {
                    Arc::new(CurrentTable::new(table, table.schema(), files, store.clone(), None))
                };
                put(&raw, name, landed)?;
                put(&public, name, provider)?;
            }
            table => {
                if table == Table::MeterReads
                    && let Some(reads) = reads
                {
                    files = reads.to_vec();
                }
                put(&raw, name, landed)?;
                let schema = table.schema();
                let current = CurrentTable::new(table, schema, files, store.clone(), as_of);
                put(&public, name, stored.with_sums(table, Arc::new(current)))?;
            }
        }
    }
    put(&public, "lake_time", lake_time(as_of, newest)?)?;

    for query in queries::views() {
        let answered = || answered.get(query.name).cloned();
        let provider = match stored.rows(query.name).or_else(answered) {
            Some(rows) => rows,
            None => view(&ctx, query).await?,
        };
        put(&public, query.name, provider)?;
    }
    let runtime = Arc::clone(&lake.runtime);
    let views = Views::over(&public, &raw, config(lake), runtime).await;
    let views = views.map_err(|error| LakeError::of_shipped("session", &error))?;
    Ok((public, raw, views))
}

/// Puts the tables that messages added columns to in place of those with the
/// contract's columns alone. The views were planned before and stay as they are:
/// a column may be called like one that a view makes or joins.
fn show_added(
    public: &Arc<dyn SchemaProvider>,
    raw: &Arc<dyn SchemaProvider>,
    lake: &Lake,
    tables: &[LakeTable],
    as_of: Option<DateTime<Utc>>,
) -> Result<(), LakeError> {
    for lake_table in tables {
        let (table, columns) = (lake_table.table, lake_table.columns()?);
        if columns == table.schema() {
            continue;
        }
        let landed = landed(lake_table, Arc::clone(&columns), as_of)?;
        let current =
            CurrentTable::new(table, columns, lake_table.files()?, store_url(lake)?, as_of);
        let current: Arc<dyn TableProvider> = Arc::new(current);
        for (schema, provider) in [(raw, landed), (public, current)] {
            let replaced = schema
                .deregister_table(table.name())
                .and_then(|_| schema.register_table(table.name().to_owned(), provider));
            replaced.map_err(|error| LakeError::of_shipped(table.name(), &error))?;
        }
    }
    Ok(())
}

/// The rows as they landed, those known at an instant, with the columns of
/// `schema`. A table from before some of them has these empty.
pub(crate) fn landed(
    lake_table: &LakeTable,
    schema: SchemaRef,
    as_of: Option<DateTime<Utc>>,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let (table, name) = (lake_table.table, lake_table.table.name());
    let of_plan = |error: DataFusionError| LakeError::of_shipped(name, &error);
    let Some(delta) = &lake_table.delta else {
        let empty = MemTable::try_new(schema, vec![Vec::new()]).map_err(of_plan)?;
        return Ok(Arc::new(empty));
    };
    let snapshot = delta.snapshot().map_err(|error| LakeError::of_table(name, error))?;
    let mut config = DeltaScanConfig::new().with_wrap_partition_values(false);
    config.schema_force_view_types = false;
    let scan = DeltaScanNext::new(snapshot.snapshot().clone(), config).map_err(of_plan)?;
    let scan: Arc<dyn TableProvider> = Arc::new(scan);
    let known_from = match table {
        Table::Forecasts => Some("issued_at"),
        Table::RiskScores => Some("as_of"),
        Table::Models => Some("fitted_at"),
        _ => schema.field_with_name("available_at").ok().map(|_| "available_at"),
    };
    let known = as_of.zip(known_from).map(|(as_of, column)| {
        let micros = Some(as_of.timestamp_micros());
        col(column).lt_eq(lit(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into()))))
    });
    let found = scan.schema();
    let is_there = |field: &FieldRef| found.field_with_name(field.name()).is_ok();
    let as_it_is =
        found.fields().len() == schema.fields().len() && schema.fields().iter().all(is_there);
    if known.is_none() && as_it_is {
        return Ok(scan);
    }
    let column = |field: &FieldRef| {
        if is_there(field) {
            return Ok::<_, DataFusionError>(col(Column::from_name(field.name())));
        }
        Ok(lit(ScalarValue::try_from(field.data_type())?).alias(field.name()))
    };
    let plan = || {
        let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(scan), None)?;
        if let Some(known) = known {
            plan = plan.filter(known)?;
        }
        if !as_it_is {
            let columns: Vec<Expr> =
                schema.fields().iter().map(column).collect::<Result<_, _>>()?;
            plan = plan.project(columns)?;
        }
        plan.build()
    };
    Ok(Arc::new(ViewTable::new(plan().map_err(of_plan)?, None)))
}

fn shipped(table: Table) -> Result<Arc<dyn TableProvider>, LakeError> {
    let rows = reference::shipped(table)?.into_iter().collect();
    let rows = MemTable::try_new(table.schema(), vec![rows])
        .map_err(|error| LakeError::of_shipped(table.name(), &error))?;
    Ok(Arc::new(rows))
}

/// The instant a session speaks for, as a table of one row: its `as_of`, else
/// when the newest row became available. Ages and due dates count from it, so
/// that the same lake gives the same answer on any clock.
fn lake_time(
    as_of: Option<DateTime<Utc>>,
    newest: Option<i64>,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let field = Field::new("as_of", timestamp_type(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let instant = as_of.map(|as_of| as_of.timestamp_micros()).or(newest);
    let column = TimestampMicrosecondArray::from(vec![instant]).with_timezone("UTC");
    let row = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column)])?;
    let table = MemTable::try_new(schema, vec![vec![row]])
        .map_err(|error| LakeError::of_shipped("lake_time", &error))?;
    Ok(Arc::new(table))
}

pub(crate) async fn view(
    ctx: &SessionContext,
    query: &Query,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let of_plan = |error: DataFusionError| LakeError::of_shipped(query.name, &error);
    let plan = ctx.state().create_logical_plan(query.sql).await.map_err(of_plan)?;
    let view = Arc::new(ViewTable::new(plan, Some(query.sql.to_owned())));
    Ok(Arc::new(Labelled::new(view, query)))
}

/// Where DataFusion finds the object store of the lake's files.
fn store_url(lake: &Lake) -> Result<ObjectStoreUrl, LakeError> {
    let root = &lake.url[Position::BeforeScheme..Position::BeforePath];
    ObjectStoreUrl::parse(root).map_err(|error| LakeError::Location {
        url: lake.url.to_string(),
        reason: error.strip_backtrace(),
    })
}

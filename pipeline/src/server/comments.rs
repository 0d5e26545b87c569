//! What views and their columns are, for SQL clients: as rows of
//! `pg_catalog.pg_description`, and by the functions that psql's `\d+` and
//! others ask.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::common::ParamValues;
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{
    ColumnarValue, JoinType, LogicalPlan, ScalarFunctionArgs, ScalarUDF, Volatility, cast, col,
    create_udf, lit,
};
use datafusion::prelude::{DataFrame, SessionContext, coalesce};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, visit_expressions_mut};
use datafusion_postgres::QueryHook;
use datafusion_postgres::arrow_pg::datatypes::df::encode_dataframe;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::PG_CATALOG_TABLES;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::Response;
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use loadstar_sql::session_views;

const PG_CATALOG: &str = "pg_catalog";
const PG_DESCRIPTION: &str = "pg_description";
const PARSE_IDENT: &str = "parse_ident";

/// Comments by the oid of their relation and the number of their column, 0 for
/// the relation itself; a view's SQL is under [`DEFINITION`].
type Told = Arc<RwLock<HashMap<(i64, i64), String>>>;

const DEFINITION: i64 = -1;

/// Looks comments up for statements that ask for them by function. Oids are given
/// out as relations are first listed, so that this cannot be done beforehand.
pub(super) struct Comments {
    rows: LogicalPlan,
    told: Told,
}

impl Comments {
    /// Shows the comments in a session whose `pg_catalog` is set up in `catalog`.
    pub(super) async fn show(ctx: &SessionContext, catalog: &str) -> Result<Self> {
        let missing = || DataFusionError::Configuration(format!("{catalog} has no {PG_CATALOG}"));
        let catalog = ctx.catalog(catalog).ok_or_else(missing)?;
        let inner = catalog.schema(PG_CATALOG).ok_or_else(missing)?;
        let rows = descriptions(ctx).await?;
        let descriptions = rows.clone().drop_columns(&["definition"])?.logical_plan().clone();
        let descriptions = Arc::new(ViewTable::new(descriptions, None));
        catalog.register_schema(PG_CATALOG, Arc::new(Described { inner, descriptions }))?;
        let told = Told::default();
        let number = DataType::Int64;
        for (name, second) in [
            ("obj_description", DataType::Utf8),
            ("col_description", number.clone()),
            ("pg_get_viewdef", DataType::Boolean),
        ] {
            ctx.register_udf(lookup(name, vec![number.clone(), second], Arc::clone(&told)));
        }
        // What psql asks for beside the comments.
        ctx.register_udf(unknown("pg_get_ruledef", vec![number.clone(), DataType::Boolean]));
        ctx.register_udf(unknown("pg_size_pretty", vec![number.clone()]));
        ctx.register_udf(create_udf(
            "pg_table_size",
            vec![number.clone()],
            number,
            Volatility::Immutable,
            Arc::new(|_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Int64(None)))),
        ));
        if let Ok(parse) = ctx.udf(PARSE_IDENT) {
            ctx.register_udf(catalog_first(parse));
        }
        Ok(Self { rows: rows.logical_plan().clone(), told })
    }

    async fn look_up(&self, statement: &Statement, ctx: &SessionContext) -> PgWireResult<()> {
        let asked = statement.to_string();
        if !asked.contains("_description(") && !asked.contains("pg_get_viewdef(") {
            return Ok(());
        }
        let rows = DataFrame::new(ctx.state(), self.rows.clone()).collect().await;
        let rows = rows.map_err(|error| PgWireError::ApiError(Box::new(error)))?;
        let mut told = HashMap::new();
        for batch in rows {
            let numbers = |place: usize| batch.column(place).as_primitive::<Int32Type>();
            let (oids, places) = (numbers(0), numbers(2));
            let (texts, definitions) =
                (batch.column(3).as_string::<i32>(), batch.column(4).as_string::<i32>());
            for row in 0..batch.num_rows() {
                told.insert(
                    (oids.value(row).into(), places.value(row).into()),
                    texts.value(row).to_owned(),
                );
                if definitions.is_valid(row) {
                    told.insert(
                        (oids.value(row).into(), DEFINITION),
                        definitions.value(row).to_owned(),
                    );
                }
            }
        }
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(())
    }
}

/// The rows of `pg_description`, and the SQL of views.
async fn descriptions(ctx: &SessionContext) -> Result<DataFrame> {
    let relation = ctx.table("pg_catalog.pg_class").await?;
    let catalog = relation.clone().filter(col("relname").eq(lit("pg_class")))?;
    let catalog = catalog.aggregate(vec![], vec![min(col("oid")).alias("classoid")])?;
    let relation = relation.select(vec![col("oid"), col("relname"), col("relnamespace")])?;
    let schema = ctx.table("pg_catalog.pg_namespace").await?;
    let schema = schema.select(vec![col("oid").alias("schema_oid"), col("nspname")])?;
    let column = ctx.table("pg_catalog.pg_attribute").await?;
    let column = column.select(vec![col("attrelid"), col("attname"), col("attnum")])?;
    let inner = JoinType::Inner;
    relation
        .join(schema, inner, &["relnamespace"], &["schema_oid"], None)?
        .join(comments(ctx)?, inner, &["nspname", "relname"], &["schema_name", "view_name"], None)?
        .join(column, JoinType::Left, &["oid", "column_name"], &["attrelid", "attname"], None)?
        .join_on(catalog, inner, [lit(true)])?
        .select(vec![
            col("oid").alias("objoid"),
            col("classoid"),
            coalesce(vec![cast(col("attnum"), DataType::Int32), lit(0_i32)]).alias("objsubid"),
            col("description"),
            col("definition"),
        ])
}

/// What the views say about themselves, and then about each of their columns.
fn comments(ctx: &SessionContext) -> Result<DataFrame> {
    let mut told = Vec::new();
    for (schema, query) in session_views() {
        let sql = query.sql.lines().skip_while(|line| line.starts_with("--"));
        let sql: Vec<&str> = sql.collect();
        let sql = Some(sql.join("\n"));
        told.push((schema, query.name, None, query.says("Question"), sql));
        for column in query.columns() {
            told.push((schema, query.name, Some(column.name), column.en.to_owned(), None));
        }
    }
    let texts = |column: StringArray| Arc::new(column) as ArrayRef;
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("schema_name", texts(told.iter().map(|row| Some(row.0)).collect()), true),
        ("view_name", texts(told.iter().map(|row| Some(row.1)).collect()), true),
        ("column_name", texts(told.iter().map(|row| row.2).collect()), true),
        ("description", texts(told.iter().map(|row| Some(row.3.as_str())).collect()), true),
        ("definition", texts(told.iter().map(|row| row.4.as_deref()).collect()), true),
    ])?;
    ctx.read_table(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// A function of an oid and what is asked of it: the column's number, the
/// catalogue that the oid is of, or whether its SQL is to be pretty.
fn lookup(name: &str, types: Vec<DataType>, told: Told) -> ScalarUDF {
    let of = move |arguments: &[ColumnarValue]| {
        let single = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arguments = ColumnarValue::values_to_arrays(arguments)?;
        let oids = arguments[0].as_primitive::<Int64Type>();
        let place = |row: usize| -> Option<i64> {
            if oids.is_null(row) || arguments[1].is_null(row) {
                return None;
            }
            match arguments[1].data_type() {
                DataType::Utf8 => {
                    (arguments[1].as_string::<i32>().value(row) == "pg_class").then_some(0)
                }
                DataType::Boolean => Some(DEFINITION),
                _ => Some(arguments[1].as_primitive::<Int64Type>().value(row)),
            }
        };
        let told = told.read().unwrap_or_else(PoisonError::into_inner);
        let text = |row| told.get(&(oids.value(row), place(row)?)).map(String::as_str);
        let texts: StringArray = (0..oids.len()).map(text).collect();
        if single {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(texts)))
    };
    create_udf(name, types, DataType::Utf8, Volatility::Volatile, Arc::new(of))
}

/// A function whose answer nobody knows here.
fn unknown(name: &str, types: Vec<DataType>) -> ScalarUDF {
    let of = |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
    create_udf(name, types, DataType::Utf8, Volatility::Immutable, Arc::new(of))
}

/// The statement without the options and privileges of relations, which psql has
/// in arrays as PostgreSQL makes them; `None` if it asks for none.
fn without_options(statement: &Statement) -> Option<Statement> {
    let mut statement = statement.clone();
    let mut changed = false;
    let _ = visit_expressions_mut(&mut statement, |expression: &mut Expr| {
        let text = match expression {
            Expr::Function(function) if function.name.to_string() == "array_to_string" => {
                function.to_string()
            }
            _ => return ControlFlow::<()>::Continue(()),
        };
        if ["reloptions", "nspacl", "datacl"].iter().any(|options| text.contains(options)) {
            *expression = Expr::value(Value::SingleQuotedString(String::new()));
            changed = true;
        }
        ControlFlow::Continue(())
    });
    changed.then_some(statement)
}

/// Takes names of the catalogue's tables for these before any others, as
/// PostgreSQL's search path does: `'pg_class'::regclass` asks so.
fn catalog_first(parse: Arc<ScalarUDF>) -> ScalarUDF {
    let list = DataType::new_list(DataType::Utf8, true);
    let parts = Arc::new(Field::new(PARSE_IDENT, list.clone(), true));
    let of = move |arguments: &[ColumnarValue]| {
        let names = ColumnarValue::values_to_arrays(arguments)?;
        let qualified = |name: Option<&str>| {
            name.map(|name| match PG_CATALOG_TABLES.contains(&name) {
                true => format!("{PG_CATALOG}.{name}"),
                false => name.to_owned(),
            })
        };
        let names: StringArray = names[0].as_string::<i32>().iter().map(qualified).collect();
        let number_rows = names.len();
        parse.invoke_with_args(ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(Arc::new(names))],
            arg_fields: vec![Arc::new(Field::new("name", DataType::Utf8, true))],
            number_rows,
            return_field: Arc::clone(&parts),
            config_options: Arc::default(),
        })
    };
    create_udf(PARSE_IDENT, vec![DataType::Utf8], list, Volatility::Immutable, Arc::new(of))
}

/// `pg_catalog` with these comments in place of PostgreSQL's own.
#[derive(Debug)]
struct Described {
    inner: Arc<dyn SchemaProvider>,
    descriptions: Arc<dyn TableProvider>,
}

#[async_trait]
impl SchemaProvider for Described {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == PG_DESCRIPTION {
            return Ok(Some(Arc::clone(&self.descriptions)));
        }
        self.inner.table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}

#[async_trait]
impl QueryHook for Comments {
    async fn handle_simple_query(
        &self,
        statement: &Statement,
        ctx: &SessionContext,
        _: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        if let Err(error) = self.look_up(statement, ctx).await {
            return Some(Err(error));
        }
        let statement = without_options(statement)?;
        let rows = ctx.sql(&statement.to_string()).await;
        let rows = rows.map_err(|error| PgWireError::ApiError(Box::new(error)));
        Some(match rows {
            Ok(rows) => {
                encode_dataframe(rows, &Format::UnifiedText, None).await.map(Response::Query)
            }
            Err(error) => Err(error),
        })
    }

    async fn handle_extended_parse_query(
        &self,
        _: &Statement,
        _: &SessionContext,
        _: &(dyn ClientInfo + Send + Sync),
    ) -> Option<PgWireResult<LogicalPlan>> {
        None
    }

    async fn handle_extended_query(
        &self,
        statement: &Statement,
        _: &LogicalPlan,
        _: &ParamValues,
        ctx: &SessionContext,
        _: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        self.look_up(statement, ctx).await.err().map(Err)
    }
}

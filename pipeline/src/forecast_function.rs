//! `SELECT * FROM forecast('region=East', horizon => '7d')`: a forecast as a
//! table, in the shell and over the wire.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, plan_datafusion_err};
use datafusion::datasource::{MemTable, TableType, provider_as_source};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::sqlparser::ast::{
    Expr as Written, FunctionArg, FunctionArgExpr, TableFactor, Value,
};
use loadstar_models::load::{ForecastSpec, forecast};
use loadstar_sql::Lake;
use tokio::sync::OnceCell;

use crate::cli::SeriesArgs;
use crate::commands::forecast::{fields, rows};
use crate::commands::series;

const NAME: &str = "forecast";
const USAGE: &str = "write forecast('region=East,usage=HOME', horizon => '7d', quantiles => \
    '0.1,0.5,0.9'), forecast(horizon => '48h') for the whole load, or forecast(query => 'SELECT …', \
    time => 'COLUMN', target => 'COLUMN', known => 'COLUMN,…', observed => 'COLUMN,…', time_zone => \
    'Australia/Melbourne')";

/// Lets a session's queries ask for forecasts of the lake as of an instant.
pub fn register(
    session: &SessionContext,
    lake: &Arc<Lake>,
    as_of: Option<DateTime<Utc>>,
) -> Result<()> {
    session.register_relation_planner(Arc::new(Function { lake: Arc::clone(lake), as_of }))
}

#[derive(Debug)]
struct Function {
    lake: Arc<Lake>,
    as_of: Option<DateTime<Utc>>,
}

impl RelationPlanner for Function {
    fn plan_relation(
        &self,
        relation: TableFactor,
        _context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match relation {
            TableFactor::Table { name, alias, args: Some(args), .. }
                if name.to_string().eq_ignore_ascii_case(NAME) =>
            {
                let asked = Asked::of(&args.args)?;
                let table = Forecasts {
                    schema: asked.schema(),
                    lake: Arc::clone(&self.lake),
                    as_of: self.as_of,
                    asked,
                    made: OnceCell::new(),
                };
                let source = provider_as_source(Arc::new(table));
                let plan = LogicalPlanBuilder::scan(NAME, source, None)?.build()?;
                Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
            }
            relation => Ok(RelationPlanning::Original(Box::new(relation))),
        }
    }
}

/// What the arguments ask for.
#[derive(Clone, Debug)]
struct Asked {
    series: SeriesArgs,
    horizon: humantime::Duration,
}

impl Asked {
    fn of(args: &[FunctionArg]) -> Result<Self> {
        let mut asked = Self {
            series: SeriesArgs {
                by: Vec::new(),
                query: None,
                time: None,
                target: None,
                known: Vec::new(),
                observed: Vec::new(),
                time_zone: None,
                quantiles: vec![0.1, 0.5, 0.9],
            },
            horizon: std::time::Duration::from_secs(7 * 86_400).into(),
        };
        for arg in args {
            match arg {
                FunctionArg::Unnamed(value) => asked.series.by = list(&text("the scope", value)?),
                FunctionArg::Named { name, arg, .. } => {
                    asked.take(&name.value.to_lowercase(), arg)?;
                }
                FunctionArg::ExprNamed { name, arg, .. } => {
                    asked.take(&name.to_string().to_lowercase(), arg)?;
                }
            }
        }
        let series = &asked.series;
        match (&series.query, &series.time, &series.target) {
            (None, None, None) | (Some(_), Some(_), Some(_)) => Ok(asked),
            _ => Err(plan_datafusion_err!("forecast: query, time and target go together; {USAGE}")),
        }
    }

    fn take(&mut self, name: &str, arg: &FunctionArgExpr) -> Result<()> {
        let value = text(name, arg)?;
        let series = &mut self.series;
        match name {
            "scope" => series.by = list(&value),
            "query" => series.query = Some(value),
            "time" => series.time = Some(value),
            "target" => series.target = Some(value),
            "known" => series.known = list(&value),
            "observed" => series.observed = list(&value),
            "time_zone" => series.time_zone = Some(value),
            "horizon" => {
                self.horizon = value.parse().map_err(|error| {
                    plan_datafusion_err!(
                        "forecast: horizon => '{value}' is no span of time ({error}); write 48h, 7d or 2w"
                    )
                })?;
            }
            "quantiles" => {
                let read = |level: &String| level.parse::<f64>().ok();
                let levels = list(&value).iter().map(read).collect::<Option<Vec<f64>>>();
                series.quantiles = levels
                    .filter(|levels| {
                        !levels.is_empty() && levels.iter().all(|p| *p > 0.0 && *p < 1.0)
                    })
                    .ok_or_else(|| {
                        plan_datafusion_err!(
                            "forecast: quantiles => '{value}' are not probabilities between 0 and 1, \
                             such as '0.1,0.5,0.9'"
                        )
                    })?;
            }
            _ => {
                return Err(plan_datafusion_err!("forecast: there is no argument {name}; {USAGE}"));
            }
        }
        Ok(())
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(fields(&self.series.quantiles)))
    }
}

/// Arguments are literals: what a forecast is of has to be known to plan with it.
fn text(name: &str, arg: &FunctionArgExpr) -> Result<String> {
    if let FunctionArgExpr::Expr(Written::Value(value)) = arg {
        match &value.value {
            Value::SingleQuotedString(text)
            | Value::DollarQuotedString(datafusion::sql::sqlparser::ast::DollarQuotedString {
                value: text,
                ..
            }) => return Ok(text.clone()),
            Value::Number(number, _) => return Ok(number.to_string()),
            _ => {}
        }
    }
    Err(plan_datafusion_err!("forecast: {name} must be text in quotes, not {arg}; {USAGE}"))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// A forecast that is made when it is first read.
struct Forecasts {
    lake: Arc<Lake>,
    as_of: Option<DateTime<Utc>>,
    asked: Asked,
    schema: SchemaRef,
    made: OnceCell<RecordBatch>,
}

impl fmt::Debug for Forecasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forecasts").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Forecasts {
    async fn make(&self) -> anyhow::Result<RecordBatch> {
        let session = self.lake.at(self.as_of).await?;
        if let Some(query) = &self.asked.series.query {
            // A forecast reads; its query may do nothing else.
            let only_reads = SQLOptions::new()
                .with_allow_ddl(false)
                .with_allow_dml(false)
                .with_allow_statements(false);
            session.sql_with_options(query, only_reads).await.context("query")?;
        }
        let scope = series::read(&session, &self.asked.series).await?;
        let horizon = series::whole_steps(&scope.series, *self.asked.horizon, "horizon")?;
        let quantiles = self.asked.series.quantiles.clone();
        let spec = ForecastSpec { quantiles: quantiles.clone(), ..ForecastSpec::new(horizon) };
        let made = tokio::task::spawn_blocking(move || forecast(&scope.series, &spec)).await??;
        rows(&made, &quantiles)
    }
}

#[async_trait]
impl TableProvider for Forecasts {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let said = |error: anyhow::Error| {
            // What the command line calls --by is an argument's name here.
            DataFusionError::Plan(format!("forecast: {error:#}").replace("--", ""))
        };
        let rows = self.made.get_or_try_init(|| self.make()).await.map_err(said)?;
        let rows = rows.clone().with_schema(self.schema())?;
        MemTable::try_new(self.schema(), vec![vec![rows]])?
            .scan(state, projection, &[], limit)
            .await
    }
}

//! Questions that a rollup answers without being named.
//!
//! Whoever sums up `consumption_daily` by days and axes, or `meter_reads` by
//! days, asks for sums that `consumption_by_axes` has already, and where no day
//! of a month is told from another ([`Months`]), `consumption_by_axes_monthly`:
//! [`FromRollup`] puts one in their place. The tables say so themselves
//! ([`Summed`]), and only while the rollup has seen all of their rows.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::datasource::{TableType, provider_as_source, source_as_provider};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::{sum, sum_udaf};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator,
    TableProviderFilterPushDown, col, lit,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::{ExecutionPlan, Statistics};
use datafusion::prelude::coalesce;
use loadstar_schema::Table;

use super::months::{DAY, Months};

/// A table whose rows a rollup has summed up.
#[derive(Debug)]
pub(crate) struct Summed {
    table: Arc<dyn TableProvider>,
    grain: Grain,
    /// From the fewest rows to the most.
    sums: Vec<Sums>,
}

/// A rollup by the axes as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    table: Table,
    rows: Arc<dyn TableProvider>,
    /// Those it sums up; else it has days.
    months: Option<Months>,
}

impl Sums {
    pub(crate) const fn by_day(rows: Arc<dyn TableProvider>) -> Self {
        Self { table: Table::ConsumptionByAxes, rows, months: None }
    }

    /// Of the months from the day `first` to `last`, in days since 1970.
    pub(crate) const fn by_month(rows: Arc<dyn TableProvider>, first: i32, last: i32) -> Self {
        let months = Some(Months::from_to(first, last));
        Self { table: Table::ConsumptionByAxesMonthly, rows, months }
    }

    /// Do they sum up the rows of `table`, rather than being them?
    pub(crate) fn are_of(&self, table: Table) -> bool {
        self.table != table
    }

    /// Does it have rows that `expr` tells apart, a column of the axes or days?
    fn can_tell(&self, expr: &Expr) -> bool {
        self.months.as_ref().is_none_or(|months| months.are_told(expr))
    }

    /// `expr` in the names of its columns.
    fn named(&self, expr: &Expr) -> Result<Expr> {
        let table = self.table.name();
        let expr = by_name(expr, Some(table))?;
        if self.months.is_none() {
            return Ok(expr);
        }
        let renamed = expr.transform(|expr| match expr {
            Expr::Column(column) if column.name == DAY => {
                Ok(Transformed::yes(Expr::Column(Column::new(Some(table), "month"))))
            }
            expr => Ok(Transformed::no(expr)),
        });
        Ok(renamed?.data)
    }
}

/// What a row of such a table is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grain {
    /// An interval of a meter, in any channel; those of `import` are summed up.
    Read,
    /// A customer's day.
    Day,
    /// A day of a combination of axes: `consumption_by_axes` itself.
    AxesDay,
}

impl Grain {
    /// The columns that the rollup tells rows apart by.
    const fn axes(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["day"],
            Self::Day => &[
                "day",
                "voltage_code",
                "tariff_code",
                "usage_code",
                "industry_code",
                "region_code",
                "service_type",
            ],
            Self::AxesDay => &[
                "day",
                "voltage_code",
                "tariff_code",
                "usage_code",
                "industry_code",
                "region_code",
                "service_type",
                "month",
            ],
        }
    }

    /// The columns that it has sums of, under the same name.
    const fn measures(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["energy_kwh"],
            Self::Day => &[
                "energy_kwh",
                "revenue",
                "interval_count",
                "expected_interval_count",
                "estimated_interval_count",
            ],
            Self::AxesDay => &[
                "energy_kwh",
                "revenue",
                "priced_energy_kwh",
                "row_count",
                "interval_count",
                "expected_interval_count",
                "estimated_interval_count",
            ],
        }
    }

    /// How many rows it has summed up.
    const fn rows(self) -> &'static str {
        match self {
            Self::Read => "interval_count",
            Self::Day => "row_count",
            Self::AxesDay => "day_count",
        }
    }
}

impl Summed {
    pub(crate) fn over(
        table: Arc<dyn TableProvider>,
        grain: Grain,
        sums: Vec<Sums>,
    ) -> Arc<dyn TableProvider> {
        Arc::new(Self { table, grain, sums })
    }

    /// Is it a column's name that never is NULL, so that counting it counts rows?
    fn is_never_null(&self, name: &str) -> bool {
        self.table.schema().field_with_name(name).is_ok_and(|field| !field.is_nullable())
    }

    /// An aggregate over the rows as one over the sums; `None` if they cannot
    /// tell.
    fn over_sums(&self, aggregate: &AggregateFunction) -> Option<Expr> {
        let AggregateFunction { func, params } = aggregate;
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return None;
        }
        let [arg] = params.args.as_slice() else { return None };
        let filter = params.filter.as_deref();
        let is = |known: &Arc<_>| func == known;
        let among_axes = filter.is_none_or(|filter| self.is_of_axes(filter));
        // How often a value comes does not matter to these.
        let any_number = params.distinct || is(&max_udaf()) || is(&min_udaf());
        if any_number && among_axes && self.is_of_axes(arg) {
            return Some(Expr::AggregateFunction(aggregate.clone()));
        }
        if params.distinct {
            return None;
        }
        let summed = match arg {
            Expr::Column(column) if is(&sum_udaf()) => {
                let measure = self.grain.measures().iter().find(|name| **name == column.name)?;
                let priced = matches!(self.grain, Grain::Day)
                    && filter == Some(&col("revenue").is_not_null());
                if !among_axes {
                    let is_priced = priced && *measure == "energy_kwh";
                    return is_priced.then(|| sum(col("priced_energy_kwh")));
                }
                measure
            }
            Expr::Column(column) if is(&count_udaf()) && self.is_never_null(&column.name) => {
                self.grain.rows()
            }
            Expr::Literal(value, _) if is(&count_udaf()) && !value.is_null() => self.grain.rows(),
            _ => return None,
        };
        if !among_axes {
            return None;
        }
        let sums = AggregateFunction::new_udf(
            sum_udaf(),
            vec![col(summed)],
            false,
            params.filter.clone(),
            Vec::new(),
            None,
        );
        Some(Expr::AggregateFunction(sums))
    }

    fn is_of_axes(&self, expr: &Expr) -> bool {
        let known = |column: &&Column| self.grain.axes().contains(&column.name.as_str());
        expr.column_refs().iter().all(known) && is_plain(expr)
    }
}

/// Does it say the same of equal rows, whenever and wherever asked?
fn is_plain(expr: &Expr) -> bool {
    let asks = |expr: &Expr| {
        matches!(
            expr,
            Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::Placeholder(_)
        )
    };
    !expr.is_volatile() && !expr.exists(|expr| Ok(asks(expr))).unwrap_or(true)
}

/// Puts sums by the axes in place of the rows they sum up.
#[derive(Debug)]
pub(crate) struct FromRollup;

impl OptimizerRule for FromRollup {
    fn name(&self) -> &'static str {
        "from_rollup"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let answer = Question::of(aggregate)?.map(|question| question.answer(aggregate));
        Ok(answer.transpose()?.flatten().map_or(Transformed::no(plan), Transformed::yes))
    }
}

/// An aggregate of nothing but rows of one summed table, all of it said in the
/// names of the table's columns.
struct Question {
    table: Arc<dyn TableProvider>,
    groups: Vec<Expr>,
    aggregates: Vec<Expr>,
    filters: Vec<Expr>,
}

impl Question {
    fn of(aggregate: &Aggregate) -> Result<Option<Self>> {
        let mut groups = aggregate.group_expr.clone();
        let mut aggregates = aggregate.aggr_expr.clone();
        let mut filters = Vec::new();
        let mut input = aggregate.input.as_ref();
        loop {
            let (schema, below): (&DFSchema, Vec<Expr>) = match input {
                LogicalPlan::Filter(filter) => {
                    filters.push(filter.predicate.clone());
                    input = filter.input.as_ref();
                    continue;
                }
                LogicalPlan::Projection(projection) => {
                    input = projection.input.as_ref();
                    (&projection.schema, projection.expr.clone())
                }
                LogicalPlan::SubqueryAlias(alias) => {
                    input = alias.input.as_ref();
                    (
                        &alias.schema,
                        input.schema().columns().into_iter().map(Expr::Column).collect(),
                    )
                }
                LogicalPlan::TableScan(scan) => {
                    let Ok(table) = source_as_provider(&scan.source) else { return Ok(None) };
                    if scan.fetch.is_some() || summed(&table).is_none() {
                        return Ok(None);
                    }
                    filters.extend(scan.filters.iter().cloned());
                    for expr in groups.iter_mut().chain(&mut aggregates).chain(&mut filters) {
                        *expr = by_name(expr, None)?;
                    }
                    let filters = filters.into_iter().flat_map(split_conjunction_owned).collect();
                    return Ok(Some(Self { table, groups, aggregates, filters }));
                }
                _ => return Ok(None),
            };
            for expr in groups.iter_mut().chain(&mut aggregates).chain(&mut filters) {
                *expr = put_below(expr, schema, &below)?;
            }
        }
    }

    /// The same, of the sums. `None` if they cannot tell.
    fn answer(mut self, aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
        let Some(summed) = summed(&self.table) else { return Ok(None) };
        if matches!(summed.grain, Grain::Read) {
            let before = self.filters.len();
            self.filters.retain(|filter| !is_import(filter));
            if self.filters.len() == before {
                return Ok(None);
            }
        }
        if !self.filters.iter().chain(&self.groups).all(|expr| summed.is_of_axes(expr)) {
            return Ok(None);
        }
        let mut sums = Vec::with_capacity(self.aggregates.len());
        for expr in &self.aggregates {
            let Expr::AggregateFunction(function) = expr.clone().unalias() else { return Ok(None) };
            let Some(expr) = summed.over_sums(&function) else { return Ok(None) };
            sums.push(expr);
        }
        let asked = || self.filters.iter().chain(&self.groups).chain(&sums);
        let from = summed.sums.iter().find(|from| asked().all(|expr| from.can_tell(expr)));
        let Some(from) = from else { return Ok(None) };

        let rows = provider_as_source(Arc::clone(&from.rows));
        let mut plan = LogicalPlanBuilder::scan(from.table.name(), rows, None)?;
        if let Some(filter) = conjunction(self.filters) {
            plan = plan.filter(from.named(&filter)?)?;
        }
        let mut groups = Vec::with_capacity(self.groups.len());
        for (place, group) in self.groups.into_iter().enumerate() {
            let group = from.named(&group)?;
            // Two names of one column are one column now.
            let sets = matches!(group, Expr::GroupingSet(_));
            groups.push(if sets { group } else { group.unalias().alias(format!("group{place}")) });
        }
        let mut aggregates = Vec::with_capacity(sums.len());
        for (place, expr) in sums.iter().enumerate() {
            aggregates.push(from.named(expr)?.alias(format!("aggregate{place}")));
        }
        let input = Arc::new(plan.build()?);
        let first = aggregate.schema.fields().len() - aggregates.len();
        let answer = Aggregate::try_new(input, groups, aggregates)?;
        let mut columns = Vec::with_capacity(aggregate.schema.fields().len());
        for (place, (qualifier, field)) in aggregate.schema.iter().enumerate() {
            let found = Expr::Column(answer.schema.columns()[place].clone());
            let mut column = found.cast_to(field.data_type(), &answer.schema)?;
            // A count of nothing is 0, a sum of nothing NULL.
            if place >= first && !field.is_nullable() {
                column = coalesce(vec![column, lit(ScalarValue::new_zero(field.data_type())?)]);
            }
            columns.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        let plan = LogicalPlanBuilder::from(LogicalPlan::Aggregate(answer));
        plan.project(columns)?.build().map(Some)
    }
}

fn summed(table: &Arc<dyn TableProvider>) -> Option<&Summed> {
    let table: &dyn Any = table.as_ref();
    table.downcast_ref()
}

/// An expression in the terms of the plan below, of which `schema` names the
/// columns that `below` computes.
fn put_below(expr: &Expr, schema: &DFSchema, below: &[Expr]) -> Result<Expr> {
    let put = expr.clone().transform(|expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        let place = schema.index_of_column(column)?;
        Ok(Transformed::yes(below[place].clone().unalias_nested().data))
    });
    Ok(put?.data)
}

/// An expression whose columns are told by their names alone, or as those of
/// one table.
fn by_name(expr: &Expr, table: Option<&str>) -> Result<Expr> {
    let named = expr.clone().transform(|expr| {
        let Expr::Column(column) = expr else { return Ok(Transformed::no(expr)) };
        let column = Column::new(table, column.name);
        Ok(Transformed::yes(Expr::Column(column)))
    });
    Ok(named?.data)
}

/// `channel = 'import'`.
fn is_import(filter: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else {
        return false;
    };
    let is_channel = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "channel");
    let is_value = |expr: &Expr| {
        let Expr::Literal(value, _) = expr else { return false };
        value.try_as_str().flatten() == Some("import")
    };
    is_channel(left) && is_value(right) || is_value(left) && is_channel(right)
}

#[async_trait]
impl TableProvider for Summed {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }
}

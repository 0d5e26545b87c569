//! `information_schema.tables` and `information_schema.columns` say what views
//! and their columns are, in a `comment` and a `comment_zh` after the standard's
//! columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, col};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::TableFactor;

use crate::queries;

const SCHEMA: &str = "information_schema";
const COMMENTS: &str = "comments";

/// Makes a session's `information_schema` tell comments.
pub(crate) fn register(ctx: &SessionContext) {
    // Only a session whose SQL is not DataFusion's own refuses.
    drop(ctx.register_relation_planner(Arc::new(Commented)));
}

/// Plans these two tables with the comments beside their own columns.
#[derive(Debug)]
struct Commented;

impl RelationPlanner for Commented {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (name, alias) = match &relation {
            TableFactor::Table { name, alias, args: None, .. } if name.0.len() > 1 => {
                (name.clone(), alias.clone())
            }
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let reference = context.object_name_to_table_reference(name)?;
        let (comments, keys): (_, &[&str]) = match (reference.schema(), reference.table()) {
            (Some(SCHEMA), "tables") => (of_views()?, &["table_schema", "table_name"]),
            (Some(SCHEMA), "columns") => {
                (of_columns()?, &["table_schema", "table_name", "column_name"])
            }
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let own = context.context_provider().get_table_source(reference.clone())?;
        let own = LogicalPlanBuilder::scan(reference.clone(), own, None)?;
        let plan = beside(own, reference, comments, keys)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// `own` and its columns' comments, under its name.
fn beside(
    own: LogicalPlanBuilder,
    name: TableReference,
    comments: Arc<dyn TableProvider>,
    keys: &[&str],
) -> Result<LogicalPlan> {
    let mut columns: Vec<Expr> = own.schema().columns().into_iter().map(Expr::Column).collect();
    columns.extend(["comment", "comment_zh"].map(|label| col(Column::new(Some(COMMENTS), label))));
    let comments =
        LogicalPlanBuilder::scan(COMMENTS, provider_as_source(comments), None)?.build()?;
    let left = keys.iter().map(|key| Column::new(Some(name.clone()), *key)).collect::<Vec<_>>();
    let right = keys.iter().map(|key| Column::new(Some(COMMENTS), *key)).collect::<Vec<_>>();
    own.join(comments, JoinType::Left, (left, right), None)?.project(columns)?.alias(name)?.build()
}

/// The question that each view answers.
fn of_views() -> Result<Arc<dyn TableProvider>> {
    let views = || queries::session_views();
    table([
        ("table_schema", views().map(|(schema, _)| schema.to_owned()).collect()),
        ("table_name", views().map(|(_, query)| query.name.to_owned()).collect()),
        ("comment", views().map(|(_, query)| query.says("Question")).collect()),
        ("comment_zh", views().map(|(_, query)| query.question_zh()).collect()),
    ])
}

/// What each column of each view is.
fn of_columns() -> Result<Arc<dyn TableProvider>> {
    let columns: Vec<_> = queries::session_views()
        .flat_map(|(schema, query)| {
            query.columns().into_iter().map(move |column| (schema, query.name, column))
        })
        .collect();
    let text = |of: fn(&(&'static str, &'static str, queries::Column)) -> &'static str| {
        columns.iter().map(|column| of(column).to_owned()).collect::<Vec<String>>()
    };
    table([
        ("table_schema", text(|(schema, ..)| schema)),
        ("table_name", text(|(_, name, _)| name)),
        ("column_name", text(|(.., column)| column.name)),
        ("comment", text(|(.., column)| column.en)),
        ("comment_zh", text(|(.., column)| column.zh)),
    ])
}

fn table<const N: usize>(columns: [(&str, Vec<String>); N]) -> Result<Arc<dyn TableProvider>> {
    let columns =
        columns.map(|(name, column)| (name, Arc::new(StringArray::from(column)) as ArrayRef, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns)?;
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

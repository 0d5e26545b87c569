//! What views and their columns are, for people: as fields' metadata, and as the
//! tables `catalogue.views` and `catalogue.columns`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use crate::queries::{self, Query};

pub(crate) const VIEWS: &str = "views";
pub(crate) const COLUMNS: &str = "columns";

/// What each view answers, of what grain, in which units and of which month.
pub(crate) fn views() -> Result<Arc<dyn TableProvider>> {
    let views: Vec<(&str, &Query)> = queries::session_views().collect();
    let text = |of: &dyn Fn(&(&str, &Query)) -> String| -> ArrayRef {
        Arc::new(views.iter().map(|view| Some(of(view))).collect::<StringArray>())
    };
    table(vec![
        ("table_schema", text(&|(schema, _)| (*schema).to_owned())),
        ("table_name", text(&|(_, query)| query.name.to_owned())),
        ("question", text(&|(_, query)| query.says("Question"))),
        ("question_zh", text(&|(_, query)| query.question_zh())),
        ("grain", text(&|(_, query)| query.says("Grain"))),
        ("units", text(&|(_, query)| query.says("Units"))),
        ("month", text(&|(_, query)| query.says("Month"))),
    ])
}

/// The columns of each view with their type and labels, in their order. All
/// views are planned for it.
pub(crate) async fn columns(ctx: &SessionContext) -> Result<Arc<dyn TableProvider>> {
    let mut places = Vec::new();
    let (mut schemas, mut names, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    let (mut types, mut english, mut chinese) = (Vec::new(), Vec::new(), Vec::new());
    for (schema, query) in queries::session_views() {
        let found = ctx.table_provider(format!("{schema}.{}", query.name)).await?.schema();
        let labels = query.columns();
        for (place, field) in (1_i32..).zip(found.fields()) {
            let label = labels.iter().find(|label| label.name == field.name());
            places.push(place);
            schemas.push(schema);
            names.push(query.name);
            columns.push(field.name().clone());
            types.push(field.data_type().to_string());
            english.push(label.map(|label| label.en));
            chinese.push(label.map(|label| label.zh));
        }
    }
    table(vec![
        ("table_schema", Arc::new(StringArray::from(schemas))),
        ("table_name", Arc::new(StringArray::from(names))),
        ("ordinal_position", Arc::new(Int32Array::from(places))),
        ("column_name", Arc::new(StringArray::from(columns))),
        ("data_type", Arc::new(StringArray::from(types))),
        ("comment_en", Arc::new(StringArray::from(english))),
        ("comment_zh", Arc::new(StringArray::from(chinese))),
    ])
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )?;
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// A view whose fields carry their labels as metadata `comment` and
/// `comment_zh`.
#[derive(Debug)]
pub(crate) struct Labelled {
    view: Arc<dyn TableProvider>,
    schema: SchemaRef,
}

impl Labelled {
    pub(crate) fn new(view: Arc<dyn TableProvider>, query: &Query) -> Self {
        let plain = view.schema();
        let labels = query.columns();
        let fields: Vec<Field> = plain
            .fields()
            .iter()
            .map(|field| {
                let field = field.as_ref().clone();
                let Some(label) = labels.iter().find(|label| label.name == field.name()) else {
                    return field;
                };
                field.with_metadata(HashMap::from([
                    ("comment".to_owned(), label.en.to_owned()),
                    ("comment_zh".to_owned(), label.zh.to_owned()),
                ]))
            })
            .collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, plain.metadata().clone()));
        Self { view, schema }
    }
}

#[async_trait]
impl TableProvider for Labelled {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.view.table_type()
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.view.get_table_definition()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.view.get_logical_plan()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.view.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.view.scan(state, projection, filters, limit).await
    }
}

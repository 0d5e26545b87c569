//! Inputs of the risk models, as they were known at past instants.

use std::sync::Arc;

use arrow::array::{RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result as QueryResult};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use loadstar_schema::timestamp_type;

use crate::queries::{self, Query};
use crate::{Lake, LakeError};

/// Which model's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Features {
    /// One row a bill at its issue; label: more than 1 currency unit of it is
    /// unpaid 30 days past due.
    Arrears,
    /// One row an active customer at an instant; label: closed or suspended
    /// within the 90 days after.
    Churn,
}

impl Lake {
    /// Rows for training and scoring at each of the `instants`. Columns: `id`,
    /// `customer_id`, `as_of`, `exposure` (currency a month), `label` (1, 0, or
    /// NULL while its horizon has not passed), then the features.
    ///
    /// Every feature is made from rows available at its `as_of` alone; only
    /// labels look later. For [`Features::Arrears`] an instant takes in the
    /// bills issued in the 31 days up to it, each `as_of` its own arrival.
    ///
    /// # Errors
    /// [`LakeError::Shipped`] or [`LakeError::Table`] if the lake cannot be read.
    pub async fn features(
        &self,
        kind: Features,
        instants: &[DateTime<Utc>],
    ) -> Result<Vec<RecordBatch>, LakeError> {
        let now = self.of_contract(None).await?;
        match kind {
            Features::Arrears => {
                let query = find("arrears")?;
                let table = instants_table(instants)?;
                let answer = async {
                    now.register_table("instants", Arc::new(table))?;
                    now.sql(query.sql).await?.collect().await
                };
                answer.await.map_err(|error| LakeError::of_shipped(query.name, &error))
            }
            Features::Churn => {
                let mut rows = Vec::new();
                for &instant in instants {
                    let then = self.of_contract(Some(instant)).await?;
                    rows.extend(churn(&then, &now, instant).await?);
                }
                Ok(rows)
            }
        }
    }
}

/// Features from what was known then, labels from what is known now.
async fn churn(
    then: &SessionContext,
    now: &SessionContext,
    instant: DateTime<Utc>,
) -> Result<Vec<RecordBatch>, LakeError> {
    let (query, label) = (find("churn")?, find("churn_label")?);
    let features = at(then, query, instant).await;
    let features = features.map_err(|error| LakeError::of_shipped(query.name, &error))?;
    let labelled = async {
        let Some(first) = features.first() else { return Ok(Vec::new()) };
        let table = MemTable::try_new(first.schema(), vec![features.clone()])?;
        now.deregister_table("churn_features")?;
        now.register_table("churn_features", Arc::new(table))?;
        at(now, label, instant).await
    };
    labelled.await.map_err(|error| LakeError::of_shipped(label.name, &error))
}

async fn at(
    ctx: &SessionContext,
    query: &Query,
    instant: DateTime<Utc>,
) -> QueryResult<Vec<RecordBatch>> {
    let instant =
        ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some("UTC".into()));
    let plan = ctx.sql(query.sql).await?;
    plan.with_param_values(vec![("as_of", instant)])?.collect().await
}

fn find(name: &str) -> Result<&'static Query, LakeError> {
    queries::FEATURES.iter().find(|query| query.name == name).ok_or_else(|| LakeError::Shipped {
        name: name.to_owned(),
        reason: "no such query".to_owned(),
    })
}

fn instants_table(instants: &[DateTime<Utc>]) -> Result<MemTable, LakeError> {
    let schema = Arc::new(Schema::new(vec![Field::new("as_of", timestamp_type(), false)]));
    let column: TimestampMicrosecondArray =
        instants.iter().map(|instant| Some(instant.timestamp_micros())).collect();
    let column = Arc::new(column.with_timezone("UTC"));
    let rows = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
    MemTable::try_new(schema, vec![vec![rows]])
        .map_err(|error: DataFusionError| LakeError::of_shipped("instants", &error))
}

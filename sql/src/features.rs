//! Inputs of the risk models, as they were known at past instants.

use std::sync::Arc;

use arrow::array::{RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result as QueryResult};
use datafusion::execution::SpillFile;
use datafusion::prelude::{ParquetReadOptions, SessionContext, col, lit};
use datafusion::scalar::ScalarValue;
use loadstar_schema::timestamp_type;

use crate::queries::{self, Query};
use crate::session::{self, Answered};
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
    /// One row an active customer with a meter at an instant; label: a case of
    /// theft opened in the 30 days after was confirmed.
    Theft,
}

impl Features {
    /// The features, and where they are those of one instant, the labels of its
    /// rows.
    const fn queries(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Arrears => ("arrears", None),
            Self::Churn => ("churn", Some("churn_label")),
            Self::Theft => ("theft", Some("theft_label")),
        }
    }
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
        if instants.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.of_contract(None).await?;
        let (name, label) = kind.queries();
        let query = find(name)?;
        let Some(label) = label else {
            let table = instants_table(instants)?;
            let answer = async {
                now.register_table("instants", Arc::new(table))?;
                now.sql(query.sql).await?.collect().await
            };
            return answer.await.map_err(|error| LakeError::of_shipped(query.name, &error));
        };
        let label = find(label)?;
        let mut rows = Vec::new();
        for &instant in instants {
            let of_features = |error| LakeError::of_shipped(query.name, &error);
            let mut then = self.of_contract(Some(instant)).await?;
            let aside = match kind {
                Features::Theft => Some(put_aside(&then, instant).await.map_err(of_features)?),
                Features::Arrears | Features::Churn => None,
            };
            if let Some((_, answered)) = &aside {
                let tables = self.tables().await?;
                then = session::of_contract(self, &tables, Some(instant), answered).await?;
            }
            let features = at(&then, query, instant).await.map_err(of_features)?;
            let labelled = labelled(&now, features, label, instant).await;
            rows.extend(labelled.map_err(|error| LakeError::of_shipped(label.name, &error))?);
        }
        Ok(rows)
    }
}

/// Puts aside what evidence of theft is made from: the days it looks at, summed
/// up once. The views of a past instant read all that had landed, each time they
/// are asked. The file is to be kept while it is read.
async fn put_aside(
    then: &SessionContext,
    instant: DateTime<Utc>,
) -> QueryResult<(Arc<dyn SpillFile>, Answered)> {
    let file = then.runtime_env().disk_manager.create_tmp_file("days of consumption")?;
    let path = file.path().map(|path| path.to_string_lossy().into_owned());
    let path = path.ok_or_else(|| DataFusionError::Internal("a spill without a file".into()))?;
    let days = at(then, &THEFT_DAYS, instant).await?;
    let first = days.first().map(|batch| ScalarValue::try_from_array(batch.column(0), 0));
    let first = first.transpose()?.unwrap_or(ScalarValue::Date32(None));
    let single = DataFrameWriteOptions::new().with_single_file_output(true);
    let recent = then.table(CONSUMPTION).await?.filter(col("day").gt_eq(lit(first)))?;
    recent.write_parquet(&path, single, None).await?;
    let of_any_name = ParquetReadOptions::new().file_extension("");
    let rows = then.read_parquet(&path, of_any_name).await?.into_view();
    Ok((file, Answered::from([(CONSUMPTION, rows)])))
}

/// The view that is put aside.
const CONSUMPTION: &str = "consumption_daily";

/// Features as they were known at the instant, with labels from what is known now.
async fn labelled(
    now: &SessionContext,
    features: Vec<RecordBatch>,
    label: &Query,
    instant: DateTime<Utc>,
) -> QueryResult<Vec<RecordBatch>> {
    let Some(first) = features.first() else { return Ok(Vec::new()) };
    let table = MemTable::try_new(first.schema(), vec![features.clone()])?;
    now.deregister_table("features_then")?;
    now.register_table("features_then", Arc::new(table))?;
    at(now, label, instant).await
}

/// The first day that evidence of theft looks at: that of `inspection.suspects`,
/// at least the 112 days of the features beside it.
const THEFT_DAYS: Query = Query {
    name: "theft_days",
    sql: "SELECT CAST(settlement_day($as_of) - CAST(greatest(coalesce(sum(value), 0), 112) AS BIGINT) AS DATE)
        FROM limits_by_day
        WHERE view_name = 'inspection.suspects' AND parameter IN ('recent_days', 'before_days')
            AND settlement_day($as_of) >= first_day AND settlement_day($as_of) <= last_day",
};

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

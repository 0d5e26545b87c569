//! Risk models in the lake: fitted, kept, applied.

use std::sync::Arc;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int32Type, Schema, SchemaRef};
use chrono::{DateTime, Days, Months, Utc};
use loadstar_models::risk::{RiskError, RiskModel, RiskSpec, RiskTable, Score};
use loadstar_schema::Table;
use loadstar_schema::day;
use loadstar_sql::{Features, Lake, collect};

use crate::reasons::Wording;
use crate::rows::rows;

/// The seed of every scheduled model; folds and fits are the same each time.
pub const SEED: u64 = 7;

/// One of the models that Loadstar makes from the lake's own features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// Name it is kept under.
    pub name: &'static str,
    /// Where its rows come from.
    pub features: Features,
    /// Which of their labels it learns.
    label: &'static str,
    /// Days after its instant until the outcome is known.
    pub horizon_days: u64,
    /// Training instants, a month apart.
    instants: u32,
    action_from: &'static [(f64, &'static str)],
}

impl Kind {
    /// Days that training looks back on.
    pub const fn window_days(self) -> u64 {
        self.horizon_days + (self.instants as u64 - 1) * 30
    }
}

/// Who will not pay.
pub const ARREARS: Kind = Kind {
    name: "arrears",
    features: Features::Arrears,
    label: "label",
    horizon_days: 62,
    instants: 9,
    action_from: &[(0.6, "guarantee or prepayment"), (0.3, "payment plan"), (0.1, "reminder")],
};

/// Who will be closed or suspended.
pub const CHURN: Kind = Kind {
    name: "churn",
    features: Features::Churn,
    label: "label",
    horizon_days: 90,
    instants: 8,
    action_from: &[(0.5, "visit"), (0.2, "tariff advice"), (0.05, "call")],
};

/// Who will buy from another seller.
pub const CHURN_SWITCHED: Kind = Kind {
    name: "churn_switched",
    label: "label_switched",
    action_from: &[(0.3, "offer"), (0.1, "tariff advice")],
    ..CHURN
};

/// Who will generate.
pub const CHURN_OWN_GENERATION: Kind = Kind {
    name: "churn_own_generation",
    label: "label_own_generation",
    action_from: &[(0.2, "energy service")],
    ..CHURN
};

/// Who will use half or less without saying so.
pub const CHURN_SUSTAINED_DROP: Kind = Kind {
    name: "churn_sustained_drop",
    label: "label_sustained_drop",
    action_from: &[(0.3, "visit"), (0.1, "call")],
    ..CHURN
};

/// Who uses past the meter.
pub const THEFT: Kind = Kind {
    name: "theft",
    features: Features::Theft,
    label: "label",
    horizon_days: 30,
    instants: 12,
    action_from: &[(0.1, "inspection"), (0.02, "check of the meter's alarms")],
};

/// All of them, those together that learn from the same rows.
pub const FAMILIES: &[&[Kind]] =
    &[&[ARREARS], &[CHURN, CHURN_SWITCHED, CHURN_OWN_GENERATION, CHURN_SUSTAINED_DROP], &[THEFT]];

/// What the rows of a feature query have beside features and labels.
const BESIDE: &[&str] = &["id", "customer_id", "as_of", "exposure"];

/// Rows to learn from, and rows to score.
pub struct Prepared {
    training: RecordBatch,
    pub scoring: RecordBatch,
    /// The instant that is scored.
    pub as_of: DateTime<Utc>,
    /// The training period in words.
    pub window: String,
}

impl Prepared {
    /// What a kind learns from: the rows whose outcome is known.
    pub fn known(&self, kind: Kind) -> Result<RiskTable> {
        let label = self.training.column_by_name(kind.label);
        let label = label.with_context(|| format!("the features have no {}", kind.label))?;
        let known = is_not_null(label)?;
        table(&filter_record_batch(&self.training, &known)?, Some(kind.label))
    }

    /// The rows to score.
    pub fn asked(&self) -> Result<RiskTable> {
        table(&self.scoring, None)
    }
}

/// Reads the rows of a kind, and of those of its family: monthly instants back
/// from the newest data.
pub async fn prepare(lake: &Lake, kind: Kind) -> Result<Prepared> {
    gather(lake, kind, kind.instants).await
}

/// Reads the rows to score alone.
pub async fn prepare_to_score(lake: &Lake, kind: Kind) -> Result<Prepared> {
    gather(lake, kind, 0).await
}

async fn gather(lake: &Lake, kind: Kind, months: u32) -> Result<Prepared> {
    let as_of = newest(lake).await?;
    let last = as_of.checked_sub_days(Days::new(kind.horizon_days)).context("a past instant")?;
    let mut instants: Vec<DateTime<Utc>> =
        (0..months).filter_map(|months| last.checked_sub_months(Months::new(months))).collect();
    instants.sort_unstable();
    let training = lake.features(kind.features, &instants).await?;
    let scoring = lake.features(kind.features, &[as_of]).await?;
    let Some(first) = training.first().or(scoring.first()) else {
        bail!(Error::new(RiskError::NoRows).context(format!(
            "the lake has no rows to score for {}: it needs customers, reads and bills",
            kind.name
        )));
    };
    let schema = first.schema();
    let from = instants.first().copied().unwrap_or(last);
    Ok(Prepared {
        window: format!("{} to {}", from.date_naive(), last.date_naive()),
        training: unified(&schema, &training)?,
        scoring: unified(&schema, &scoring)?,
        as_of,
    })
}

/// Is it only that too little has happened yet for a model to learn from?
pub fn too_little_history(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(RiskError::NoRows | RiskError::TooFewOfClass { .. }))
}

fn unified(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    Ok(concat_batches(schema, batches)?)
}

/// The lake's "now": the end of the last day with consumption, so that a
/// replay of old data is scored as of its own time.
async fn newest(lake: &Lake) -> Result<DateTime<Utc>> {
    let session = lake.at(None).await?;
    let batches = collect(&session, "SELECT max(day) AS day FROM consumption_daily").await?;
    let last = rows(&batches).next().map(|row| row.date("day")).transpose()?.flatten();
    let last = last.context(
        "the lake has no consumption yet; land reads, then run `loadstar maintain rollup`",
    )?;
    Ok(day::end(last))
}

/// As the models take them. A row to learn from is its customer's, at its
/// instant: folds keep customers whole, and the latest instants are foretold.
fn table(rows: &RecordBatch, label: Option<&str>) -> Result<RiskTable> {
    let named = if label.is_some() { "customer_id" } else { "id" };
    let id = rows.column_by_name(named).with_context(|| format!("the features have no {named}"))?;
    let (mut fields, mut columns) = (vec![Field::new("id", DataType::Utf8, false)], vec![]);
    columns.push(cast(id, &DataType::Utf8)?);
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let name = field.name().as_str();
        let beside = BESIDE.contains(&name) || name.starts_with("label");
        if label == Some(name) || !beside {
            fields.push(field.as_ref().clone());
            columns.push(column.clone());
        }
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let table = RiskTable::from_batches(&[batch], "id", label)?;
    if label.is_none() {
        return Ok(table);
    }
    let as_of = rows.column_by_name("as_of").context("the features have no as_of")?;
    let days = cast(&cast(as_of, &DataType::Date32)?, &DataType::Int32)?;
    let days = days.as_primitive::<Int32Type>().values().iter().map(|&day| i64::from(day));
    Ok(table.with_instants(days.collect())?)
}

/// The specification of a model of this name.
pub fn spec(name: &str) -> RiskSpec {
    RiskSpec::new(name).seed(SEED)
}

/// That of a kind's model.
pub fn spec_of(kind: Kind, window: &str) -> RiskSpec {
    spec(kind.name).embargo_days(kind.horizon_days as i64).training_window(window)
}

/// Keeps a model in the lake; returns its version.
pub async fn keep(lake: &Lake, model: &RiskModel, fitted_at: DateTime<Utc>) -> Result<String> {
    keep_artifact(
        lake,
        Artifact {
            name: &model.name,
            kind: "risk",
            fitted_at,
            window: model.training_window.as_deref().unwrap_or(""),
            scores_json: serde_json::to_string(model.scores())?,
            artifact_json: model.to_json()?,
        },
    )
    .await
}

/// A row of the table `models`.
pub struct Artifact<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub fitted_at: DateTime<Utc>,
    pub window: &'a str,
    pub scores_json: String,
    pub artifact_json: String,
}

/// Appends it; the version is the time of fitting.
pub async fn keep_artifact(lake: &Lake, artifact: Artifact<'_>) -> Result<String> {
    let version = artifact.fitted_at.format("%Y%m%dT%H%M%S%.3fZ").to_string();
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let fitted_at = TimestampMicrosecondArray::from(vec![artifact.fitted_at.timestamp_micros()]);
    let columns = vec![
        text(artifact.name),
        text(&version),
        text(artifact.kind),
        Arc::new(fitted_at.with_timezone("UTC")),
        text(artifact.window),
        text(&artifact.scores_json),
        text(&artifact.artifact_json),
    ];
    let batch = RecordBatch::try_new(Table::Models.schema(), columns)?;
    lake.append(Table::Models, vec![batch]).await?;
    Ok(version)
}

/// The newest model of a name, and its version.
pub async fn kept(lake: &Lake, name: &str) -> Result<(RiskModel, String)> {
    let session = lake.at(None).await?;
    let query = format!(
        "SELECT version, artifact_json FROM models WHERE name = '{}' AND kind = 'risk' \
         ORDER BY fitted_at DESC LIMIT 1",
        name.replace('\'', "''")
    );
    let batches = collect(&session, &query).await?;
    let row = rows(&batches).next();
    let row = row.ok_or_else(|| {
        anyhow!("the lake keeps no model named {name}; fit one with `loadstar risk fit`")
    })?;
    let text = row.text("artifact_json")?.context("a model without an artifact")?;
    let model = RiskModel::from_json(&text).with_context(|| {
        format!("the model {name} in the lake; fit it anew with `loadstar risk fit`")
    })?;
    Ok((model, row.text("version")?.unwrap_or_default()))
}

/// Appends a run of scores to the table `risk_scores`.
pub async fn store(
    lake: &Lake,
    kind: Kind,
    version: &str,
    prepared: &Prepared,
    scores: &[Score],
) -> Result<()> {
    let run_id = format!("{}-{}-{version}", kind.name, prepared.as_of.format("%Y%m%dT%H%M%SZ"));
    let same = |text: &str| Arc::new(StringArray::from(vec![text; scores.len()])) as ArrayRef;
    let wording = Wording::of(lake).await?;
    let reason = |place: usize, chinese: bool| {
        let worded = scores.iter().map(|score| {
            let (en, zh) = wording.both(score.reasons[place].as_ref()?);
            Some(if chinese { zh } else { en })
        });
        Arc::new(worded.collect::<StringArray>()) as ArrayRef
    };
    let as_of =
        TimestampMicrosecondArray::from(vec![prepared.as_of.timestamp_micros(); scores.len()]);
    let probabilities: Float64Array = scores.iter().map(|score| Some(score.probability)).collect();
    let ids: StringArray = scores.iter().map(|score| Some(score.id.as_str())).collect();
    let actions: StringArray = scores.iter().map(|score| action(kind, score.probability)).collect();
    let columns: Vec<ArrayRef> = vec![
        same(&run_id),
        same(kind.name),
        same(version),
        Arc::new(as_of.with_timezone("UTC")),
        Arc::new(ids),
        Arc::new(probabilities),
        Arc::new(exposures(&prepared.scoring)?),
        reason(0, false),
        reason(1, false),
        reason(2, false),
        reason(0, true),
        reason(1, true),
        reason(2, true),
        Arc::new(actions),
    ];
    let batch = RecordBatch::try_new(Table::RiskScores.schema(), columns)?;
    Ok(lake.append(Table::RiskScores, vec![batch]).await?)
}

fn exposures(rows: &RecordBatch) -> Result<Decimal128Array> {
    let column = rows.column_by_name("exposure").context("the features have no exposure")?;
    let column = cast(column, &DataType::Decimal128(18, 2))?;
    Ok(column.as_primitive::<Decimal128Type>().clone())
}

fn action(kind: Kind, probability: f64) -> Option<&'static str> {
    kind.action_from.iter().find(|(from, _)| probability >= *from).map(|(_, action)| *action)
}

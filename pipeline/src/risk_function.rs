//! `SELECT risk_score('late', amount, tenure, region) FROM …`: a kept model as a
//! function of a query's columns, in the shell and over the wire.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use async_trait::async_trait;
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use loadstar_models::risk::{Reason, RiskModel, RiskTable, Score};
use loadstar_sql::Lake;
use tokio::sync::Mutex;

use crate::scoring;

/// How long a model is taken for the newest of its name.
const FRESH: Duration = Duration::from_secs(30);
/// Column that names the rows of a batch to the model.
const ROW: &str = "row of the query";

/// Lets a session's queries apply the models that the lake keeps.
pub fn register(session: &SessionContext, lake: &Arc<Lake>) {
    let kept = Arc::new(Kept { lake: Arc::clone(lake), models: Mutex::default() });
    for tells in [Tells::Probability, Tells::Reasons] {
        let function = Function {
            tells,
            kept: Arc::clone(&kept),
            signature: Signature::variadic_any(Volatility::Stable),
        };
        session.register_udf(AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf());
    }
}

/// The models that were asked for, and when each was read.
struct Kept {
    lake: Arc<Lake>,
    models: Mutex<HashMap<String, (Instant, Arc<RiskModel>)>>,
}

impl Kept {
    async fn named(&self, name: &str) -> anyhow::Result<Arc<RiskModel>> {
        let mut models = self.models.lock().await;
        if let Some((read, model)) = models.get(name)
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(model));
        }
        let (model, _) = scoring::kept(&self.lake, name).await?;
        let model = Arc::new(model);
        models.insert(name.to_owned(), (Instant::now(), Arc::clone(&model)));
        Ok(model)
    }
}

/// What a function says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tells {
    Probability,
    Reasons,
}

struct Function {
    tells: Tells,
    kept: Arc<Kept>,
    signature: Signature,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Function").field(&self.tells).finish()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.tells == other.tells && Arc::ptr_eq(&self.kept, &other.kept)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tells.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.tells {
            Tells::Probability => "risk_score",
            Tells::Reasons => "risk_reasons",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if arguments.len() < 2 {
            let name = self.name();
            return plan_err!(
                "{name}: write {name}('MODEL', column, …) with the columns that the model was \
                 fitted to, by their names"
            );
        }
        Ok(match self.tells {
            Tells::Probability => DataType::Float64,
            Tells::Reasons => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        plan_err!("{} is applied to the rows of a query: add FROM", self.name())
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Function {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let said = |error: anyhow::Error| {
            DataFusionError::Execution(format!("{}: {error:#}", self.name()))
        };
        let scores = self.scores(args).await.map_err(said)?;
        let told: ArrayRef = match self.tells {
            Tells::Probability => Arc::new(
                scores.iter().map(|score| Some(score.probability)).collect::<Float64Array>(),
            ),
            Tells::Reasons => Arc::new(scores.iter().map(reasons).collect::<StringArray>()),
        };
        Ok(ColumnarValue::Array(told))
    }
}

impl Function {
    async fn scores(&self, args: ScalarFunctionArgs) -> anyhow::Result<Vec<Score>> {
        let rows = args.number_rows;
        let Some((model, features)) = args.args.split_first() else { bail!("no model is named") };
        let name = match model {
            ColumnarValue::Scalar(scalar) => scalar.try_as_str().flatten().map(str::to_owned),
            // A literal may come as a column of itself.
            ColumnarValue::Array(array) if !array.is_empty() => {
                let first = ScalarValue::try_from_array(array, 0)?;
                first.try_as_str().flatten().map(str::to_owned)
            }
            ColumnarValue::Array(_) => return Ok(Vec::new()),
        };
        let name = name.context("the first argument is the model's name, in quotes")?;
        let ids: StringArray = (0..rows).map(|row| Some(row.to_string())).collect();
        let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new(ROW, DataType::Utf8, false))];
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ids)];
        for (value, field) in features.iter().zip(args.arg_fields.iter().skip(1)) {
            let column = value.to_array(rows)?;
            match column.as_struct_opt() {
                // named_struct('amount', a + b, …) names what has no name.
                Some(named) => {
                    fields.extend(named.fields().iter().cloned());
                    columns.extend(named.columns().iter().cloned());
                }
                None => {
                    fields.push(Arc::clone(field));
                    columns.push(column);
                }
            }
        }
        let nullable = |field: FieldRef| field.as_ref().clone().with_nullable(true);
        let schema = Schema::new(fields.into_iter().map(nullable).collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), columns)?;
        let model = self.kept.named(&name).await?;
        let tells = self.tells;
        let scored = tokio::task::spawn_blocking(move || {
            let table = RiskTable::from_batches(&[batch], ROW, None)?;
            match tells {
                Tells::Reasons => model.score(&table),
                Tells::Probability => model.score_only(&table),
            }
        });
        Ok(scored.await??)
    }
}

/// The reasons in one text, the strongest first; NULL where there are none.
fn reasons(score: &Score) -> Option<String> {
    let told: Vec<String> = score.reasons.iter().flatten().map(Reason::text_en).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

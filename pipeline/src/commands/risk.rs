//! `loadstar risk`: fit, score, evaluate; the lake's own models or any query's.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use chrono::NaiveDate;
use loadstar_models::risk::{self, Evaluation, RiskTable, Score};
use loadstar_sql::{Lake, collect};
use serde::Serialize;

use crate::UsageError;
use crate::cli::{RiskAction, RiskArgs, RiskKind};
use crate::commands::open_lake;
use crate::commands::report::now;
use crate::context::Context;
use crate::output::{emit, format_of};
use crate::scoring::{
    self, ARREARS, CHURN, CHURN_OWN_GENERATION, CHURN_SUSTAINED_DROP, CHURN_SWITCHED, Kind, THEFT,
};
use crate::terminal::{Stage, Stages, thousands, write_stdout};

/// Does what was asked, with the rows that were asked for.
pub async fn run(args: RiskArgs, context: Context) -> Result<()> {
    if let Some(path) = &args.output {
        if args.action != RiskAction::Score {
            bail!(UsageError::new("--output takes the scores: it goes with `risk score`"));
        }
        // A name that tells no format should not cost a fit first.
        format_of(path)?;
    }
    let lake = open_lake(&context, args.query.is_some()).await?;
    match args.kind {
        Some(kind) => of_lake(&args, &context, &lake, kind).await,
        None => of_query(&args, &context, &lake).await,
    }
}

fn kind_of(kind: RiskKind) -> Kind {
    match kind {
        RiskKind::Churn => CHURN,
        RiskKind::ChurnSwitched => CHURN_SWITCHED,
        RiskKind::ChurnOwnGeneration => CHURN_OWN_GENERATION,
        RiskKind::ChurnSustainedDrop => CHURN_SUSTAINED_DROP,
        RiskKind::Arrears => ARREARS,
        RiskKind::Theft => THEFT,
    }
}

async fn of_lake(args: &RiskArgs, context: &Context, lake: &Lake, kind: RiskKind) -> Result<()> {
    let kind = kind_of(kind);
    let mut stages = Stages::new(2);
    if args.action == RiskAction::Score {
        let (model, version) = scoring::kept(lake, kind.name).await?;
        let stage = stages.begin("reading features");
        let prepared = scoring::prepare_to_score(lake, kind).await?;
        let asked = prepared.asked()?;
        stage.finish(format!("{} rows to score", thousands(asked.len() as u64)));
        let stage = stages.begin("scoring");
        let scores = model.score(&asked)?;
        scoring::store(lake, kind, &version, &prepared, &scores).await?;
        stage.finish(format!(
            "{} scores, also in the table risk_scores",
            thousands(scores.len() as u64)
        ));
        return print(context, args, &scores);
    }
    let stage = stages.begin("reading features");
    let prepared = scoring::prepare(lake, kind).await?;
    let known = prepared.known(kind)?;
    stage.finish(format!("{} rows with a known outcome", thousands(known.len() as u64)));
    let spec = scoring::spec_of(kind, &prepared.window);
    if args.action == RiskAction::Evaluate {
        let stage = stages.begin("evaluating");
        let evaluation = evaluate(known, spec, stage).await?;
        return tell(context, &evaluation);
    }
    let stage = stages.begin("fitting");
    let model = tokio::task::spawn_blocking(move || risk::fit(&known, &spec)).await??;
    let version = scoring::keep(lake, &model, now()).await?;
    stage.finish(format!("kept as {} {version}", kind.name));
    show(context, &model)
}

async fn of_query(args: &RiskArgs, context: &Context, lake: &Lake) -> Result<()> {
    let (Some(query), Some(id)) = (&args.query, &args.id) else {
        bail!(UsageError::new("--query needs --id: the column that names each row"));
    };
    let name = args.model.as_deref().unwrap_or("query");
    let mut stages = Stages::new(2);
    let stage = stages.begin("reading the query");
    let session = lake.at(None).await?;
    let rows = collect(&session, query).await?;
    let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
    stage.finish(format!("{} rows", thousands(count as u64)));
    if args.action == RiskAction::Score {
        let Some(name) = &args.model else {
            bail!(UsageError::new("risk score --query needs --model: which model to apply"));
        };
        let stage = stages.begin("scoring");
        let (model, _) = scoring::kept(lake, name).await?;
        let rows = without(&rows, args.label.as_deref())?;
        let scores = model.score(&RiskTable::from_batches(&rows, id, None)?)?;
        stage.finish(format!("{} scores", scores.len()));
        return print(context, args, &scores);
    }
    let Some(label) = &args.label else {
        bail!(UsageError::new("--label is needed: the column with the outcome"));
    };
    let table = RiskTable::from_batches(&rows, id, Some(label))?;
    let spec = scoring::spec(name);
    if args.action == RiskAction::Evaluate {
        let stage = stages.begin("evaluating");
        let evaluation = evaluate(table, spec, stage).await?;
        return tell(context, &evaluation);
    }
    let Some(name) = &args.model else {
        bail!(UsageError::new("risk fit --query needs --model: the name to keep it under"));
    };
    let stage = stages.begin("fitting");
    let model = tokio::task::spawn_blocking(move || risk::fit(&table, &spec)).await??;
    let version = scoring::keep(lake, &model, now()).await?;
    stage.finish(format!("kept as {name} {version}"));
    show(context, &model)
}

/// Rows without one column, so that an outcome in the query is not a feature.
fn without(rows: &[RecordBatch], column: Option<&str>) -> Result<Vec<RecordBatch>> {
    let Some(column) = column else { return Ok(rows.to_vec()) };
    rows.iter()
        .map(|batch| {
            let kept: Vec<usize> = (0..batch.num_columns())
                .filter(|&place| batch.schema().field(place).name() != column)
                .collect();
            Ok(batch.project(&kept)?)
        })
        .collect()
}

async fn evaluate(table: RiskTable, spec: risk::RiskSpec, stage: Stage) -> Result<Evaluation> {
    let evaluated = tokio::task::spawn_blocking(move || {
        let told = &mut |done, folds| stage.set(done as u64, folds as u64, "folds");
        let evaluation = risk::evaluate(&table, &spec, told)?;
        stage.finish(headline(&evaluation));
        anyhow::Ok(evaluation)
    });
    evaluated.await?
}

fn headline(evaluation: &Evaluation) -> String {
    format!("AUC {:.3} over {} folds", evaluation.mean.auc, evaluation.folds.len())
}

fn day_of(days: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(days).ok()?)
}

fn tell(context: &Context, evaluation: &Evaluation) -> Result<()> {
    if context.json {
        return write_stdout(&format!("{}\n", serde_json::to_string(evaluation)?));
    }
    let (mean, pooled) = (&evaluation.mean, &evaluation.pooled);
    let later = evaluation.held_from.and_then(day_of).map_or_else(String::new, |day| {
        format!("judged from {day} on, by what other customers were known a horizon before\n")
    });
    let mut text = format!(
        "{}: {} rows, {:.1} % positive, {}-fold cross-validation, seed {}\n{later}\n\
         AUC                 {:>8.4}\n\
         average precision   {:>8.4}\n\
         lift, top tenth     {:>8.2}\n\
         Brier score         {:>8.4}\n\
         calibration error   {:>8.4}  (all folds together)\n\n\
         decile    rows  positive   rate  lift   gain  predicted\n",
        evaluation.name,
        thousands(pooled.rows),
        evaluation.base_rate * 100.0,
        evaluation.folds.len(),
        evaluation.seed,
        mean.auc,
        mean.average_precision,
        mean.lift_top_tenth,
        pooled.brier,
        pooled.calibration_error,
    );
    for decile in &evaluation.deciles {
        text.push_str(&format!(
            "{:>6} {:>7} {:>9} {:>5.1}% {:>5.2} {:>5.1}% {:>9.1}%\n",
            decile.decile,
            decile.rows,
            decile.positives,
            decile.rate * 100.0,
            decile.lift,
            decile.cumulative_gain * 100.0,
            decile.mean_probability * 100.0,
        ));
    }
    write_stdout(&text)
}

/// A model in JSON: how good it is, how its method was chosen, and what is to be
/// doubted in it.
#[derive(Serialize)]
struct Fitted<'a> {
    #[serde(flatten)]
    scores: &'a risk::Metrics,
    choice: &'a risk::Choice,
    doubt: Option<String>,
}

fn show(context: &Context, model: &risk::RiskModel) -> Result<()> {
    if context.json {
        let fitted = Fitted { scores: model.scores(), choice: &model.choice, doubt: model.doubt() };
        return write_stdout(&format!("{}\n", serde_json::to_string(&fitted)?));
    }
    write_stdout(&model.table())
}

fn print(context: &Context, args: &RiskArgs, scores: &[Score]) -> Result<()> {
    let mut order: Vec<&Score> = scores.iter().collect();
    order.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.id.cmp(&b.id)));
    // A screen holds the top; a file or a program takes all.
    if args.output.is_none() && !context.json {
        order.truncate(20);
    }
    let ids: StringArray = order.iter().map(|score| Some(score.id.as_str())).collect();
    let probabilities: Float64Array = order.iter().map(|score| Some(score.probability)).collect();
    let reason = |place: usize| -> ArrayRef {
        let texts: StringArray = order
            .iter()
            .map(|score| score.reasons[place].as_ref().map(risk::Reason::text_en))
            .collect();
        Arc::new(texts)
    };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("probability", Arc::new(probabilities) as ArrayRef, false),
        ("reason_1", reason(0), true),
        ("reason_2", reason(1), true),
        ("reason_3", reason(2), true),
    ])?;
    let schema = batch.schema();
    emit(&[batch], &schema, args.output.as_deref(), context.json)
}

//! `loadstar backtest`: history re-lived, origin by origin.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use loadstar_models::load::{Backtest, BacktestSpec, Metrics, backtest};

use crate::UsageError;
use crate::cli::BacktestArgs;
use crate::commands::open_lake;
use crate::commands::series;
use crate::context::Context;
use crate::output::Output;
use crate::terminal::{Stages, thousands, write_stdout};
use crate::time;

/// Measures, prints, and writes predictions if asked.
pub async fn run(args: BacktestArgs, context: Context) -> Result<()> {
    let from = time::instant(&args.from)?;
    let to = args.to.as_deref().map(time::instant).transpose()?;
    if to.is_some_and(|to| to <= from) {
        bail!(UsageError::new("--to must come after --from"));
    }
    let lake = open_lake(&context, args.series.query.is_some()).await?;
    let mut stages = Stages::new(2);
    let stage = stages.begin("reading the series");
    let scope = series::read(&lake.at(None).await?, &args.series).await?;
    stage.finish(format!("{} intervals", thousands(scope.series.len() as u64)));

    let spec = BacktestSpec {
        to,
        horizon: series::whole_steps(&scope.series, *args.horizon, "--horizon")?,
        every: series::whole_steps(&scope.series, *args.every, "--every")?,
        quantiles: args.series.quantiles.clone(),
        ..BacktestSpec::new(from)
    };
    let stage = stages.begin("backtesting");
    let shown = Arc::new(stage);
    let measured = {
        let shown = shown.clone();
        tokio::task::spawn_blocking(move || {
            backtest(&scope.series, &spec, &mut |done, total| {
                shown.set(done as u64, total as u64, "origins");
            })
        })
    };
    let measured = measured.await??;
    shown.finish(format!("{} predictions", thousands(measured.predictions.len() as u64)));
    for note in &measured.notes {
        eprintln!("note: {note}");
    }
    if let Some(path) = &args.predictions {
        let rows = rows(&measured, &args.series.quantiles)?;
        let mut output = Output::create(Some(path), crate::cli::Format::Csv, &rows.schema())?;
        output.write(&rows)?;
        output.finish()?;
        eprintln!("predictions: {}", path.display());
    }
    tell(&context, &measured, &args.series.quantiles)
}

/// Columns origin, time, actual, forecast, and one for each quantile.
fn rows(measured: &Backtest, quantiles: &[f64]) -> Result<RecordBatch> {
    let predictions = &measured.predictions;
    let instants = |of: fn(&loadstar_models::load::Prediction) -> DateTime<Utc>| {
        let column: TimestampMicrosecondArray =
            predictions.iter().map(|row| Some(of(row).timestamp_micros())).collect();
        Arc::new(column.with_timezone("UTC")) as ArrayRef
    };
    let floats = |of: &dyn Fn(&loadstar_models::load::Prediction) -> Option<f64>| {
        let column: Float64Array = predictions.iter().map(of).collect();
        Arc::new(column) as ArrayRef
    };
    let mut columns = vec![
        ("origin".to_owned(), instants(|row| row.origin)),
        ("time".to_owned(), instants(|row| row.time)),
        ("actual".to_owned(), floats(&|row| row.actual.is_finite().then_some(row.actual))),
        ("forecast".to_owned(), floats(&|row| Some(row.forecast))),
    ];
    for (place, p) in quantiles.iter().enumerate() {
        columns.push((format!("q{p}"), floats(&|row| row.quantiles.get(place).copied())));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| {
        let nullable = name == "actual" || name.starts_with('q');
        (name, column, nullable)
    }))?)
}

fn tell(context: &Context, measured: &Backtest, quantiles: &[f64]) -> Result<()> {
    if context.json {
        let said = serde_json::json!({
            "model": measured.model, "metrics": measured.model_metrics,
            "seasonal_naive": measured.naive_metrics, "notes": measured.notes,
        });
        return write_stdout(&format!("{said}\n"));
    }
    write_stdout(&table(measured, quantiles))
}

/// Model and naive side by side.
pub fn table(measured: &Backtest, quantiles: &[f64]) -> String {
    let band = match (quantiles.first(), quantiles.last()) {
        (Some(low), Some(high)) if low < high => format!("inside q{low}–q{high} %"),
        _ => "inside the band %".into(),
    };
    type Figure = fn(&Metrics) -> Option<f64>;
    let figures: [(&str, Figure); 8] = [
        ("MAPE %", |m| m.mape_percent),
        ("WAPE %", |m| m.wape_percent),
        ("RMSE", |m| Some(m.rmse)),
        ("MAE", |m| Some(m.mae)),
        ("bias", |m| Some(m.bias)),
        ("daily-peak MAPE %", |m| m.daily_peak_mape_percent),
        ("mean pinball loss", |m| m.mean_pinball),
        (&band, |m| m.coverage_percent),
    ];
    let cell = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let mut text =
        format!("{}\n\n{:<24} {:>14} {:>22}\n", measured.model, "", "model", "same day last week");
    for (name, of) in figures {
        let (model, naive) = (cell(of(&measured.model_metrics)), cell(of(&measured.naive_metrics)));
        text.push_str(&format!("{name:<24} {model:>14} {naive:>22}\n"));
    }
    text.push_str(&format!(
        "{:<24} {:>14}\n",
        "predictions",
        thousands(measured.model_metrics.n as u64)
    ));
    text
}

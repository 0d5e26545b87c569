//! The scheduled forecast of the whole load: measured, issued, kept.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use arrow::array::{
    ArrayRef, Float64Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use chrono::{DateTime, TimeDelta, Utc};
use loadstar_models::load::{
    Backtest, BacktestSpec, Forecast, ForecastSpec, LoadSeries, backtest, forecast,
};
use loadstar_reports as reports;
use loadstar_schema::Table;
use loadstar_schema::day::settlement_offset;
use loadstar_sql::Lake;

use crate::cli::SeriesArgs;
use crate::commands::series;
use crate::config::ForecastConfig;
use crate::scoring::{Artifact, keep_artifact};
use crate::weekly::{LOAD_MODEL, TOTAL};

/// How far back the measured period goes.
const MEASURED: TimeDelta = TimeDelta::days(28);

/// What was measured and issued.
pub struct Issued {
    pub made: Forecast,
    pub measured: Backtest,
    pub run_id: String,
}

/// Backtests the last four weeks day ahead, forecasts what comes, keeps both.
pub async fn issue(
    lake: &Lake,
    config: &ForecastConfig,
    issued_at: DateTime<Utc>,
) -> Result<Issued> {
    let args = SeriesArgs {
        by: Vec::new(),
        query: None,
        time: None,
        target: None,
        known: Vec::new(),
        observed: Vec::new(),
        time_zone: None,
        quantiles: config.quantiles.clone(),
    };
    let scope = series::read(&lake.at(None).await?, &args).await?;
    let horizon = crate::time::span(&config.horizon, "forecast.horizon")?;
    let end = scope.series.end_of_history();
    let measuring =
        BacktestSpec { quantiles: config.quantiles.clone(), ..BacktestSpec::new(end - MEASURED) };
    let ahead = ForecastSpec { quantiles: config.quantiles.clone(), ..ForecastSpec::new(horizon) };
    let work = tokio::task::spawn_blocking(move || -> Result<_> {
        let measured = backtest(&scope.series, &measuring, &mut |_, _| {})?;
        let made = forecast(&scope.series, &ahead)?;
        Ok((scope.series, measured, made))
    });
    let (series, measured, made) = work.await??;
    let version = keep_artifact(
        lake,
        Artifact {
            name: LOAD_MODEL,
            kind: "load",
            fitted_at: issued_at,
            window: &format!("{} to {}", series.start.date_naive(), end.date_naive()),
            scores_json: serde_json::to_string(&scores(&measured, config, end))?,
            artifact_json: serde_json::to_string(&serde_json::json!({
                "model": made.model, "notes": made.notes,
            }))?,
        },
    )
    .await?;
    let run_id = format!("{TOTAL}-{}", issued_at.format("%Y%m%dT%H%M%S%.3fZ"));
    let batch = rows(&made, &series, config, issued_at, &run_id, &version)?;
    lake.append(Table::Forecasts, vec![batch]).await?;
    Ok(Issued { made, measured, run_id })
}

/// In the report's words.
fn scores(measured: &Backtest, config: &ForecastConfig, end: DateTime<Utc>) -> reports::Backtest {
    let local = |instant: DateTime<Utc>| instant.with_timezone(&settlement_offset()).date_naive();
    let nominal = match (config.quantiles.first(), config.quantiles.last()) {
        (Some(low), Some(high)) if low < high => Some((high - low) * 100.0),
        _ => None,
    };
    reports::Backtest {
        period: Some((local(end - MEASURED), local(end - TimeDelta::microseconds(1)))),
        mape_pct: measured.model_metrics.mape_percent,
        naive_mape_pct: measured.naive_metrics.mape_percent,
        coverage_pct: measured.model_metrics.coverage_percent,
        nominal_coverage_pct: nominal,
    }
}

fn rows(
    made: &Forecast,
    series: &LoadSeries,
    config: &ForecastConfig,
    issued_at: DateTime<Utc>,
    run_id: &str,
    version: &str,
) -> Result<RecordBatch> {
    let n = made.points.len();
    let same = |text: &str| Arc::new(StringArray::from(vec![text; n])) as ArrayRef;
    let at = |instant: DateTime<Utc>| {
        let column = TimestampMicrosecondArray::from(vec![instant.timestamp_micros(); n]);
        Arc::new(column.with_timezone("UTC")) as ArrayRef
    };
    let times: TimestampMicrosecondArray =
        made.points.iter().map(|point| Some(point.time.timestamp_micros())).collect();
    let step_min = i32::try_from(series.step.num_minutes()).context("the step in minutes")?;
    let middle: Float64Array = made.points.iter().map(|point| Some(point.forecast)).collect();
    let schema = Table::Forecasts.schema();
    let columns = vec![
        same(run_id),
        at(issued_at),
        at(made.origin),
        same(version),
        same(TOTAL),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(Int32Array::from(vec![step_min; n])),
        Arc::new(middle),
        quantiles(made, &config.quantiles, schema.field_with_name("quantiles")?.data_type())?,
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn quantiles(made: &Forecast, probabilities: &[f64], kind: &DataType) -> Result<ArrayRef> {
    let DataType::List(item) = kind else { anyhow::bail!("quantiles are not a list") };
    let DataType::Struct(fields) = item.data_type() else {
        anyhow::bail!("quantiles are not a list of structs")
    };
    let p: Float64Array =
        made.points.iter().flat_map(|_| probabilities).map(|p| Some(*p)).collect();
    let kwh: Float64Array =
        made.points.iter().flat_map(|point| &point.quantiles).map(|kwh| Some(*kwh)).collect();
    let values = StructArray::try_new(fields.clone(), vec![Arc::new(p), Arc::new(kwh)], None)?;
    let lengths = made.points.iter().map(|point| point.quantiles.len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, Arc::new(values), None)?))
}

//! `loadstar forecast`: the load to come, with the band it is to be trusted in.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use loadstar_models::load::{Forecast, ForecastSpec, LoadModel, LoadSeries};
use loadstar_reports as reports;
use loadstar_reports::{Lang, LoadPoint, LoadUnit, forecast_chart, svg_to_png};
use loadstar_schema::timestamp_type;

use crate::UsageError;
use crate::cli::ForecastArgs;
use crate::commands::series::{self, Scope};
use crate::commands::{open_lake, panel};
use crate::context::Context;
use crate::output::{emit, format_of, write_file};
use crate::terminal::Stages;

/// Forecasts what was asked for.
pub async fn run(args: ForecastArgs, context: Context) -> Result<()> {
    if let Some(path) = &args.output {
        format_of(path)?;
    }
    if let Some(path) = &args.plot {
        check_picture(path)?;
    }
    let lake = open_lake(&context, args.series.query.is_some()).await?;
    if let Some(each) = args.each.clone() {
        return panel::run(args, &each, &lake, &context).await;
    }
    let mut stages = Stages::new(2);
    let stage = stages.begin("reading the series");
    let scope = series::read(&lake.at(None).await?, &args.series).await?;
    stage.finish(format!("{} intervals", scope.series.len()));

    let stage = stages.begin("forecasting");
    let spec = ForecastSpec {
        quantiles: args.series.quantiles.clone(),
        ..ForecastSpec::new(series::whole_steps(&scope.series, *args.horizon, "--horizon")?)
    };
    let Scope { series, name, unit } = scope;
    let what_if = WhatIf::of(&args.what_if, &series)?;
    let work = tokio::task::spawn_blocking(move || -> Result<_> {
        let model = LoadModel::fit(&series, &spec)?;
        let made = model.forecast(&series, &spec)?;
        let other = what_if.map(|what_if| what_if.forecast(&model, &series, &made, &spec));
        Ok((series, made, other.transpose()?))
    });
    let (series, made, other) = work.await??;
    stage.finish(&made.model);
    for note in &made.notes {
        eprintln!("note: {note}");
    }
    if let Some(path) = &args.plot {
        draw(path, &name, &series, &made, &args.series.quantiles)?;
        eprintln!("picture: {}", path.display());
    }
    let mut rows = rows(&made, &args.series.quantiles)?;
    if args.output.is_none() && !context.json {
        summary(&made, unit);
    }
    if let Some(other) = &other {
        rows = beside(&rows, &made, other)?;
        eprintln!("{}", difference(&made, other, unit));
    }
    emit(std::slice::from_ref(&rows), &rows.schema(), args.output.as_deref(), context.json)
}

fn check_picture(path: &Path) -> Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("png" | "svg") => Ok(()),
        _ => bail!(UsageError::new(format!("--plot {}: end it in .png or .svg", path.display()))),
    }
}

fn summary(made: &Forecast, unit: &str) {
    let band = |quantiles: &[f64]| {
        let (low, high) = outer(&made.levels)?;
        Some(format!(" ({:.1} to {:.1})", quantiles.get(low)?, quantiles.get(high)?))
    };
    let peak = &made.peak;
    eprintln!(
        "peak {:.1}{} {unit} an interval, at {} UTC",
        peak.forecast,
        band(&peak.quantiles).unwrap_or_default(),
        peak.time.format("%Y-%m-%d %H:%M"),
    );
    let energy = &made.energy;
    eprintln!(
        "sum  {:.1}{} {unit} over the horizon",
        energy.sum,
        band(&energy.sum_quantiles).unwrap_or_default(),
    );
}

/// Places of the least and the greatest level, if they differ.
fn outer(levels: &[f64]) -> Option<(usize, usize)> {
    let by_level = |a: &usize, b: &usize| levels[*a].total_cmp(&levels[*b]);
    let low = (0..levels.len()).min_by(by_level)?;
    let high = (0..levels.len()).max_by(by_level)?;
    (low != high).then_some((low, high))
}

/// A load under other circumstances than those expected.
struct WhatIf {
    /// Place among the known covariates, and by how much.
    moved: Vec<(usize, f64)>,
    /// Added to the load of each interval.
    load: f64,
}

impl WhatIf {
    /// `None` if nothing was asked.
    fn of(asked: &[String], series: &LoadSeries) -> Result<Option<Self>> {
        let mut what_if = Self { moved: Vec::new(), load: 0.0 };
        for asked in asked {
            let parts = asked.split_once('=').map(|(name, by)| (name.trim(), by.trim().parse()));
            let Some((name, Ok(by))) = parts else {
                bail!(UsageError::new(format!(
                    "--what-if {asked}: write NAME=±X, such as temperature=+2 or load=-150"
                )));
            };
            if name == "load" {
                what_if.load += by;
                continue;
            }
            let Some(place) = series.known.iter().position(|known| known.name == name) else {
                let known = series.known.iter().map(|known| known.name.as_str());
                let known = known.chain(["load"]).collect::<Vec<_>>().join(", ");
                bail!(UsageError::new(format!(
                    "--what-if {asked}: no {name} is known ahead; there is {known}"
                )));
            };
            what_if.moved.push((place, by));
        }
        Ok((!asked.is_empty()).then_some(what_if))
    }

    /// By the same model, with the covariates moved from the origin on.
    fn forecast(
        &self,
        model: &LoadModel,
        series: &LoadSeries,
        base: &Forecast,
        spec: &ForecastSpec,
    ) -> Result<Vec<f64>> {
        let mut moved = series.clone();
        let origin = series.index_at(base.origin).min(series.len());
        for (place, by) in &self.moved {
            moved.known[*place].values.iter_mut().skip(origin).for_each(|value| *value += by);
        }
        let made = model.forecast(&moved, spec)?;
        Ok(made.points.iter().map(|point| point.forecast + self.load).collect())
    }
}

/// The rows, and beside them what if, and how much more that is.
fn beside(rows: &RecordBatch, made: &Forecast, other: &[f64]) -> Result<RecordBatch> {
    let more = made.points.iter().zip(other).map(|(point, other)| Some(other - point.forecast));
    let schema = rows.schema();
    let mut columns: Vec<(&str, ArrayRef)> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .zip(rows.columns().iter().cloned())
        .collect();
    columns.push(("what_if", Arc::new(Float64Array::from(other.to_vec()))));
    columns.push(("difference", Arc::new(more.collect::<Float64Array>())));
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn difference(made: &Forecast, other: &[f64], unit: &str) -> String {
    let (sum, peak) = (other.iter().sum::<f64>(), other.iter().copied().fold(f64::MIN, f64::max));
    let share = |other: f64, base: f64| (other / base - 1.0) * 100.0;
    format!(
        "what if: sum {sum:.1} {unit} ({:+.1}, {:+.2} %), peak {peak:.1} ({:+.1}, {:+.2} %)",
        sum - made.energy.sum,
        share(sum, made.energy.sum),
        peak - made.peak.forecast,
        share(peak, made.peak.forecast),
    )
}

/// Columns time, forecast, and one for each quantile.
pub fn rows(made: &Forecast, quantiles: &[f64]) -> Result<RecordBatch> {
    let times: TimestampMicrosecondArray =
        made.points.iter().map(|point| Some(point.time.timestamp_micros())).collect();
    let middle: Float64Array = made.points.iter().map(|point| Some(point.forecast)).collect();
    let mut columns = vec![
        ("time".to_owned(), Arc::new(times.with_timezone("UTC")) as ArrayRef),
        ("forecast".to_owned(), Arc::new(middle)),
    ];
    for (place, p) in quantiles.iter().enumerate() {
        let values: Float64Array =
            made.points.iter().map(|point| point.quantiles.get(place).copied()).collect();
        columns.push((format!("q{p}"), Arc::new(values)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Fields of [`rows`].
pub fn fields(quantiles: &[f64]) -> Vec<Field> {
    let mut fields = vec![
        Field::new("time", timestamp_type(), true),
        Field::new("forecast", DataType::Float64, true),
    ];
    fields.extend(quantiles.iter().map(|p| Field::new(format!("q{p}"), DataType::Float64, true)));
    fields
}

fn draw(
    path: &Path,
    name: &str,
    series: &LoadSeries,
    made: &Forecast,
    quantiles: &[f64],
) -> Result<()> {
    let zone = series.zone.unwrap_or(Tz::UTC);
    let hours = series.step.num_seconds() as f64 / 3600.0;
    // A day's energy is shown as such; within the day, as mean power.
    let (unit, scale) =
        if hours >= 24.0 { (LoadUnit::Kwh, 1.0) } else { (LoadUnit::Kw, 1.0 / hours) };
    let local = |time: chrono::DateTime<chrono::Utc>| -> NaiveDateTime {
        if hours >= 24.0 { time.naive_utc() } else { time.with_timezone(&zone).naive_local() }
    };
    let end = series.index_at(made.origin);
    let past = made.points.len().max(2);
    let history: Vec<LoadPoint> = (end.saturating_sub(past)..end.min(series.len()))
        .filter(|&index| series.target[index].is_finite())
        .map(|index| LoadPoint {
            at: local(series.time(index)),
            value: series.target[index] * scale,
        })
        .collect();
    let outer = outer(quantiles);
    let points = made
        .points
        .iter()
        .map(|point| reports::ForecastPoint {
            at: local(point.time),
            median: point.forecast * scale,
            band: outer
                .map(|(low, high)| (point.quantiles[low] * scale, point.quantiles[high] * scale)),
            inner_band: None,
        })
        .collect();
    let band_pct = outer.map(|(low, high)| ((quantiles[high] - quantiles[low]) * 100.0).round());
    let drawn = reports::Forecast { points, band_pct };
    let chart = forecast_chart(name, unit, &history, &drawn, Lang::En)?;
    let bytes = match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => chart.text.into_bytes(),
        _ => svg_to_png(&chart, 2.0).context("drawing the forecast")?,
    };
    write_file(path, &bytes)
}

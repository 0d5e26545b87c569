//! `loadstar forecast --each`: many series of one query, a few hundred at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches, partition};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::TimeDelta;
use chrono_tz::Tz;
use futures::StreamExt as _;
use loadstar_models::load::{ForecastSpec, LoadSeries, SeriesColumns, forecast};
use loadstar_sql::{Lake, stream};

use crate::UsageError;
use crate::cli::ForecastArgs;
use crate::commands::forecast::{fields, rows};
use crate::commands::series::{self, Asked};
use crate::context::Context;
use crate::output::{Output, format_of};
use crate::terminal::{Stages, thousands};

/// Series forecast together: enough to keep every core busy, few in memory.
const TOGETHER: usize = 512;
/// Series left out that are told of by name.
const TOLD: usize = 5;

/// Reads the query in the order of its series, and writes as it goes.
pub async fn run(args: ForecastArgs, each: &str, lake: &Lake, context: &Context) -> Result<()> {
    let series = &args.series;
    series::check_quantiles(&series.quantiles)?;
    let (Some(Asked { query, columns, zone }), Some(path)) = (Asked::of(series)?, &args.output)
    else {
        bail!(UsageError::new("--each goes with --query, --time, --target and --output"));
    };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let query = query.trim().trim_end_matches(';');
    let (id, time) = (quoted(each), quoted(&columns.time));
    let sorted = format!("SELECT * FROM ({query}) ORDER BY {id}, {time}");
    let mut stages = Stages::new(1);
    let stage = stages.begin("forecasting each series");
    let mut panel = Panel {
        each: each.to_owned(),
        columns,
        zone,
        spec: ForecastSpec {
            quantiles: series.quantiles.clone(),
            threads: Some(1),
            few_ranges: true,
            ..ForecastSpec::new(TimeDelta::from_std(*args.horizon)?)
        },
        written: Output::create(Some(path), format_of(path)?, &schema(each, &series.quantiles))?,
        done: 0,
        left_out: Vec::new(),
        left_out_count: 0,
    };
    let session = lake.at(None).await?;
    let mut batches = stream(&session, &sorted).await?;
    let mut waiting: Vec<Named> = Vec::new();
    loop {
        let batch = batches.next().await.transpose()?;
        if let Some(batch) = &batch {
            deal(batch, each, &mut waiting)?;
        }
        // The last series may go on in the next batch.
        let whole = waiting.len() - usize::from(batch.is_some() && !waiting.is_empty());
        if whole >= TOGETHER || (batch.is_none() && whole > 0) {
            panel.forecast(waiting.drain(..whole).collect()).await?;
            stage.say(format!("{} series", thousands(panel.done)));
        }
        if batch.is_none() {
            break;
        }
    }
    let Panel { written, done, left_out, left_out_count, .. } = panel;
    if done == 0 && left_out_count == 0 {
        bail!("the query has no rows: there is nothing to forecast");
    }
    let rows = written.finish()?;
    stage.finish(format!("{} series, {} rows", thousands(done), thousands(rows as u64)));
    for (id, why) in &left_out {
        eprintln!("left out: {each} {id}: {why}");
    }
    if left_out_count > left_out.len() as u64 {
        eprintln!("left out: {} in all", thousands(left_out_count));
    }
    if context.json {
        let said = serde_json::json!({ "series": done, "rows": rows, "left_out": left_out_count });
        return crate::terminal::write_stdout(&format!("{said}\n"));
    }
    eprintln!("forecasts: {}", path.display());
    Ok(())
}

fn schema(each: &str, quantiles: &[f64]) -> Arc<Schema> {
    let mut columns = vec![Field::new(each, DataType::Utf8, false)];
    columns.extend(fields(quantiles));
    Arc::new(Schema::new(columns))
}

/// Adds the rows of a batch, which is sorted, to the series they are of.
fn deal(batch: &RecordBatch, each: &str, waiting: &mut Vec<Named>) -> Result<()> {
    let Some(ids) = batch.column_by_name(each) else {
        bail!(UsageError::new(format!("--each {each}: the query has no such column")));
    };
    let ids = cast(ids, &DataType::Utf8)?;
    for range in partition(std::slice::from_ref(&ids))?.ranges() {
        let id = ids.as_string::<i32>();
        let id = if ids.is_null(range.start) { "" } else { id.value(range.start) };
        let rows = batch.slice(range.start, range.len());
        match waiting.last_mut().filter(|(last, _)| last == id) {
            Some((_, parts)) => parts.push(rows),
            None => waiting.push((id.to_owned(), vec![rows])),
        }
    }
    Ok(())
}

/// The rows of one series, by its name.
type Named = (String, Vec<RecordBatch>);

struct Panel {
    each: String,
    columns: SeriesColumns,
    zone: Option<Tz>,
    spec: ForecastSpec,
    written: Output,
    done: u64,
    left_out: Vec<(String, String)>,
    left_out_count: u64,
}

impl Panel {
    /// Forecasts some series, a part of them on each core, and writes them.
    async fn forecast(&mut self, series: Vec<Named>) -> Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut series = series.into_iter().peekable();
        let share = series.len().div_ceil(cores);
        let mut parts = Vec::with_capacity(cores);
        while series.peek().is_some() {
            let part: Vec<Named> = series.by_ref().take(share).collect();
            let (columns, zone, spec) = (self.columns.clone(), self.zone, self.spec.clone());
            parts.push(tokio::task::spawn_blocking(move || {
                let made = |(id, rows): Named| {
                    let series = LoadSeries::from_batches(&rows, &columns, zone, BTreeSet::new());
                    (id, series.and_then(|series| forecast(&series, &spec)))
                };
                part.into_iter().map(made).collect::<Vec<_>>()
            }));
        }
        let schema = schema(&self.each, &self.spec.quantiles);
        let mut batches = Vec::new();
        for part in parts {
            for (id, made) in part.await? {
                match made {
                    Ok(made) => {
                        let rows = rows(&made, &self.spec.quantiles)?;
                        let name = StringArray::from(vec![id.as_str(); rows.num_rows()]);
                        let mut columns = vec![Arc::new(name) as ArrayRef];
                        columns.extend(rows.columns().iter().cloned());
                        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
                        self.done += 1;
                    }
                    Err(error) => self.leave_out(id, error.to_string()),
                }
            }
        }
        self.written.write(&concat_batches(&schema, &batches)?)
    }

    fn leave_out(&mut self, id: String, why: String) {
        self.left_out_count += 1;
        if self.left_out.len() < TOLD {
            self.left_out.push((id, why));
        }
    }
}

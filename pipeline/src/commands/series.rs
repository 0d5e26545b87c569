//! The series that a forecast or backtest is about: a part of the lake's load,
//! or the result of any query.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use arrow::array::{Array, RecordBatch};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use datafusion::common::cast::{as_date32_array, as_int64_array};
use datafusion::prelude::SessionContext;
use loadstar_models::load::{LoadSeries, SeriesColumns};
use loadstar_schema::day;
use loadstar_schema::reference::Axis;

use crate::UsageError;
use crate::cli::SeriesArgs;

/// A series and how to speak of it.
pub struct Scope {
    pub series: LoadSeries,
    /// `total`, `region=East,usage=HOME`, or `query`.
    pub name: String,
    /// Unit of the target, where the lake knows it.
    pub unit: &'static str,
}

/// Reads what `args` names.
pub async fn read(session: &SessionContext, args: &SeriesArgs) -> Result<Scope> {
    check_quantiles(&args.quantiles)?;
    let Some(Asked { query, columns, zone }) = Asked::of(args)? else {
        return from_lake(session, args).await;
    };
    let rows = loadstar_sql::collect(session, query).await?;
    let series = LoadSeries::from_batches(&rows, &columns, zone, BTreeSet::new())?;
    Ok(Scope { series, name: "query".into(), unit: "" })
}

/// A query that was asked about, and what its columns mean.
pub struct Asked<'a> {
    pub query: &'a str,
    pub columns: SeriesColumns,
    pub zone: Option<Tz>,
}

impl<'a> Asked<'a> {
    /// `None` if it is the lake that was asked about.
    pub fn of(args: &'a SeriesArgs) -> Result<Option<Self>> {
        let (Some(query), Some(time), Some(target)) = (&args.query, &args.time, &args.target)
        else {
            return Ok(None);
        };
        let columns = SeriesColumns {
            time: time.clone(),
            target: target.clone(),
            known: args.known.clone(),
            observed: args.observed.clone(),
            holiday: None,
        };
        let zone = args.time_zone.as_deref().map(zone).transpose()?;
        Ok(Some(Self { query, columns, zone }))
    }
}

pub fn check_quantiles(quantiles: &[f64]) -> Result<()> {
    match quantiles.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
        None if quantiles.is_empty() => {
            bail!(UsageError::new("--quantiles needs at least one probability, such as 0.5"))
        }
        None => Ok(()),
        Some(p) => bail!(UsageError::new(format!(
            "--quantiles {p}: a probability lies between 0 and 1, both excluded"
        ))),
    }
}

async fn from_lake(session: &SessionContext, args: &SeriesArgs) -> Result<Scope> {
    let filter = filter(session, &args.by).await?;
    let daily = has_only_daily_reads(session, &filter).await?;
    let query = if daily { daily_query(&filter) } else { hourly_query(&filter) };
    let rows = loadstar_sql::collect(session, &query).await?;
    if rows.iter().all(|batch| batch.num_rows() == 0) {
        bail!(
            "the lake has no consumption {}; land reads with `loadstar ingest` or `loadstar load`, \
             then run `loadstar maintain rollup`",
            if args.by.is_empty() { "yet".into() } else { format!("for {}", args.by.join(", ")) }
        );
    }
    let columns = SeriesColumns {
        time: "time".into(),
        target: "energy_kwh".into(),
        known: if daily { Vec::new() } else { known_weather(&rows) },
        observed: Vec::new(),
        holiday: None,
    };
    let zone = zone(args.time_zone.as_deref().unwrap_or(SETTLEMENT_ZONE))?;
    let holidays = holidays(session).await?;
    let series = LoadSeries::from_batches(&rows, &columns, Some(zone), holidays)?;
    let name = if args.by.is_empty() { "total".into() } else { args.by.join(",") };
    Ok(Scope { series, name, unit: "kWh" })
}

/// The clock of the settlement day, see [`loadstar_schema::day`].
const SETTLEMENT_ZONE: &str = "Asia/Shanghai";

fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        UsageError::new(format!(
            "--time-zone {name}: no such zone; write it like Australia/Melbourne"
        ))
        .into()
    })
}

/// Weather is used where the lake has any.
fn known_weather(rows: &[RecordBatch]) -> Vec<String> {
    let there = rows.iter().any(|batch| {
        batch
            .column_by_name("temperature_c")
            .is_some_and(|column| column.null_count() < column.len())
    });
    if there { vec!["temperature_c".into()] } else { Vec::new() }
}

fn hourly_query(filter: &str) -> String {
    format!(
        "WITH load AS (
            SELECT hour, CAST(sum(energy_kwh) AS DOUBLE) AS energy_kwh
            FROM consumption_hourly {filter} GROUP BY hour
        ), air AS (
            SELECT hour, avg(coalesce(temperature_c, forecast_temperature_c)) AS temperature_c
            FROM weather_hourly
            WHERE hour >= (SELECT min(hour) FROM load) GROUP BY hour
        )
        SELECT coalesce(load.hour, air.hour) AS time, energy_kwh, temperature_c
        FROM load FULL JOIN air ON air.hour = load.hour"
    )
}

fn daily_query(filter: &str) -> String {
    format!(
        "SELECT day AS time, CAST(sum(energy_kwh) AS DOUBLE) AS energy_kwh
         FROM consumption_daily {filter} GROUP BY day"
    )
}

async fn has_only_daily_reads(session: &SessionContext, filter: &str) -> Result<bool> {
    let query =
        format!("SELECT coalesce(max(interval_count), 0) AS most FROM consumption_daily {filter}");
    let rows = loadstar_sql::collect(session, &query).await?;
    let most = rows
        .first()
        .filter(|batch| batch.num_rows() > 0)
        .map(|batch| as_int64_array(batch.column(0)).map(|column| column.value(0)));
    Ok(matches!(most.transpose()?, Some(1)))
}

/// `WHERE` of the axes asked for; a code stands for everything below it.
async fn filter(session: &SessionContext, by: &[String]) -> Result<String> {
    let mut terms = Vec::new();
    for wanted in by {
        let Some((axis, value)) = wanted.split_once('=') else {
            bail!(UsageError::new(format!("--by {wanted}: write AXIS=VALUE, such as region=East")));
        };
        let Some(axis) = Axis::from_name(axis.trim()) else {
            let axes = Axis::ALL.iter().map(|axis| axis.name()).collect::<Vec<_>>().join(", ");
            bail!(UsageError::new(format!("--by {wanted}: the axes are {axes}")));
        };
        let codes = codes_below(session, axis, value.trim()).await?;
        let list: Vec<String> =
            codes.iter().map(|code| format!("'{}'", code.replace('\'', "''"))).collect();
        terms.push(format!("{} IN ({})", axis.column(), list.join(", ")));
    }
    Ok(if terms.is_empty() { String::new() } else { format!("WHERE {}", terms.join(" AND ")) })
}

/// The code of `value` (a code, or a name in either language) and all below it.
async fn codes_below(session: &SessionContext, axis: Axis, value: &str) -> Result<Vec<String>> {
    let query = format!(
        "SELECT DISTINCT code, coalesce(parent_code, '') AS parent, name_en, name_zh \
         FROM reference WHERE axis = '{}'",
        axis.name()
    );
    let mut rows = Vec::new();
    for batch in loadstar_sql::collect(session, &query).await? {
        let columns = (0..4)
            .map(|column| {
                arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Utf8)
            })
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |column: usize| -> Result<String> {
                let texts = datafusion::common::cast::as_string_array(&columns[column])?;
                Ok(texts.value(row).to_owned())
            };
            rows.push([cell(0)?, cell(1)?, cell(2)?, cell(3)?]);
        }
    }
    let same = |text: &String| text.to_lowercase() == value.to_lowercase();
    let Some(found) = rows
        .iter()
        .find(|row| same(&row[0]))
        .or_else(|| rows.iter().find(|row| same(&row[2]) || same(&row[3])))
    else {
        let known = rows.iter().map(|row| row[0].as_str()).collect::<BTreeSet<_>>();
        bail!(UsageError::new(format!(
            "--by {}={value}: no such code or name; known: {}",
            axis.name(),
            known.into_iter().collect::<Vec<_>>().join(", ")
        )));
    };
    let mut codes = vec![found[0].clone()];
    let mut next = 0;
    while next < codes.len() {
        let parent = codes[next].clone();
        for row in rows.iter().filter(|row| row[1] == parent) {
            if !codes.contains(&row[0]) {
                codes.push(row[0].clone());
            }
        }
        next += 1;
    }
    Ok(codes)
}

async fn holidays(session: &SessionContext) -> Result<BTreeSet<NaiveDate>> {
    let query = "SELECT DISTINCT date FROM calendar WHERE kind = 'holiday'";
    let mut days = BTreeSet::new();
    for batch in loadstar_sql::collect(session, query).await? {
        let column = as_date32_array(batch.column(0))?;
        days.extend(column.iter().flatten().filter_map(day::from_date32));
    }
    Ok(days)
}

/// A span as whole steps of the series, at least one.
pub fn whole_steps(
    series: &LoadSeries,
    span: std::time::Duration,
    what: &str,
) -> Result<TimeDelta> {
    let span = crate::time::positive(span, what)?;
    let step = series.step;
    if span < step {
        bail!(UsageError::new(format!(
            "{what}: the series steps by {}, longer than the span asked for",
            humantime::format_duration(step.to_std().context("a step")?)
        )));
    }
    Ok(span)
}

//! The week's load curve, what had been forecast of it, and the week to come.

use anyhow::Result;
use chrono::{DateTime, NaiveDateTime, Utc};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use loadstar_reports::{
    Absence, Backtest, Forecast, ForecastPoint, LoadKpis, LoadPoint, LoadReport, LoadUnit, Section,
};
use loadstar_schema::day::{self, settlement_offset};
use loadstar_sql::{Week, collect, report};

use crate::rows::rows;

/// The scope that the scheduled forecast is kept under.
pub const TOTAL: &str = "total";
/// The name that the load model's scores are kept under.
pub const LOAD_MODEL: &str = "load/total";

/// Absent without reads within the day.
pub(super) async fn load(session: &SessionContext, week: Week) -> Result<Section<LoadReport>> {
    let batches = report(session, "load_curve", week, &[]).await?;
    let mut actual = Vec::new();
    for row in rows(&batches) {
        if let (Some(hour), Some(load_kw)) = (row.instant("hour")?, row.float("load_kw")?) {
            actual.push(LoadPoint { at: local(hour), value: load_kw });
        }
    }
    if actual.is_empty() {
        return Ok(Section::Absent(Absence::NoReads));
    }
    if only_daily_reads(session, week).await? {
        return Ok(Section::Absent(Absence::NoHourlyReads));
    }
    let kpis = kpis(&actual);
    let points = forecast(session, week).await?;
    let (last_forecast, ahead): (Vec<_>, Vec<_>) =
        points.into_iter().partition(|point| point.at < local(day::end(week.last_day())));
    let forecast = if ahead.is_empty() {
        Section::Absent(Absence::NoForecast)
    } else {
        Section::Present(Forecast { points: ahead, band_pct: Some(80.0) })
    };
    Ok(Section::Present(LoadReport {
        unit: LoadUnit::Kw,
        actual,
        last_forecast: last_forecast
            .into_iter()
            .map(|point| LoadPoint { at: point.at, value: point.median })
            .collect(),
        forecast,
        kpis,
        backtest: backtest(session).await?,
    }))
}

/// On the settlement clock.
fn local(instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&settlement_offset()).naive_local()
}

async fn only_daily_reads(session: &SessionContext, week: Week) -> Result<bool> {
    let query = format!(
        "SELECT max(interval_count) AS most FROM consumption_daily \
         WHERE day >= DATE '{}' AND day <= DATE '{}'",
        week.first_day(),
        week.last_day()
    );
    let batches = collect(session, &query).await?;
    let most = rows(&batches).next().map(|row| row.int("most")).transpose()?.flatten();
    Ok(most.is_some_and(|most| most <= 1))
}

fn kpis(actual: &[LoadPoint]) -> Option<LoadKpis> {
    let by_value = |a: &&LoadPoint, b: &&LoadPoint| a.value.total_cmp(&b.value);
    let (peak, valley) = (actual.iter().max_by(by_value)?, actual.iter().min_by(by_value)?);
    let mean = actual.iter().map(|point| point.value).sum::<f64>() / actual.len() as f64;
    (peak.value > 0.0).then_some(LoadKpis {
        peak: peak.value,
        peak_at: peak.at,
        valley: valley.value,
        valley_at: valley.at,
        load_factor_pct: mean / peak.value * 100.0,
    })
}

/// kWh of a step over its hours is its mean power.
async fn forecast(session: &SessionContext, week: Week) -> Result<Vec<ForecastPoint>> {
    let scope = [("scope", ScalarValue::from(TOTAL))];
    let batches = report(session, "forecast", week, &scope).await?;
    let mut points = Vec::new();
    for row in rows(&batches) {
        let (Some(time), Some(step_min), Some(energy_kwh)) =
            (row.instant("time")?, row.float("step_min")?, row.float("forecast_kwh")?)
        else {
            continue;
        };
        let hours = step_min / 60.0;
        let band = match (row.float("low_kwh")?, row.float("high_kwh")?) {
            (Some(low), Some(high)) => Some((low / hours, high / hours)),
            _ => None,
        };
        points.push(ForecastPoint {
            at: local(time),
            median: energy_kwh / hours,
            band,
            inner_band: None,
        });
    }
    Ok(points)
}

/// What the newest load model scored when it was fitted.
async fn backtest(session: &SessionContext) -> Result<Option<Backtest>> {
    let query = format!(
        "SELECT scores_json FROM models WHERE name = '{LOAD_MODEL}' ORDER BY fitted_at DESC LIMIT 1"
    );
    let batches = collect(session, &query).await?;
    let Some(row) = rows(&batches).next() else { return Ok(None) };
    let Some(text) = row.text("scores_json")? else { return Ok(None) };
    Ok(Some(serde_json::from_str(&text)?))
}

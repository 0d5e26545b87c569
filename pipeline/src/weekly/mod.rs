//! The weekly report's input, gathered from the lake's report queries.

mod actions;
mod load;
mod sales;
mod watch;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use loadstar_reports::{
    Absence, Change, DailyEnergy, DataQuality, Kpi, KpiName, KpiValue, Section, WeeklyReport,
};
use loadstar_schema::day::settlement_offset;
use loadstar_sql::{Lake, Week, collect, report};

pub use self::load::{LOAD_MODEL, TOTAL};
use crate::rows::{Row, rows};

/// Everything the report of `week` says, as the lake knows it now.
///
/// The texts that differ by language are in it in both; `organisation` is set
/// for each rendering.
pub async fn gather(lake: &Lake, week: Week, issued_at: DateTime<Utc>) -> Result<WeeklyReport> {
    let session = lake.at(None).await?;
    let cutoff = newest(lake).await?.unwrap_or(issued_at);
    let kpis = kpis(&session, week).await?;
    let mut gathered = WeeklyReport {
        organisation: String::new(),
        title: None,
        week: week.to_string(),
        period_start: week.first_day(),
        period_end: week.last_day(),
        issued_at: issued_at.with_timezone(&settlement_offset()),
        data_cutoff: cutoff.with_timezone(&settlement_offset()),
        run_id: format!("{week}-{}", issued_at.format("%Y%m%dT%H%M%SZ")),
        currency: "¥".to_owned(),
        quality: quality(&session, week).await?,
        kpis,
        trend: trend(&session, week).await?,
        sales: sales::sales(&session, week).await?,
        price: Section::Absent(Absence::LeftOut),
        load: load::load(&session, week).await?,
        receivables: watch::receivables(&session, week).await?,
        movers: watch::movers(&session, week).await?,
        risks: watch::risks(&session, week).await?,
        notes: Vec::new(),
        actions: Vec::new(),
    };
    if matches!(gathered.load, Section::Absent(Absence::NoHourlyReads)) {
        // A day's mean is not a peak.
        for kpi in &mut gathered.kpis {
            if matches!(kpi.name, KpiName::PeakLoad | KpiName::LoadFactor) {
                kpi.value = KpiValue::Unknown(Absence::NoHourlyReads);
            }
        }
    }
    gathered.actions = actions::actions(&gathered);
    Ok(gathered)
}

/// The last week with reads on its Sunday.
pub async fn last_complete_week(session: &SessionContext) -> Result<Week> {
    let batches = collect(session, "SELECT max(day) AS day FROM consumption_daily").await?;
    let last = rows(&batches).next().map(|row| row.date("day")).transpose()?.flatten();
    let Some(last) = last else {
        bail!(
            "the lake has no consumption to report on; land reads with `loadstar ingest` or \
             `loadstar load`, then run `loadstar maintain rollup`"
        );
    };
    let week = Week::of(last);
    Ok(if week.last_day() == last {
        week
    } else {
        Week::of(week.first_day().pred_opt().unwrap_or(last))
    })
}

async fn newest(lake: &Lake) -> Result<Option<DateTime<Utc>>> {
    Ok(lake.status().await?.iter().filter_map(|table| table.newest_available_at).max())
}

/// A share's change as per cent; unknown without a past to compare with.
fn percent(share: Option<f64>) -> Change {
    share.map_or(Change::Unknown(Absence::NoHistory), |share| Change::Percent(share * 100.0))
}

async fn quality(session: &SessionContext, week: Week) -> Result<DataQuality> {
    let batches = report(session, "cutoff", week, &[]).await?;
    let Some(row) = rows(&batches).next() else { return Ok(DataQuality::default()) };
    Ok(DataQuality {
        completeness_pct: row.float("completeness")?.map(|share| share * 100.0),
        estimated_pct: row.float("estimated_share")?.map(|share| share * 100.0),
        late_reads: None,
        revised_reads: None,
        rejected_rows: row.int("dead_letters")?.and_then(|count| u64::try_from(count).ok()),
    })
}

async fn kpis(session: &SessionContext, week: Week) -> Result<Vec<Kpi>> {
    let batches = report(session, "kpis", week, &[]).await?;
    let mut kpis = Vec::new();
    for row in rows(&batches) {
        let name = row.text("kpi")?.context("a figure without a name")?;
        let Some((name, value)) = kpi_value(&name, &row)? else { continue };
        let rate = matches!(value, KpiValue::Percent(_));
        kpis.push(Kpi {
            name,
            value,
            week_on_week: change(&row, "previous_week", "week_on_week", rate)?,
            year_on_year: change(&row, "year_ago", "year_on_year", rate)?,
        });
    }
    Ok(kpis)
}

/// Rates change by points, everything else by per cent.
fn change(row: &Row<'_>, before: &str, relative: &str, rate: bool) -> Result<Change> {
    if !rate {
        return Ok(percent(row.float(relative)?));
    }
    Ok(match (row.float("value")?, row.float(before)?) {
        (Some(now), Some(before)) => Change::Points((now - before) * 100.0),
        _ => Change::Unknown(Absence::NoHistory),
    })
}

fn kpi_value(name: &str, row: &Row<'_>) -> Result<Option<(KpiName, KpiValue)>> {
    let unknown = KpiValue::Unknown;
    Ok(Some(match name {
        "energy_kwh" => (
            KpiName::EnergySold,
            row.fixed("value")?.map_or(unknown(Absence::NoReads), KpiValue::Energy),
        ),
        "revenue" => (
            KpiName::Revenue,
            row.fixed("value")?.map_or(unknown(Absence::NoTariffs), KpiValue::Money),
        ),
        "average_price" => (
            KpiName::AveragePrice,
            row.fixed("value")?.map_or(unknown(Absence::NoTariffs), KpiValue::Price),
        ),
        "peak_load_kw" => (
            KpiName::PeakLoad,
            row.float("value")?.map_or(unknown(Absence::NoReads), KpiValue::PowerKw),
        ),
        "load_factor" => (
            KpiName::LoadFactor,
            row.float("value")?
                .map_or(unknown(Absence::NoReads), |share| KpiValue::Percent(share * 100.0)),
        ),
        "collection_rate" => (
            KpiName::CollectionRate,
            row.float("value")?
                .map_or(unknown(Absence::NoBills), |share| KpiValue::Percent(share * 100.0)),
        ),
        // These two stand in the appendix.
        _ => return Ok(None),
    }))
}

/// A day that has at least this share of its reads is drawn as complete; a few
/// meters are always silent.
const COMPLETE_SHARE: f64 = 0.98;

async fn trend(session: &SessionContext, week: Week) -> Result<Section<Vec<DailyEnergy>>> {
    let batches = report(session, "daily_trend", week, &[]).await?;
    let mut days = Vec::new();
    for row in rows(&batches) {
        let (Some(day), Some(energy)) = (row.date("day")?, row.fixed("energy_kwh")?) else {
            continue;
        };
        let year_ago = row.fixed("year_ago_energy_kwh")?;
        let complete = row.float("completeness")?.is_none_or(|share| share >= COMPLETE_SHARE);
        days.push(DailyEnergy { day, energy, year_ago, complete });
    }
    Ok(if days.is_empty() { Section::Absent(Absence::NoReads) } else { Section::Present(days) })
}

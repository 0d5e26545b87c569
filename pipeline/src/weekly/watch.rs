//! Debt, movers and risks.

use anyhow::{Context as _, Result};
use chrono::Datelike;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use loadstar_reports::{
    Absence, AgeingAmount, AgeingBucket, Bilingual, Mover, Movers, Receivables, Risk, RiskList,
    RiskRow, Section,
};
use loadstar_schema::{Energy, Money};
use loadstar_sql::{Week, collect, report};

use crate::rows::{Row, rows};
use crate::scoring::{ARREARS, CHURN, Kind, THEFT};

/// What is owed by age, and how much of the newest month is collected.
pub(super) async fn receivables(
    session: &SessionContext,
    week: Week,
) -> Result<Section<Receivables>> {
    let collection = report(session, "collection", week, &[]).await?;
    let Some(month) = rows(&collection).last() else {
        return Ok(Section::Absent(Absence::NoBills));
    };
    let (mut buckets, mut earlier_years) = (Vec::new(), Money::ZERO);
    let ageing = report(session, "ageing", week, &[]).await?;
    for row in rows(&ageing) {
        let name = row.text("bucket")?.context("a bucket without a name")?;
        let bucket: AgeingBucket = serde_json::from_value(name.into())?;
        let bills = row.int("bill_count")?.and_then(|count| u64::try_from(count).ok());
        buckets.push(AgeingAmount {
            bucket,
            amount: row.fixed("open_amount")?.unwrap_or(Money::ZERO),
            bills: bills.unwrap_or(0),
        });
        earlier_years += row.fixed("prior_year_amount")?.unwrap_or(Money::ZERO);
    }
    let as_of = as_of(session).await?.unwrap_or(week.last_day());
    let bill_month = month.date("bill_month")?;
    Ok(Section::Present(Receivables {
        as_of,
        buckets,
        collection_rate_pct: month.float("collection_rate")?.map(|share| share * 100.0),
        collection_month: bill_month.map(|day| format!("{}-{:02}", day.year(), day.month())),
        earlier_years: Some(earlier_years),
    }))
}

/// The day that "now" is for the session's views.
async fn as_of(session: &SessionContext) -> Result<Option<chrono::NaiveDate>> {
    let batches = collect(session, "SELECT settlement_day(as_of) AS day FROM lake_time").await?;
    rows(&batches).next().map(|row| row.date("day")).transpose().map(Option::flatten)
}

/// The greatest changes, up and down apart.
pub(super) async fn movers(session: &SessionContext, week: Week) -> Result<Section<Movers>> {
    let batches = report(session, "top_movers", week, &[]).await?;
    let mut movers = Movers::default();
    for row in rows(&batches) {
        let (Some(id), Some(change)) = (row.text("customer_id")?, row.float("change_kwh")?) else {
            continue;
        };
        let mover = Mover {
            id,
            name: None,
            energy: row.fixed("energy_kwh")?.unwrap_or(Energy::ZERO),
            before: row.fixed("previous_energy_kwh")?.unwrap_or(Energy::ZERO),
        };
        if change < 0.0 { movers.down.push(mover) } else { movers.up.push(mover) }
    }
    let none = movers.up.is_empty() && movers.down.is_empty();
    Ok(if none { Section::Absent(Absence::NoHistory) } else { Section::Present(movers) })
}

/// The newest scores of each model.
pub(super) async fn risks(session: &SessionContext, week: Week) -> Result<Section<Vec<RiskList>>> {
    let mut lists = Vec::new();
    let kinds = [(Risk::Arrears, ARREARS), (Risk::Churn, CHURN), (Risk::Theft, THEFT)];
    for (risk, kind) in kinds {
        let parameter = [("model", ScalarValue::from(kind.name))];
        let batches = report(session, "at_risk", week, &parameter).await?;
        let rows = rows(&batches).map(|row| risk_row(&row)).collect::<Result<Vec<_>>>()?;
        let absence = if rows.is_empty() { Some(unscored(session, kind).await?) } else { None };
        lists.push(RiskList { risk, rows, scored: None, absence });
    }
    Ok(match lists.iter().find_map(|list| list.absence) {
        Some(absence) if lists.iter().all(|list| list.rows.is_empty()) => Section::Absent(absence),
        _ => Section::Present(lists),
    })
}

/// Why a model has no scores.
async fn unscored(session: &SessionContext, kind: Kind) -> Result<Absence> {
    let history = "SELECT CAST(max(day) - min(day) AS BIGINT) + 1 AS days FROM consumption_daily";
    let history = collect(session, history).await?;
    let days = rows(&history).next().map(|row| row.int("days")).transpose()?.flatten();
    let short = days.is_some_and(|days| days.unsigned_abs() < kind.window_days());
    Ok(if short { Absence::ShortHistory } else { Absence::NoModel })
}

fn risk_row(row: &Row<'_>) -> Result<RiskRow> {
    let mut reasons = Vec::new();
    for n in 1..=3 {
        let (en, zh) = (row.text(&format!("reason_{n}"))?, row.text(&format!("reason_{n}_zh"))?);
        if let (Some(en), Some(zh)) = (en, zh) {
            reasons.push(Bilingual { en, zh });
        }
    }
    let (id, customer) = (row.text("id")?.unwrap_or_default(), row.text("customer_id")?);
    // Arrears are scored bill by bill; the customer is who is called.
    let (id, name) = match customer {
        Some(customer) if customer != id => (customer, Some(id)),
        _ => (id, None),
    };
    Ok(RiskRow {
        id,
        name,
        probability: row.float("probability")?.unwrap_or(0.0),
        exposure: row.fixed("exposure")?,
        reasons,
    })
}

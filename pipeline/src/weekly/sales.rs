//! Sales of the week on each axis that the customers are classified by.

use anyhow::Result;
use datafusion::prelude::SessionContext;
use loadstar_reports::{Absence, AxisSales, SalesRow, Section};
use loadstar_schema::Energy;
use loadstar_schema::reference::Axis;
use loadstar_sql::{Week, report};

use super::percent;
use crate::rows::rows;

/// Rows by axis, the greatest first; an axis without any class is left out.
pub(super) async fn sales(session: &SessionContext, week: Week) -> Result<Section<Vec<AxisSales>>> {
    let batches = report(session, "sales_by_axis", week, &[]).await?;
    let mut axes: Vec<AxisSales> =
        Axis::ALL.iter().map(|&axis| AxisSales { axis, rows: Vec::new() }).collect();
    for row in rows(&batches) {
        let Some(axis) = row.text("axis")?.as_deref().and_then(Axis::from_name) else { continue };
        let sold = SalesRow {
            code: row.text("code")?.unwrap_or_default(),
            name_en: row.text("name_en")?.unwrap_or_default(),
            name_zh: row.text("name_zh")?.unwrap_or_default(),
            energy: row.fixed("energy_kwh")?.unwrap_or(Energy::ZERO),
            revenue: row.fixed("revenue")?,
            customers: row.int("customer_count")?.and_then(|count| u64::try_from(count).ok()),
            week_on_week: percent(row.float("week_on_week")?),
            year_on_year: percent(row.float("year_on_year")?),
        };
        if let Some(sales) = axes.iter_mut().find(|sales| sales.axis == axis) {
            sales.rows.push(sold);
        }
    }
    axes.retain(|sales| sales.rows.iter().any(|row| !row.code.is_empty()));
    Ok(if axes.is_empty() { Section::Absent(Absence::NoClasses) } else { Section::Present(axes) })
}

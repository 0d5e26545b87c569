//! The first page: who, when, headline figures, trend, data quality; and the
//! notes at the end that say how to read it all.

use serde_json::{Value, json};

use super::{Page, short_reason, tone};
use crate::charts::trend_chart;
use crate::error::ReportError;
use crate::fonts::FONTS;
use crate::format::{self, DASH, Quantity};
use crate::labels::Label;
use crate::lang::Lang;
use crate::weekly::{Absence, Change, Kpi, KpiName, KpiValue, Section};

/// Two rows of four cards.
const MOST_KPIS: usize = 8;

impl Page<'_> {
    fn title(&self) -> &str {
        match &self.report.title {
            Some(title) if !title.trim().is_empty() => title,
            _ => self.label(Label::Title),
        }
    }

    fn week(&self) -> String {
        match self.report.week.split_once("-W") {
            Some((year, week)) => {
                Label::WeekOf.fill(self.lang(), &[year, week.trim_start_matches('0')])
            }
            None => self.report.week.clone(),
        }
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "title": format!("{} · {} · {}", self.title(), self.report.organisation, self.week()),
            "author": self.report.organisation,
        })
    }

    pub(super) fn head(&self) -> Value {
        let report = self.report;
        json!({
            "organisation": FONTS.fit(&report.organisation, 330.0, 9.5, true),
            "title": FONTS.fit(self.title(), 330.0, 21.0, true),
            "week": self.week(),
            "period": self.format.period(report.period_start, report.period_end),
            "issued": self.format.instant(report.issued_at),
            "cutoff": self.format.instant(report.data_cutoff),
            "run": FONTS.fit(&report.run_id, 120.0, 7.5, false),
        })
    }

    pub(super) fn kpis(&self) -> Value {
        self.report.kpis.iter().take(MOST_KPIS).map(|kpi| self.kpi(kpi)).collect()
    }

    fn kpi(&self, kpi: &Kpi) -> Value {
        let label = match &kpi.name {
            KpiName::EnergySold => self.label(Label::EnergySold),
            KpiName::Revenue => self.label(Label::Revenue),
            KpiName::AveragePrice => self.label(Label::AveragePrice),
            KpiName::Customers => self.label(Label::Customers),
            KpiName::PeakLoad => self.label(Label::PeakLoad),
            KpiName::LoadFactor => self.label(Label::LoadFactor),
            KpiName::CollectionRate => self.label(Label::CollectionDue),
            KpiName::OverdueDebt => self.label(Label::OverdueDebt),
            KpiName::Other(name) => name.text(self.lang()),
        };
        let Quantity { number, unit } = self.kpi_value(kpi.value);
        let changes = [(kpi.week_on_week, Label::VsWeek), (kpi.year_on_year, Label::VsYear)];
        let known = !matches!(kpi.value, KpiValue::Unknown(_));
        let changes = changes
            .into_iter()
            .filter(|(change, _)| known && !matches!(change, Change::Unknown(Absence::LeftOut)));
        let changes = changes.map(|(change, versus)| {
            let mut cell = self.change(change);
            cell["versus"] = self.label(versus).into();
            if let Change::Unknown(absence) = change {
                let comma = if self.lang() == Lang::Zh { "，" } else { ", " };
                let why = self.label(short_reason(absence));
                cell["versus"] = format!("{}{comma}{why}", self.label(versus)).into();
            }
            // Colours say up and down everywhere but here, where less is better
            // and a reader would take the colour of loss for a loss.
            if kpi.name == KpiName::OverdueDebt {
                cell["tone"] = match tone(change) {
                    "up" => "down",
                    "down" => "up",
                    flat => flat,
                }
                .into();
            }
            cell
        });
        json!({
            "label": FONTS.fit(label, 102.0, 8.0, false),
            "number": number,
            "unit": unit,
            "changes": changes.collect::<Vec<_>>(),
        })
    }

    fn kpi_value(&self, value: KpiValue) -> Quantity {
        let plain = |number: String, unit: &str| Quantity { number, unit: unit.to_owned() };
        match value {
            KpiValue::Energy(energy) => self.format.energy(energy),
            KpiValue::Money(money) => self.format.money_rounded(money),
            KpiValue::Price(price) => self.format.price(price),
            KpiValue::Count(count) => plain(format::count(count), ""),
            KpiValue::Percent(percent) => plain(format::percent(percent), ""),
            KpiValue::PowerKw(kw) => self.format.power(kw),
            KpiValue::Unknown(absence) => plain(DASH.to_owned(), self.label(short_reason(absence))),
        }
    }

    pub(super) fn trend(&mut self) -> Result<Value, ReportError> {
        let report = self.report;
        let days = match self.filled(&report.trend, Absence::NoReads) {
            Ok(days) => days,
            Err(absent) => return Ok(absent),
        };
        let week = (report.period_start, report.period_end);
        let drawn = trend_chart(days, week, self.format);
        match self.chart("trend.svg", Label::AltTrend, drawn)? {
            Value::Null => Ok(self.absent(Absence::NoHistory)),
            chart => Ok(json!({ "chart": chart })),
        }
    }

    pub(super) fn quality(&self) -> Value {
        let quality = &self.report.quality;
        let entries = [
            (Label::Completeness, quality.completeness_pct.map(format::percent)),
            (Label::Estimated, quality.estimated_pct.map(format::percent)),
            (Label::LateReads, quality.late_reads.map(format::count)),
            (Label::RevisedReads, quality.revised_reads.map(format::count)),
            (Label::RejectedRows, quality.rejected_rows.map(format::count)),
        ];
        let known = entries.into_iter().filter_map(|(label, text)| Some((label, text?)));
        known.map(|(label, text)| json!({ "label": self.label(label), "text": text })).collect()
    }

    pub(super) fn actions(&self) -> Value {
        let action = |action: &crate::weekly::Action| {
            json!({
                "what": action.what.text(self.lang()),
                "owner": action.owner.as_ref().map_or(DASH, |owner| owner.text(self.lang())),
                "due": action.due.map_or_else(|| DASH.to_owned(), |day| self.format.short_day(day)),
            })
        };
        self.report.actions.iter().map(action).collect()
    }

    pub(super) fn appendix(&self) -> Value {
        let report = self.report;
        let lang = self.lang();
        let mut notes = vec![self.label(Label::DefSales)];
        let axes = report.sales.present().map_or(&[][..], Vec::as_slice);
        if axes.iter().flat_map(|axis| &axis.rows).any(|row| row.revenue.is_some()) {
            notes.push(self.label(Label::DefRevenue));
        }
        notes.push(self.label(Label::DefCompare));
        if report.load.present().is_some_and(|load| load.unit == crate::load::LoadUnit::Kw) {
            notes.push(self.label(Label::DefLoad));
        }
        if report.receivables.present().is_some() {
            notes.push(self.label(Label::DefDebt));
        }
        if matches!(&report.risks, Section::Present(lists) if !lists.is_empty()) {
            notes.push(self.label(Label::DefRisk));
        }
        let mut notes: Vec<String> = notes.into_iter().map(str::to_owned).collect();
        notes.extend(self.totals_differ());
        let cutoff = self.format.instant(report.data_cutoff);
        notes.push(Label::DefCutoff.fill(lang, &[&cutoff]));
        if !report.run_id.trim().is_empty() {
            notes.push(Label::DefRun.fill(lang, &[&report.run_id]));
        }
        notes.into()
    }
}

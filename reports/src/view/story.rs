//! What happened, in sentences computed from the figures.

use std::collections::BTreeSet;

use super::Page;
use crate::format::{self, Quantity};
use crate::labels::Label;
use crate::lang::Lang;
use crate::load::LoadUnit;
use crate::watch::AgeingBucket;
use crate::weekly::{Change, KpiName, KpiValue};

/// Below this share of reads the page warns that figures may move.
const COMPLETE_PCT: f64 = 99.0;
/// Notes of the caller that fit below the computed sentences.
const MOST_NOTES: usize = 4;

impl Page<'_> {
    pub(super) fn story(&self) -> Vec<String> {
        let told = [
            self.said_energy(),
            self.said_driver(),
            self.said_price(),
            self.said_peak(),
            self.said_forecast(),
            self.said_debt(),
            self.said_quality(),
        ];
        let mut story: Vec<String> = told.into_iter().flatten().collect();
        let notes = &self.report.notes;
        story.extend(notes.iter().take(MOST_NOTES).map(|note| note.text(self.lang()).to_owned()));
        if let Some(hidden) = notes.len().checked_sub(MOST_NOTES).filter(|hidden| *hidden > 0) {
            story.push(Label::More.fill(self.lang(), &[&format::count(hidden as u64)]));
        }
        if story.is_empty() {
            story.push(self.label(Label::Nothing).to_owned());
        }
        story
    }

    fn said_energy(&self) -> Option<String> {
        let lang = self.lang();
        let kpi = self.report.kpis.iter().find(|kpi| kpi.name == KpiName::EnergySold)?;
        let KpiValue::Energy(energy) = kpi.value else { return None };
        let text = |change| self.format.change(change);
        let against = match (kpi.week_on_week, kpi.year_on_year) {
            (Change::Unknown(_), Change::Unknown(_)) => String::new(),
            (week, Change::Unknown(_)) => Label::SaidAgainstWeek.fill(lang, &[&text(week)]),
            (Change::Unknown(_), year) => Label::SaidAgainstYear.fill(lang, &[&text(year)]),
            (week, year) => Label::SaidAgainst.fill(lang, &[&text(week), &text(year)]),
        };
        Some(Label::SaidEnergy.fill(lang, &[&self.format.energy(energy).line(), &against]))
    }

    fn said_driver(&self) -> Option<String> {
        let (axis, rows) = self.driving_rows()?;
        let (row, kwh) = rows.first()?;
        let Quantity { number, unit } = self.format.energy_kwh(*kwh);
        let amount = Quantity { number: format::with_sign(number), unit }.line();
        let change = self.format.change(row.week_on_week);
        let amount = match self.lang() {
            Lang::En => format!("{amount} ({change})"),
            Lang::Zh => format!("{amount}（{change}）"),
        };
        let name = row.name(self.lang());
        Some(Label::SaidDriver.fill(self.lang(), &[&self.axis_in_text(axis), name, &amount]))
    }

    fn said_price(&self) -> Option<String> {
        let effects = self.report.price.present()?;
        let values = [
            self.format.price(effects.before).line(),
            self.format.price(effects.now).line(),
            self.format.price_change(effects.mix),
            self.format.price_change(effects.price),
        ];
        Some(Label::SaidPrice.fill(self.lang(), &values.each_ref().map(String::as_str)))
    }

    fn said_peak(&self) -> Option<String> {
        let load = self.report.load.present()?;
        let kpis = load.kpis?;
        let (label, at) = match load.unit {
            LoadUnit::Kw => (Label::SaidPeak, self.format.moment(kpis.peak_at)),
            LoadUnit::Kwh => (Label::SaidPeakDay, self.format.weekday(kpis.peak_at.date())),
        };
        let peak = self.load_quantity(load, kpis.peak).line();
        Some(label.fill(self.lang(), &[&peak, &at, &format::percent(kpis.load_factor_pct)]))
    }

    fn said_forecast(&self) -> Option<String> {
        let load = self.report.load.present()?;
        let forecast = load.forecast.present()?;
        let (energy_kwh, peak) = self.outlook(load, forecast)?;
        let dates: BTreeSet<_> = forecast.points.iter().map(|point| point.at.date()).collect();
        let days = dates.len().to_string();
        let energy = self.format.energy_kwh(energy_kwh).line();
        Some(match load.unit {
            LoadUnit::Kw => {
                let value = self.load_quantity(load, peak.median).line();
                let at = self.format.moment(peak.at);
                Label::SaidForecastPeak.fill(self.lang(), &[&days, &energy, &value, &at])
            }
            LoadUnit::Kwh => Label::SaidForecast.fill(self.lang(), &[&days, &energy]),
        })
    }

    fn said_debt(&self) -> Option<String> {
        let owed = self.report.receivables.present()?;
        let overdue = owed.older_than(AgeingBucket::NotDue);
        let total = overdue + owed.amount(AgeingBucket::NotDue);
        if overdue.0 <= 0 || total.0 <= 0 {
            return None;
        }
        let share = format::percent(overdue.to_f64() / total.to_f64() * 100.0);
        let old = self.format.money_rounded(owed.older_than(AgeingBucket::Days90)).line();
        let overdue = self.format.money_rounded(overdue).line();
        Some(Label::SaidDebt.fill(self.lang(), &[&overdue, &share, &old]))
    }

    fn said_quality(&self) -> Option<String> {
        let complete = self.report.quality.completeness_pct?;
        (complete < COMPLETE_PCT)
            .then(|| Label::SaidQuality.fill(self.lang(), &[&format::percent(complete)]))
    }
}

//! Receivables by age, and the customers that changed most.

use serde_json::{Value, json};

use super::Page;
use crate::charts::{Bar, HALF_WIDTH_PT, ageing_chart, bars_chart};
use crate::error::ReportError;
use crate::format;
use crate::labels::Label;
use crate::watch::{AgeingBucket, Mover};
use crate::weekly::{Absence, Section};

/// Customers in either direction.
const MOST_MOVERS: usize = 6;

impl Page<'_> {
    pub(super) fn debt(&mut self) -> Result<Value, ReportError> {
        let report = self.report;
        let owed = match &report.receivables {
            Section::Present(owed) => owed,
            Section::Absent(absence) => return Ok(self.absent(*absence)),
        };
        let chart = self.chart("ageing.svg", Label::AltAgeing, ageing_chart(owed, self.format))?;
        let lang = self.lang();
        let overdue = owed.older_than(AgeingBucket::NotDue);
        let old = owed.older_than(AgeingBucket::Days90);
        let mut facts = vec![
            (
                self.label(Label::OwedTotal).to_owned(),
                self.format.money(overdue + owed.amount(AgeingBucket::NotDue)),
            ),
            (self.label(Label::OwedOverdue).to_owned(), self.format.money(overdue)),
            (self.label(Label::OwedOld).to_owned(), self.format.money(old)),
        ];
        if let Some(earlier) = owed.earlier_years {
            facts.push((self.label(Label::OwedEarlier).to_owned(), self.format.money(earlier)));
        }
        if let Some(rate) = owed.collection_rate_pct {
            let label = match &owed.collection_month {
                Some(month) => Label::CollectionOf.fill(lang, &[&self.format.month(month)]),
                None => self.label(Label::CollectionRate).to_owned(),
            };
            facts.push((label, format::percent(rate)));
        }
        let bills: u64 = owed.buckets.iter().map(|held| held.bills).sum();
        if bills > 0
            && let Some((label, _)) = facts.first_mut()
        {
            let count = Label::BillsCount.fill(lang, &[&format::count(bills)]);
            *label = match lang {
                crate::lang::Lang::En => format!("{label}, {count}"),
                crate::lang::Lang::Zh => format!("{label}（{count}）"),
            };
        }
        let facts = facts.into_iter().map(|(label, text)| json!({ "label": label, "text": text }));
        Ok(json!({
            "as_of": Label::AsOf.fill(lang, &[&self.format.date(owed.as_of)]),
            "chart": chart,
            "facts": facts.collect::<Vec<_>>(),
        }))
    }

    pub(super) fn movers(&mut self) -> Result<Value, ReportError> {
        let report = self.report;
        let movers = match &report.movers {
            Section::Present(movers) => movers,
            Section::Absent(absence) => return Ok(self.absent(*absence)),
        };
        if movers.up.is_empty() && movers.down.is_empty() {
            return Ok(self.absent(Absence::NoHistory));
        }
        let drawn = bars_chart("movers", &self.mover_bars(&movers.up), HALF_WIDTH_PT, self.format);
        let up = self.chart("movers-up.svg", Label::AltMovers, drawn)?;
        let drawn =
            bars_chart("movers", &self.mover_bars(&movers.down), HALF_WIDTH_PT, self.format);
        let down = self.chart("movers-down.svg", Label::AltMovers, drawn)?;
        Ok(json!({
            "up": up,
            "down": down,
            "up_more": self.more(movers.up.len(), MOST_MOVERS),
            "down_more": self.more(movers.down.len(), MOST_MOVERS),
        }))
    }

    fn mover_bars(&self, movers: &[Mover]) -> Vec<Bar> {
        let bar = |mover: &Mover| Bar {
            name: match &mover.name {
                Some(name) if !name.trim().is_empty() => name.clone(),
                _ => mover.id.clone(),
            },
            kwh: (mover.energy - mover.before).to_f64(),
            remark: self.format.change(mover.change()),
        };
        movers.iter().take(MOST_MOVERS).map(bar).collect()
    }

    /// `... and 12 more customers`, of `len` of which `shown` are.
    pub(super) fn more(&self, len: usize, shown: usize) -> Option<String> {
        let hidden = len.checked_sub(shown).filter(|hidden| *hidden > 0)?;
        Some(Label::MoreCustomers.fill(self.lang(), &[&format::count(hidden as u64)]))
    }
}

//! Customers at risk, by event.

use serde_json::{Value, json};

use super::{Page, reason};
use crate::fonts::FONTS;
use crate::format::{self, DASH};
use crate::labels::Label;
use crate::lang::Lang;
use crate::watch::{Risk, RiskList, RiskRow};
use crate::weekly::Absence;

/// Customers of one list.
const MOST_CUSTOMERS: usize = 6;
/// Reasons of one customer.
const MOST_REASONS: usize = 3;

impl Page<'_> {
    pub(super) fn risks(&self) -> Value {
        match self.filled(&self.report.risks, Absence::NoModel) {
            Ok(lists) => {
                let lists: Vec<_> = lists.iter().map(|list| self.risk_list(list)).collect();
                json!({ "lists": lists, "money_unit": self.money_unit() })
            }
            Err(absent) => absent,
        }
    }

    fn risk_list(&self, list: &RiskList) -> Value {
        let title = match list.risk {
            Risk::Arrears => Label::Arrears,
            Risk::Churn => Label::Churn,
            Risk::Theft => Label::Theft,
        };
        let words = list.absence.and_then(reason).unwrap_or(Label::NoModel);
        let scored =
            list.scored.map(|count| Label::Scored.fill(self.lang(), &[&format::count(count)]));
        json!({
            "title": self.label(title),
            "scored": scored,
            "exposure": list.rows.iter().any(|row| row.exposure.is_some()),
            "rows": list.rows.iter().take(MOST_CUSTOMERS).map(|row| self.risk_row(row)).collect::<Vec<_>>(),
            "more": self.more(list.rows.len(), MOST_CUSTOMERS),
            "words": list.rows.is_empty().then(|| self.label(words)),
        })
    }

    fn risk_row(&self, row: &RiskRow) -> Value {
        let separator = if self.lang() == Lang::Zh { "；" } else { "; " };
        let reasons = row.reasons.iter().map(|reason| reason.text(self.lang()).trim());
        let reasons: Vec<_> = reasons.filter(|text| !text.is_empty()).take(MOST_REASONS).collect();
        let probability =
            if row.probability.is_finite() { row.probability.clamp(0.0, 1.0) } else { 0.0 };
        json!({
            "id": FONTS.fit(&row.id, 106.0, 8.0, false),
            "name": row.name.as_deref().map(|name| FONTS.fit(name, 106.0, 7.0, false)),
            "probability": probability,
            "probability_text": format::percent(row.probability * 100.0),
            "exposure": row.exposure.map_or_else(|| DASH.to_owned(), |money| self.format.cents(money)),
            "reasons": if reasons.is_empty() { DASH.to_owned() } else { reasons.join(separator) },
        })
    }
}

//! Cases of inspection.

use loadstar_schema::codes::{CaseBasis, CaseKind, CaseOutcome};
use loadstar_schema::event::InspectionCase;

use super::columns::Columns;
use super::reject::Fault;
use super::{Context, Row, check};

/// The most points that the ranking of suspects gives, in hundredths.
const HIGHEST_SCORE: i128 = 10_000;

impl Row for InspectionCase<'_> {
    fn check(&self, context: &Context<'_>) -> Result<(), Fault> {
        check::id("case_id", &self.case_id)?;
        check::code("kind", &self.kind, CaseKind::from_code, (CaseKind::ALL, CaseKind::code))?;
        check::code("basis", &self.basis, CaseBasis::from_code, (CaseBasis::ALL, CaseBasis::code))?;
        if let Some(place) = self.place.filter(|place| *place < 1) {
            return Err(Fault::impossible(format!("place is {place}; the first is 1")));
        }
        if let Some(score) = self.score.filter(|score| !(0..=HIGHEST_SCORE).contains(&score.0)) {
            let score = check::trimmed(score);
            return Err(Fault::impossible(format!("score is {score}; expected 0 to 100")));
        }
        check::optional_id("customer_id", self.customer_id.as_deref())?;
        check::optional_id("meter_id", self.meter_id.as_deref())?;
        check::optional_id("area_id", self.area_id.as_deref())?;
        if self.customer_id.is_none() && self.meter_id.is_none() {
            return Err(Fault::impossible(
                "neither customer_id nor meter_id is there; expected one of them",
            ));
        }
        check::measured_at("opened_at", self.opened_at, context.arrived_at)?;
        visit(self, context)?;
        check::not_negative("recovered_energy_kwh", self.recovered_energy_kwh)?;
        check::not_negative("recovered_amount", self.recovered_amount)?;
        check::not_negative("penalty_amount", self.penalty_amount)
    }

    fn write(&self, rows: &mut Columns) {
        rows.text(&*self.case_id);
        rows.int32(self.version);
        rows.text(&*self.kind);
        rows.text(&*self.basis);
        rows.int32(self.place);
        rows.decimal(self.score);
        rows.text(self.customer_id.as_deref());
        rows.text(self.meter_id.as_deref());
        rows.text(self.area_id.as_deref());
        rows.instant(self.opened_at);
        rows.instant(self.inspected_at);
        rows.text(self.outcome.as_deref());
        rows.decimal(self.recovered_energy_kwh);
        rows.decimal(self.recovered_amount);
        rows.decimal(self.penalty_amount);
    }
}

/// A visit has a time and an outcome; only what was confirmed is charged.
fn visit(case: &InspectionCase<'_>, context: &Context<'_>) -> Result<(), Fault> {
    let outcome = match case.outcome.as_deref() {
        Some(outcome) => Some(check::code(
            "outcome",
            outcome,
            CaseOutcome::from_code,
            (CaseOutcome::ALL, CaseOutcome::code),
        )?),
        None => None,
    };
    match (case.inspected_at, outcome) {
        (Some(inspected_at), Some(_)) => {
            check::measured_at("inspected_at", inspected_at, context.arrived_at)?;
            if inspected_at < case.opened_at {
                let (opened, inspected) =
                    (check::stamp(case.opened_at), check::stamp(inspected_at));
                return Err(Fault::impossible(format!(
                    "inspected_at {inspected} is before opened_at {opened}"
                )));
            }
        }
        (Some(_), None) => {
            return Err(Fault::impossible(
                "inspected_at without an outcome; expected both or neither",
            ));
        }
        (None, Some(_)) => {
            return Err(Fault::impossible(
                "an outcome without inspected_at; expected both or neither",
            ));
        }
        (None, None) => {}
    }
    let charged = case.recovered_energy_kwh.is_some()
        || case.recovered_amount.is_some()
        || case.penalty_amount.is_some();
    if charged && outcome != Some(CaseOutcome::Confirmed) {
        let outcome = outcome.map_or("not there", CaseOutcome::code);
        return Err(Fault::impossible(format!(
            "recovered_energy_kwh, recovered_amount and penalty_amount are of confirmed cases; \
             the outcome is {outcome}"
        )));
    }
    Ok(())
}

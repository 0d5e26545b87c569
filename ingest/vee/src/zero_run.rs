//! Zeros for longer than the meter is used to.

use std::ops::Range;

use loadstar_schema::Energy;
use loadstar_schema::codes::{VeeAction, VeeRule};

use crate::plan::Plan;

const PARAMETER: &str = "max_hours";

/// Marks long runs of zeros where like days have none. What an outage touches is
/// as it should be, and so is nothing drawn where the sun covers it.
pub(crate) fn mark(plan: &mut Plan<'_>) {
    let Some(most) = plan.threshold(VeeRule::ZeroRun, PARAMETER) else { return };
    if plan.case.feeds_in {
        return;
    }
    let is_zero = |plan: &Plan<'_>, slot: usize| {
        plan.measured(slot) == Some(Energy::ZERO)
            && plan.is_open(slot)
            && plan.case.slots[slot].due
            && !plan.case.is_partly_out(slot)
    };
    for run in plan.runs(is_zero) {
        let minutes = plan.case.minutes(run.len());
        if minutes * Energy::ONE <= most.0 * 60 || !is_used_otherwise(plan, &run) {
            continue;
        }
        let slots: Vec<usize> = run.collect();
        let detail = format!("zero for {minutes} min, like days are not");
        for &slot in &slots {
            plan.flag(slot, VeeRule::ZeroRun, detail.clone());
        }
        plan.find(VeeRule::ZeroRun, PARAMETER, VeeAction::Flagged, &slots, detail);
    }
}

/// Do most like days, and enough of them, have energy in these intervals?
fn is_used_otherwise(plan: &Plan<'_>, run: &Range<usize>) -> bool {
    let Some(fewest) = plan.threshold(VeeRule::Gap, "like_days_min") else { return false };
    let (mut used, mut known) = (0_i128, 0_i128);
    for day in &plan.case.like_days {
        let values = || day[run.clone()].iter().flatten();
        known += i128::from(values().next().is_some());
        used += i128::from(values().any(|energy| *energy != Energy::ZERO));
    }
    used * Energy::ONE >= fewest.0 && 2 * used > known
}

//! Intervals without a read.

use std::ops::Range;

use loadstar_schema::codes::{Quality, VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed};

use crate::plan::{Plan, rounded};

/// Fills what is missing: zero where there was no supply, then from the
/// neighbours or from like days. What neither can fill is said, never zero.
pub(crate) fn fill(plan: &mut Plan<'_>) {
    outages(plan);
    let Some(short) = plan.threshold(VeeRule::Gap, "interpolate_hours") else { return };
    for gap in plan.runs(Plan::is_missing) {
        let is_short = plan.case.minutes(gap.len()) * Energy::ONE <= short.0 * 60;
        let by_neighbours = if is_short { interpolated(plan, &gap) } else { None };
        let slots: Vec<usize> = gap.clone().collect();
        let (values, quality, how) = if let Some(values) = by_neighbours {
            let how = format!("interpolated over {} min", plan.case.minutes(gap.len()));
            (values, Quality::ESTIMATED_INTERPOLATION, how)
        } else if let Some(values) = gap.clone().map(|slot| plan.like_mean(slot)).collect() {
            (values, Quality::ESTIMATED_REFERENCE_DAY, "mean of like days".to_owned())
        } else {
            let detail = format!(
                "{} min without a read, too few like days to estimate them",
                plan.case.minutes(gap.len())
            );
            plan.find(VeeRule::Gap, "interpolate_hours", VeeAction::Noted, &slots, detail);
            continue;
        };
        for (&slot, energy) in slots.iter().zip::<Vec<Energy>>(values) {
            plan.put(slot, energy, quality, VeeRule::Gap, how.clone());
        }
        plan.find(VeeRule::Gap, "interpolate_hours", VeeAction::Edited, &slots, how);
    }
}

fn outages(plan: &mut Plan<'_>) {
    let out: Vec<usize> = (0..plan.values.len())
        .filter(|&slot| plan.is_missing(slot) && plan.case.is_out(slot))
        .collect();
    for &slot in &out {
        let quality = Quality::ESTIMATED_INTERPOLATION;
        plan.put(slot, Energy::ZERO, quality, VeeRule::Outage, "no supply in all of the interval");
    }
    if !out.is_empty() {
        let detail = "no read and no supply: zero".to_owned();
        plan.find(VeeRule::Outage, "", VeeAction::Edited, &out, detail);
    }
}

/// On the line from the measured value before a gap to the one after it.
pub(crate) fn interpolated(plan: &Plan<'_>, gap: &Range<usize>) -> Option<Vec<Energy>> {
    let before = match gap.start.checked_sub(1) {
        Some(slot) => plan.measured(slot),
        None => plan.case.before,
    }?;
    let after = match plan.values.get(gap.end) {
        Some(_) => plan.measured(gap.end),
        None => plan.case.after,
    }?;
    let parts = gap.len() as i128 + 1;
    let step = |part: i128| Fixed(rounded(before.0 * (parts - part) + after.0 * part, parts));
    Some((1..parts).map(step).collect())
}

//! One interval far above all others.

use loadstar_schema::codes::{Quality, VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed};

use crate::gap;
use crate::plan::{Plan, exceeds};

const PARAMETER: &str = "max_excess_pct";
/// A day of fewer intervals has no third highest to speak of.
const FEWEST_INTERVALS: usize = 8;

/// Marks a spike: (max − third highest) ÷ third highest above a percentage. Only
/// where the register says that so much did not flow is it replaced.
pub(crate) fn settle(plan: &mut Plan<'_>) {
    let Some(excess_pct) = plan.threshold(VeeRule::Spike, PARAMETER) else { return };
    let least = plan.threshold(VeeRule::Spike, "min_kwh").unwrap_or_default();
    let mut ranked: Vec<(Energy, usize)> =
        (0..plan.values.len()).filter_map(|slot| Some((plan.measured(slot)?, slot))).collect();
    if ranked.len() < FEWEST_INTERVALS {
        return;
    }
    ranked.sort_by(|a, b| b.cmp(a));
    let ((most, slot), (third, _)) = (ranked[0], ranked[2]);
    let is_spike = third > Energy::ZERO
        && most > least
        && exceeds(Fixed((most - third).0 * 100), excess_pct, third);
    if !is_spike || !plan.is_open(slot) {
        return;
    }
    let seen = format!("{most} kWh, the third highest interval {third} kWh");
    match replacement(plan, slot, most) {
        Some((energy, quality, how)) => {
            let detail = format!("{seen}; the register confirms the excess: {how}");
            plan.put(slot, energy, quality, VeeRule::Spike, detail.clone());
            plan.find(VeeRule::Spike, PARAMETER, VeeAction::Edited, &[slot], detail);
        }
        None => {
            let word = match plan.case.register_delta_kwh {
                Some(_) => "the register does not confirm an excess",
                None => "no register to compare with",
            };
            let detail = format!("{seen}; {word}");
            plan.flag(slot, VeeRule::Spike, detail.clone());
            plan.find(VeeRule::Spike, PARAMETER, VeeAction::Flagged, &[slot], detail);
        }
    }
}

/// What to put in place of a spike, if the register says that it is none.
fn replacement(plan: &Plan<'_>, slot: usize, most: Energy) -> Option<(Energy, Quality, String)> {
    let delta = plan.case.register_delta_kwh?;
    let excess = plan.total() - delta;
    if !plan.is_complete() || excess <= plan.tolerance(delta)? {
        return None;
    }
    let estimated = plan.values.iter().flatten().any(|value| value.quality.is_estimated());
    let residual = most - excess;
    if !estimated && residual >= Energy::ZERO {
        return Some((
            residual,
            Quality::DERIVED,
            format!("{residual} kWh are left of its {delta}"),
        ));
    }
    if !estimated {
        return None;
    }
    // The other estimates are made to fit the register afterwards, and this one
    // with them.
    let neighbours =
        gap::interpolated(plan, &(slot..slot + 1)).and_then(|values| values.first().copied());
    let energy = neighbours.or_else(|| plan.like_mean(slot)).filter(|energy| *energy < most)?;
    Some((energy, Quality::ESTIMATED_INTERPOLATION, "interpolated".to_owned()))
}

//! Single intervals that are more than can be believed.

use loadstar_schema::Energy;
use loadstar_schema::codes::{VeeAction, VeeRule};

use crate::plan::{Plan, exceeds, power};

/// Marks steps from one interval to the next that exceed by far what like days
/// reach at most.
pub(crate) fn demand_change(plan: &mut Plan<'_>) {
    let (rule, parameter) = (VeeRule::DemandChange, "max_ratio");
    let Some(ratio) = plan.threshold(rule, parameter) else { return };
    let Some(least) = plan.threshold(rule, "min_kw") else { return };
    let Some(fewest) = plan.threshold(VeeRule::Gap, "like_days_min") else { return };
    let known = plan.case.like_days.iter().filter(|day| day.iter().flatten().next().is_some());
    if (known.count() as i128) * Energy::ONE < fewest.0 {
        return;
    }
    let like_most = plan.case.like_days.iter().flatten().flatten().max().copied();
    let like_most = like_most.unwrap_or_default();
    let steps: Vec<(usize, Energy)> = (1..plan.values.len())
        .filter_map(|slot| {
            let (before, after) = (plan.measured(slot - 1)?, plan.measured(slot)?);
            let (higher, step) =
                if after > before { (slot, after - before) } else { (slot - 1, before - after) };
            Some((higher, step))
        })
        .filter(|(higher, step)| {
            plan.is_open(*higher)
                && power(plan.case, *step) >= least
                && exceeds(*step, ratio, like_most)
        })
        .collect();
    let mut slots: Vec<usize> = steps.iter().map(|(slot, _)| *slot).collect();
    slots.dedup();
    let Some(greatest) = steps.iter().map(|(_, step)| *step).max() else { return };
    let detail = format!("a step of {greatest} kWh, like days have {like_most} kWh at most");
    mark(plan, rule, parameter, &slots, detail);
}

/// Marks more power than the connection carries.
pub(crate) fn capacity(plan: &mut Plan<'_>) {
    let (rule, parameter) = (VeeRule::Capacity, "max_ratio");
    let Some(ratio) = plan.threshold(rule, parameter) else { return };
    let Some(capacity) = plan.case.capacity_kva.filter(|capacity| *capacity > Energy::ZERO) else {
        return;
    };
    let kw =
        |plan: &Plan<'_>, slot: usize| plan.energy(slot).map(|energy| power(plan.case, energy));
    let slots: Vec<usize> = (0..plan.values.len())
        .filter(|&slot| {
            plan.is_open(slot) && kw(plan, slot).is_some_and(|kw| exceeds(kw, ratio, capacity))
        })
        .collect();
    let Some(most) = slots.iter().filter_map(|&slot| kw(plan, slot)).max() else { return };
    let detail = format!("{most} kW on a connection of {capacity} kVA");
    mark(plan, rule, parameter, &slots, detail);
}

fn mark(plan: &mut Plan<'_>, rule: VeeRule, parameter: &str, slots: &[usize], detail: String) {
    for &slot in slots {
        plan.flag(slot, rule, detail.clone());
    }
    plan.find(rule, parameter, VeeAction::Flagged, slots, detail);
}

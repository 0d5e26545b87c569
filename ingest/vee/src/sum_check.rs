//! The intervals of a day against what its register says.

use loadstar_schema::codes::{VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed};

use crate::plan::Plan;

const PARAMETER: &str = "tolerance_kwh";

/// Scales the estimates of a day so that it sums to the register delta; without
/// estimates, says where the two are further apart than is usual.
pub(crate) fn reconcile(plan: &mut Plan<'_>) {
    let Some(delta) = plan.case.register_delta_kwh.filter(|_| plan.is_complete()) else { return };
    let Some(tolerance) = plan.tolerance(delta) else { return };
    let total = plan.total();
    let estimated: Vec<usize> =
        (0..plan.values.len()).filter(|&slot| is_scaled(plan, slot)).collect();
    let part: Energy = estimated.iter().filter_map(|&slot| plan.energy(slot)).sum();
    let target = delta - (total - part);
    // Reads off the grid may belong to the neighbouring day in part.
    let can_scale = !estimated.is_empty()
        && plan.case.off_grid_count == 0
        && plan.case.is_active()
        && target >= Energy::ZERO;
    if can_scale && total != delta {
        let detail =
            format!("estimates of {part} kWh made {target} kWh, to sum to the register's {delta}");
        let energies: Vec<Energy> =
            estimated.iter().filter_map(|&slot| plan.energy(slot)).collect();
        for (&slot, energy) in estimated.iter().zip(scaled(&energies, target)) {
            let Some(value) = &mut plan.values[slot] else { continue };
            value.energy = energy;
            value.edit = Some((VeeRule::SumCheck, detail.clone()));
        }
        plan.find(VeeRule::SumCheck, PARAMETER, VeeAction::Edited, &estimated, detail);
    } else if (total - delta).0.abs() > tolerance.0 {
        let all: Vec<usize> =
            (0..plan.values.len()).filter(|&slot| plan.values[slot].is_some()).collect();
        let detail = format!("intervals sum to {total} kWh, the register to {delta}");
        plan.find(VeeRule::SumCheck, PARAMETER, VeeAction::Noted, &all, detail);
    }
}

/// An estimate, also of the head-end; but not the zero of an outage.
fn is_scaled(plan: &Plan<'_>, slot: usize) -> bool {
    plan.values[slot].as_ref().is_some_and(|value| {
        let of_outage = matches!(value.edit, Some((VeeRule::Outage, _)));
        value.quality.is_estimated() && !value.by_person && !of_outage
    })
}

/// Energies in the same proportion, none negative, that sum to `target`; what
/// does not divide goes to the largest. Those that are all zero share alike.
fn scaled(energies: &[Energy], target: Energy) -> Vec<Energy> {
    let sum = energies.iter().map(|energy| energy.0).sum::<i128>();
    let share = |energy: &Energy| match sum {
        0 => target.0 / energies.len() as i128,
        sum => energy.0 * target.0 / sum,
    };
    let mut scaled: Vec<Energy> = energies.iter().map(|energy| Fixed(share(energy))).collect();
    let rest = target - scaled.iter().copied().sum::<Energy>();
    // The first of several largest.
    let largest = energies.iter().enumerate().max_by(|(i, a), (j, b)| a.cmp(b).then(j.cmp(i)));
    if let Some((largest, _)) = largest {
        scaled[largest] += rest;
    }
    scaled
}

//! What is said of a day as a whole; nothing is edited.

use loadstar_schema::codes::{VeeAction, VeeRule};
use loadstar_schema::{Energy, Fixed};

use crate::plan::{Plan, exceeds, rounded};

/// A day's energy against the mean of like days.
pub(crate) fn high_low(plan: &mut Plan<'_>) {
    let rule = VeeRule::HighLow;
    let Some(high) = plan.threshold(rule, "high_ratio") else { return };
    let Some(low) = plan.threshold(rule, "low_ratio") else { return };
    let Some(least) = plan.threshold(rule, "min_kwh") else { return };
    let Some(fewest) = plan.threshold(VeeRule::Gap, "like_days_min") else { return };
    let whole = |day: &&Vec<Option<Energy>>| day.iter().all(Option::is_some);
    let totals: Vec<Energy> = plan
        .case
        .like_days
        .iter()
        .filter(whole)
        .map(|day| day.iter().flatten().copied().sum())
        .collect();
    let count = totals.len() as i128;
    if count == 0 || count * Energy::ONE < fewest.0 || !plan.is_complete() {
        return;
    }
    let mean = Fixed(rounded(totals.into_iter().sum::<Energy>().0, count));
    let total = plan.total();
    // A day of a part is not compared with whole ones.
    let whole_day = plan.case.slots.iter().all(|slot| slot.due);
    let is_high = exceeds(total, high, mean);
    let is_low = total.0 * Energy::ONE < low.0 * mean.0;
    if whole_day && total.max(mean) >= least && (is_high || is_low) {
        let detail = format!("{total} kWh, the mean of {count} like days is {mean} kWh");
        note(plan, rule, if is_high { "high_ratio" } else { "low_ratio" }, detail);
    }
}

/// Reads that a clock too far off has put between two intervals.
pub(crate) fn clock(plan: &mut Plan<'_>) {
    let count = plan.case.off_grid_count;
    if count > 0 {
        let detail = format!("{} kWh at no interval's end", plan.case.off_grid_kwh);
        plan.find(VeeRule::Clock, "tolerance_s", VeeAction::Flagged, &[], detail);
        if let Some(found) = plan.findings.last_mut() {
            found.interval_count = count as i32;
        }
    }
}

/// Reactive energy against the active energy of the same direction.
pub(crate) fn kvarh_vs_kwh(plan: &mut Plan<'_>) {
    let rule = VeeRule::KvarhVsKwh;
    let Some(ratio) = plan.threshold(rule, "max_ratio") else { return };
    let Some(least) = plan.threshold(rule, "min_kvarh") else { return };
    let Some(active) = plan.case.active_kwh else { return };
    let reactive: Energy = Fixed(plan.total().0.abs());
    if reactive < least || !exceeds(reactive, ratio, active) {
        return;
    }
    let detail = match active {
        Energy::ZERO => format!("{reactive} kvarh without any kWh"),
        active => format!("{reactive} kvarh to {active} kWh"),
    };
    note(plan, rule, "max_ratio", detail);
}

fn note(plan: &mut Plan<'_>, rule: VeeRule, parameter: &str, detail: String) {
    let all: Vec<usize> =
        (0..plan.values.len()).filter(|&slot| plan.values[slot].is_some()).collect();
    plan.find(rule, parameter, VeeAction::Noted, &all, detail);
}

//! What the register has to say. The usual day is 60 kWh.

use super::*;

#[test]
fn a_spike_that_the_register_denies_is_replaced_by_its_residual() {
    // 3 kWh became 30: the register says 60 kWh of the day.
    let mut case = with(usual(), 10, "30", 0);
    case.register_delta_kwh = Some(kwh("60.1234"));
    let outcome = told(&case);
    assert_eq!(edits(&outcome), [(10, "3.1234".into(), 11, VeeRule::Spike)]);
    assert_eq!(findings(&outcome), [(VeeRule::Spike, VeeAction::Edited, 1)]);
}

#[test]
fn a_spike_that_the_register_does_not_deny_is_only_marked() {
    let mut case = with(usual(), 10, "30", 0);
    case.register_delta_kwh = Some(kwh("87"));
    let outcome = told(&case);
    assert_eq!(edits(&outcome), [(10, "30.0000".into(), 10, VeeRule::Spike)]);
    assert_eq!(findings(&outcome), [(VeeRule::Spike, VeeAction::Flagged, 1)]);
}

#[test]
fn estimates_are_made_to_sum_to_the_register() {
    let mut case = usual();
    for hour in 0..4 {
        case = with(case, hour, &(hour + 1).to_string(), 8);
    }
    case.register_delta_kwh = Some(kwh("60.0005"));
    let outcome = told(&case);
    // 10 kWh become 10.0005: tenths of the half, the rest to the largest.
    let energies: Vec<String> = outcome.edits.iter().map(|e| e.energy.to_string()).collect();
    assert_eq!(energies, ["2.0001", "3.0001", "4.0003"]);
    assert!(outcome.edits.iter().all(|e| e.quality.0 == 8 && e.rule == VeeRule::SumCheck));
    assert_eq!(findings(&outcome), [(VeeRule::SumCheck, VeeAction::Edited, 4)]);
}

#[test]
fn a_gap_takes_what_the_register_leaves() {
    let mut case = without(usual(), 4..10);
    case.register_delta_kwh = Some(kwh("48"));
    let outcome = told(&case);
    let total: Energy = outcome.edits.iter().map(|edit| edit.energy).sum();
    // The other intervals have 47 kWh.
    assert_eq!(total, kwh("1"));
    let (gap, sum) = (VeeRule::Gap, VeeRule::SumCheck);
    assert_eq!(findings(&outcome), [(gap, VeeAction::Edited, 6), (sum, VeeAction::Edited, 6)]);
}

#[test]
fn an_outage_stays_zero_when_estimates_are_scaled() {
    let mut case = without(usual(), 4..10);
    case.outages = vec![outage(4.0, 9.0)];
    case.register_delta_kwh = Some(kwh("50"));
    let energies: Vec<String> = told(&case).edits.iter().map(|e| e.energy.to_string()).collect();
    assert_eq!(energies, ["0.0000", "0.0000", "0.0000", "0.0000", "0.0000", "3.0000"]);
}

#[test]
fn measured_intervals_that_disagree_with_the_register_are_said() {
    let mut case = usual();
    for (delta, expected) in [("60.6", 0), ("60.7", 1), ("59.3", 1)] {
        case.register_delta_kwh = Some(kwh(delta));
        let outcome = told(&case);
        assert_eq!((outcome.findings.len(), outcome.edits.len()), (expected, 0), "{delta}");
    }
    // Estimates cannot be less than nothing.
    let mut case = with(usual(), 3, "4", 9);
    case.register_delta_kwh = Some(kwh("50"));
    assert_eq!(findings(&told(&case)), [(VeeRule::SumCheck, VeeAction::Noted, 24)]);
}

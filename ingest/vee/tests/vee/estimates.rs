//! What is put where nothing came.

use super::*;

#[test]
fn a_short_gap_is_interpolated() {
    let outcome = told(&without(usual(), 5..7));
    // From 1 kWh before to 4 kWh after.
    let expected = [(5, "2.0000".into(), 9, VeeRule::Gap), (6, "3.0000".into(), 9, VeeRule::Gap)];
    assert_eq!(edits(&outcome), expected);
    assert!(outcome.edits.iter().all(|edit| edit.revision == -1));
    assert_eq!(findings(&outcome), [(VeeRule::Gap, VeeAction::Edited, 2)]);
    assert_eq!(outcome.findings[0].first_read_at, Some(at(6.0)));
    assert_eq!(outcome.findings[0].rule_valid_from.to_string(), "2000-01-01");
}

#[test]
fn a_gap_at_the_edge_goes_by_the_neighbouring_day() {
    let outcome = told(&without(usual(), 22..24));
    // From 2 kWh before to the next day's 1 kWh; thirds are rounded half away from zero.
    let energies: Vec<String> = outcome.edits.iter().map(|e| e.energy.to_string()).collect();
    assert_eq!(energies, ["1.6667", "1.3333"]);
}

#[test]
fn a_long_gap_is_the_mean_of_like_days() {
    let mut case = without(usual(), 4..8);
    for (number, day) in case.like_days.iter_mut().enumerate() {
        day[4] = Some(Fixed(number as i128));
    }
    // Of the last slot two like days know nothing: two are enough.
    case.like_days[0][7] = None;
    case.like_days[1][7] = None;
    let outcome = told(&case);
    let expected = ["0.0002", "2.0000", "3.0000", "4.0000"];
    let energies: Vec<String> = outcome.edits.iter().map(|e| e.energy.to_string()).collect();
    assert_eq!(energies, expected);
    assert!(outcome.edits.iter().all(|edit| edit.quality.0 == 8 && edit.rule == VeeRule::Gap));
}

#[test]
fn what_cannot_be_estimated_is_said_and_never_zero() {
    let mut case = without(usual(), 4..8);
    case.like_days.truncate(1);
    let outcome = told(&case);
    assert_eq!(outcome.edits, []);
    assert_eq!(findings(&outcome), [(VeeRule::Gap, VeeAction::Noted, 4)]);
    // A short gap goes by like days where a neighbour is missing too.
    let mut lonely = without(usual(), 0..1);
    lonely.before = None;
    assert_eq!(edits(&told(&lonely)), [(0, "1.0000".into(), 8, VeeRule::Gap)]);
}

#[test]
fn a_meter_that_was_removed_at_noon_has_no_gap() {
    let mut case = without(usual(), 12..24);
    case.slots[12..].iter_mut().for_each(|slot| slot.due = false);
    assert_eq!(told(&case), Outcome::default());
}

#[test]
fn a_gap_in_an_outage_is_zero_for_that_reason() {
    let mut case = without(usual(), 8..12);
    // From 08:30: the first hour had supply for half of it.
    case.outages = vec![outage(8.5, 12.0)];
    let outcome = told(&case);
    let zero = |hour| (hour, "0.0000".to_owned(), 9, VeeRule::Outage);
    // No line is drawn to the zero of an outage.
    let expected = [(8, "1.0000".to_owned(), 8, VeeRule::Gap), zero(9), zero(10), zero(11)];
    assert_eq!(edits(&outcome), expected);
    let (outage, gap) = (VeeRule::Outage, VeeRule::Gap);
    let edited = VeeAction::Edited;
    assert_eq!(findings(&outcome), [(outage, edited, 3), (gap, edited, 1)]);
}

#[test]
fn a_read_off_the_grid_is_no_gap_and_counts() {
    let mut case = without(usual(), 5..6);
    case.slots[5].covered = true;
    (case.off_grid_kwh, case.off_grid_count) = (kwh("2"), 1);
    case.register_delta_kwh = Some(kwh("60"));
    let outcome = told(&case);
    assert_eq!(outcome.edits, []);
    assert_eq!(findings(&outcome), [(VeeRule::Clock, VeeAction::Flagged, 1)]);
}

#[test]
fn an_estimate_follows_what_becomes_known() {
    let case = without(usual(), 9..11);
    let case = after(case.clone(), &told(&case));
    assert_eq!(told(&case).edits, [], "said once");
    let mut known = case.clone();
    known.outages = vec![outage(9.0, 11.0)];
    let zero = |hour| (hour, "0.0000".to_owned(), 9, VeeRule::Outage);
    assert_eq!(edits(&told(&known)), [zero(9), zero(10)]);
}

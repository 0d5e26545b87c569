//! What is marked questionable, and what is only said.

use super::*;

fn zeros(hours: std::ops::Range<usize>) -> Case {
    let mut case = usual();
    case.slots[hours].fill(slot(Some(read(Energy::ZERO, 0))));
    case
}

#[test]
fn zeros_for_longer_than_hours_are_questionable() {
    assert_eq!(told(&zeros(8..14)), Outcome::default(), "six hours are allowed");
    let outcome = told(&zeros(8..15));
    assert_eq!(findings(&outcome), [(VeeRule::ZeroRun, VeeAction::Flagged, 7)]);
    assert_eq!(outcome.edits.len(), 7);
    assert!(outcome.edits.iter().all(|e| (e.energy, e.quality.0) == (Energy::ZERO, 10)));
}

#[test]
fn zeros_are_valid_where_like_days_have_them_or_there_was_no_supply() {
    let mut idle = zeros(8..18);
    idle.like_days.iter_mut().for_each(|day| day[8..18].fill(Some(Energy::ZERO)));
    assert_eq!(told(&idle), Outcome::default());
    let mut out = zeros(8..15);
    out.outages = vec![outage(7.5, 15.5)];
    assert_eq!(told(&out), Outcome::default());
    // What an outage leaves of the run is short.
    out.outages = vec![outage(10.2, 10.3)];
    assert_eq!(told(&out), Outcome::default());
    // The sun covers what is used.
    let mut sunny = zeros(8..15);
    sunny.feeds_in = true;
    assert_eq!(told(&sunny), Outcome::default());
    sunny.channel = ReadChannel::Export;
    sunny.feeds_in = false;
    assert_eq!(told(&sunny), Outcome::default());
    // A person's word counts.
    let mut checked = zeros(8..15);
    for slot in &mut checked.slots[8..15] {
        let read = Read { by_person: true, quality: Quality(7), ..slot.came.expect("a read") };
        (slot.came, slot.now) = (Some(read), Some(read));
    }
    assert_eq!(told(&checked), Outcome::default());
}

#[test]
fn a_spike_is_more_than_280_percent_of_the_third_highest() {
    assert_eq!(told(&with(usual(), 10, "11.2", 0)), Outcome::default());
    let outcome = told(&with(usual(), 10, "11.2001", 0));
    assert_eq!(edits(&outcome), [(10, "11.2001".into(), 10, VeeRule::Spike)]);
    assert_eq!(findings(&outcome), [(VeeRule::Spike, VeeAction::Flagged, 1)]);
    assert_eq!(told(&with(usual(), 10, "11.2001", 8)).edits, [], "the head-end's estimate stays");
}

#[test]
fn a_step_far_beyond_what_like_days_reach_is_questionable() {
    // Two high hours are no spike: the third highest is not far below.
    let mut case = usual();
    for hour in [9, 10, 11] {
        case = with(case, hour, "17", 0);
    }
    let outcome = told(&case);
    let step = |hour| (hour, "17.0000".to_owned(), 10, VeeRule::DemandChange);
    assert_eq!(edits(&outcome), [step(9), step(11)]);
    case.like_days.truncate(1);
    assert_eq!(told(&case).edits, [], "too little is known");
}

#[test]
fn power_beyond_the_connection_is_questionable() {
    let mut case = usual();
    case.capacity_kva = Some(kwh("3"));
    // 1.3 kW a kVA: 3.9 kW.
    let outcome = told(&case);
    assert_eq!(findings(&outcome), [(VeeRule::Capacity, VeeAction::Flagged, 6)]);
    assert!(outcome.edits.iter().all(|edit| edit.energy == kwh("4")));
    case.capacity_kva = Some(kwh("3.1"));
    assert_eq!(told(&case), Outcome::default());
}

#[test]
fn a_day_far_from_days_like_it_is_said() {
    let mut case = usual();
    for day in &mut case.like_days {
        day.iter_mut().flatten().for_each(|energy| energy.0 *= 11);
    }
    let outcome = told(&case);
    assert_eq!(findings(&outcome), [(VeeRule::HighLow, VeeAction::Noted, 24)]);
    assert_eq!(outcome.edits, []);
    // Flat days, a quarter of this one.
    for day in &mut case.like_days {
        day.fill(Some(kwh("0.6")));
        day[3] = Some(kwh("1"));
    }
    let outcome = told(&case);
    assert_eq!(findings(&outcome), [(VeeRule::HighLow, VeeAction::Noted, 24)]);
}

#[test]
fn reactive_energy_needs_active() {
    let mut case = usual();
    case.channel = ReadChannel::ReactiveImport;
    for (active, expected) in [("0", 1), ("19.9", 1), ("20", 0)] {
        case.active_kwh = Some(kwh(active));
        let outcome = told(&case);
        assert_eq!(outcome.findings.len(), expected, "{active}");
        assert!(outcome.findings.iter().all(|f| f.rule == VeeRule::KvarhVsKwh));
    }
}

#[test]
fn a_mark_is_taken_back_once_it_is_explained() {
    let case = zeros(8..15);
    let mut marked = after(case.clone(), &told(&case));
    assert_eq!(told(&marked).edits, []);
    marked.outages = vec![outage(8.0, 15.0)];
    let outcome = told(&marked);
    assert_eq!(outcome.findings, []);
    assert_eq!(outcome.edits.len(), 7);
    assert!(outcome.edits.iter().all(|e| (e.quality.0, e.rule) == (0, VeeRule::Withdrawn)));
}

#[test]
fn findings_are_written_when_they_say_something_new() {
    let found = told(&zeros(8..15)).findings;
    let first = loadstar_vee::changes(&[], &found);
    assert_eq!(first.iter().map(|known| known.revision).collect::<Vec<_>>(), [0]);
    assert_eq!(loadstar_vee::changes(&first, &found), []);
    let cleared = loadstar_vee::changes(&first, &[]);
    assert_eq!((cleared[0].revision, cleared[0].finding.interval_count), (1, 0));
    assert_eq!(loadstar_vee::changes(&cleared, &[]), []);
    let again = loadstar_vee::changes(&cleared, &found);
    assert_eq!((again[0].revision, &again[0].finding), (2, &found[0]));
}

#[test]
fn a_rule_without_a_threshold_in_force_rests() {
    let mut case = zeros(8..15);
    case.day = "1999-11-16".parse().expect("a date");
    assert_eq!(told(&case), Outcome::default());
}

//! Order, repeatability, size, and specs that cannot be.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;
use loadstar_schema::day;
use loadstar_schema::synthetic::{DayOfEvents, SyntheticError, Utility, UtilitySpec};

use crate::{play, town};

fn digest(batches: &[DayOfEvents]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for event in batches.iter().flat_map(|batch| &batch.events) {
        (event.topic, &event.key, event.timestamp, &event.payload).hash(&mut hasher);
    }
    hasher.finish()
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let spec = UtilitySpec { defect_rate: 0.03, ..town() };
    let (first, truth) = play(spec.clone());
    let (again, truth_again) = play(spec.clone());
    assert_eq!(digest(&first), digest(&again));
    assert_eq!(truth, truth_again);
    assert_eq!(Utility::new(spec.clone()).expect("valid").truth(), truth);
    let (other, _) = play(UtilitySpec { seed: 8, ..spec });
    assert_ne!(digest(&first), digest(&other));
}

#[test]
fn batches_are_days_of_arrival_in_order() {
    let spec = UtilitySpec { defect_rate: 0.05, ..town() };
    let (batches, _) = play(spec.clone());
    assert_eq!(batches.len(), spec.days as usize + 1);
    assert_eq!(batches.last().map(|batch| batch.day), Some(spec.end));
    let mut last = batches[0].events[0].timestamp;
    for batch in &batches {
        for event in &batch.events {
            assert_eq!(day::of_instant(event.timestamp), batch.day);
            assert!(event.timestamp >= last, "{} after {last}", event.timestamp);
            last = event.timestamp;
        }
    }
    assert!(last < day::start(spec.end) + TimeDelta::hours(8));
}

#[test]
fn messages_are_as_many_as_the_truth_says_and_small() {
    for interval_min in [60, 15] {
        let (batches, truth) = play(UtilitySpec { interval_min, defect_rate: 0.02, ..town() });
        for (topic, told) in &truth.topics {
            let events = crate::of_topic(&batches, topic);
            assert_eq!(events.len() as u64, told.messages, "{topic}");
            assert!(events.iter().all(|event| event.payload.len() < 2048), "{topic}");
        }
    }
}

#[test]
fn a_spec_that_cannot_be_is_refused_by_its_field() {
    let refused = |spec: UtilitySpec| match Utility::new(spec) {
        Err(SyntheticError::Spec { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(UtilitySpec { customers: 0, ..town() }), "customers");
    assert_eq!(refused(UtilitySpec { days: 0, ..town() }), "days");
    assert_eq!(refused(UtilitySpec { interval_min: 7, ..town() }), "interval_min");
    assert_eq!(refused(UtilitySpec { defect_rate: f64::NAN, ..town() }), "defect_rate");
}

#[test]
fn the_smallest_utilities_play_to_the_end() {
    for (customers, days) in [(1, 1), (1, 40), (3, 2)] {
        let (batches, _) = play(UtilitySpec { customers, days, defect_rate: 0.5, ..town() });
        assert_eq!(batches.len(), days as usize + 1);
    }
}

//! At rate 0 only daily business; above it every kind of trouble.

use std::collections::BTreeSet;

use loadstar_schema::synthetic::UtilitySpec;

use crate::{play, town};

#[test]
fn without_defects_nothing_is_to_be_refused() {
    let (batches, truth) = play(town());
    for told in truth.topics.values() {
        assert!(told.dead_letters.is_empty());
        assert_eq!((told.duplicate_messages, told.conflict_messages), (0, 0));
    }
    assert!(truth.defects.is_empty());
    for event in batches.iter().flat_map(|batch| &batch.events) {
        serde_json::from_slice::<serde_json::Value>(&event.payload).expect("JSON");
    }
}

#[test]
fn with_defects_every_kind_occurs() {
    let spec = UtilitySpec { customers: 200, defect_rate: 0.1, ..town() };
    let (_, truth) = play(spec);
    let reasons: BTreeSet<&str> = truth
        .topics
        .values()
        .flat_map(|told| told.dead_letters.keys().map(String::as_str))
        .collect();
    let all = ["impossible_value", "malformed_json", "missing_field", "unknown_code", "wrong_type"];
    assert_eq!(reasons, BTreeSet::from(all));
    let reads = &truth.topics["meter_reads"];
    assert!(reads.duplicate_messages > 0 && reads.conflict_messages > 0);
    assert_ne!(truth.energy.unknown_meter_kwh, "0.0000");
    let kinds: BTreeSet<&str> = truth.defects.iter().map(|defect| defect.kind.as_str()).collect();
    let all = ["clock_drift", "outage", "replacement", "rollover", "spike", "stuck"];
    assert_eq!(kinds, BTreeSet::from(all));
}

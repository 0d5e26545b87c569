//! The synthetic utility's messages against its own account of what has to
//! come of them.

use std::collections::BTreeMap;

use loadstar_schema::synthetic::{Truth, Utility, UtilitySpec};

use super::*;

/// Rows by table and rejects by topic and reason.
type Counts = (BTreeMap<String, u64>, BTreeMap<(String, String), u64>, Vec<String>);

fn play(defect_rate: f64) -> (Counts, Truth) {
    let spec = UtilitySpec { customers: 60, days: 100, defect_rate, ..UtilitySpec::default() };
    let utility = Utility::new(spec).expect("a utility");
    let codes = Arc::new(KnownCodes::shipped());
    let mut decoders: BTreeMap<&str, Decoder> = Table::LANDED
        .iter()
        .filter(|table| **table != Table::RegisterReads)
        .map(|&table| (table.name(), Decoder::new(table, Arc::clone(&codes))))
        .collect();
    let mut days = utility.days();
    for day in days.by_ref() {
        for event in &day.events {
            let message = Message {
                topic: event.topic,
                partition: 0,
                offset: 0,
                timestamp: event.timestamp,
                key: None,
                payload: Some(&event.payload),
            };
            decoders.get_mut(event.topic).expect("a topic of the lake").push(&message);
        }
    }
    let mut counts = Counts::default();
    for decoder in decoders.values_mut() {
        let decoded = decoder.finish();
        for (table, batch) in decoded.tables {
            *counts.0.entry(table.name().to_owned()).or_default() += batch.num_rows() as u64;
        }
        for reject in decoded.rejects {
            let reason = (reject.topic.clone(), reject.reason.code().to_owned());
            *counts.1.entry(reason).or_default() += 1;
            counts.2.push(format!("{}: {}", reject.topic, reject.detail));
        }
    }
    (counts, days.truth())
}

fn told(truth: &Truth) -> (BTreeMap<String, u64>, BTreeMap<(String, String), u64>) {
    let rows = truth.tables.iter().filter(|(_, table)| table.rows > 0);
    let rejects = truth.topics.iter().flat_map(|(topic, told)| {
        told.dead_letters.iter().map(|(reason, &count)| ((topic.clone(), reason.clone()), count))
    });
    (rows.map(|(name, table)| (name.clone(), table.rows)).collect(), rejects.collect())
}

#[test]
fn a_clean_utility_is_taken_in_to_the_last_row() {
    let ((rows, _, details), truth) = play(0.0);
    assert_eq!(details, Vec::<String>::new());
    assert_eq!(rows, told(&truth).0);
    assert!(rows.len() >= 7, "{rows:?}");
}

#[test]
fn every_planted_defect_is_refused_for_its_reason_and_nothing_else_is() {
    let ((rows, rejects, _), truth) = play(0.05);
    assert_eq!((rows, &rejects), (told(&truth).0, &told(&truth).1));
    assert!(rejects.len() >= 5, "{rejects:?}");
}

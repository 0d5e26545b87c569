//! Dead letters land once they fit, each once, whenever a replay is cut short.

use std::sync::Arc;

use arrow::array::AsArray;
use chrono::Utc;
use loadstar_ingest::decode::KnownCodes;
use loadstar_ingest::{DeadLetter, Fault, Faults, IngestError, Replay, Step, replay};
use loadstar_schema::Table;

use crate::world::{Lake, fault_at};

fn letter(offset: i64, payload: &str) -> DeadLetter {
    DeadLetter {
        topic: "meter_reads".to_owned(),
        partition: 3,
        offset,
        key: None,
        payload: Some(payload.as_bytes().to_vec()),
    }
}

fn interval(hour: i64) -> String {
    format!(
        r#"{{"meter_id":"M1","read_at":"2026-03-01T{hour:02}:00:00Z","interval_min":60,"energy_kwh":1}}"#
    )
}

const REGISTER: &str = r#"{"meter_id":"M1","tou":"total","read_at":"2026-03-01T00:00:00Z","register_kwh":10.5,"multiplier":1,"modulus_kwh":1000000}"#;

fn wanted(unfinished: Option<String>, faults: Option<Faults>) -> Replay {
    let mut letters: Vec<DeadLetter> = (0..5).map(|n| letter(n, &interval(n))).collect();
    letters.push(letter(5, REGISTER));
    letters.push(letter(6, "{"));
    let codes = Arc::new(KnownCodes::shipped());
    let (stream, registry) = (Table::MeterReads, None);
    Replay { stream, letters, codes, registry, at: Utc::now(), unfinished, faults }
}

async fn marks(lake: &Lake, state: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for batch in lake.rows(Table::DeadLetterReplays).await {
        let column = |name| batch.column_by_name(name).expect(name).as_string::<i32>();
        for (id, found) in column("replay_id").iter().zip(column("state")) {
            if found == Some(state) {
                ids.push(id.expect("an id").to_owned());
            }
        }
    }
    ids
}

async fn landed(lake: &Lake) -> [usize; 2] {
    let count = async |table| lake.rows(table).await.iter().map(|b| b.num_rows()).sum();
    [count(Table::MeterReads).await, count(Table::RegisterReads).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_lands_and_the_rest_says_why() {
    let lake = Lake::new();
    let summary = replay(&lake.url, wanted(None, None)).await.expect("replayed");
    assert_eq!((summary.landed, summary.rows), (6, 6));
    assert_eq!(summary.refused.len(), 1);
    assert_eq!(summary.refused[0].offset, 6);
    assert_eq!(landed(&lake).await, [5, 1]);
    assert_eq!(marks(&lake, "landed").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_cut_short_anywhere_is_finished_without_doubling() {
    let mut steps = Vec::new();
    for table in [Table::RegisterReads, Table::MeterReads] {
        steps.extend([Step::FilesWritten(table), Step::Committing(table), Step::Committed(table)]);
    }
    let marks_of = Table::DeadLetterReplays;
    let mut cuts: Vec<(Step, usize)> = steps.into_iter().map(|step| (step, 1)).collect();
    // The first mark is the claim, the second that it landed.
    cuts.extend([(Step::Committed(marks_of), 1), (Step::Committing(marks_of), 2)]);
    for (step, nth) in cuts {
        let lake = Lake::new();
        let faults = fault_at(step, nth, Fault::Crash);
        let cut = replay(&lake.url, wanted(None, Some(faults))).await.expect_err("the fault");
        assert!(matches!(cut, IngestError::Injected { .. }), "{step}: {cut}");
        let claimed = marks(&lake, "claimed").await;
        assert_eq!(claimed.len(), 6, "{step}");
        assert!(marks(&lake, "landed").await.is_empty(), "{step}");
        replay(&lake.url, wanted(Some(claimed[0].clone()), None)).await.expect("finished");
        assert_eq!(landed(&lake).await, [5, 1], "{step}");
        assert_eq!(marks(&lake, "landed").await.len(), 6, "{step}");
    }
}

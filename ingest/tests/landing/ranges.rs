//! A part of a topic under a name of its own, once.

use std::collections::BTreeMap;

use loadstar_ingest::produce::partition_of;
use loadstar_ingest::{Fault, IngestError, IngestOptions, Place, Range, Step};
use loadstar_schema::Table;

use crate::broker;
use crate::world::{Broker, Lake, expected, fault_at, land, meter, produce};

/// The messages of each partition, in their order.
pub(crate) fn partitions(messages: i32) -> [Vec<i32>; 2] {
    let mut partitions = [Vec::new(), Vec::new()];
    for sequence in 0..messages {
        partitions[partition_of(meter(sequence).as_bytes(), 2) as usize].push(sequence);
    }
    partitions
}

/// Those at the offsets of a range.
fn at(messages: i32, offsets: [std::ops::Range<usize>; 2]) -> Vec<i32> {
    let [one, two] = partitions(messages);
    [&one[offsets[0].clone()], &two[offsets[1].clone()]].concat()
}

pub(crate) fn ranged(lake: &Lake, broker: &Broker, from: Place, to: Place) -> IngestOptions {
    let mut options = lake.options(broker);
    options.pipeline = "again".to_owned();
    options.until_end = false;
    options.range = Range { from: Some(from), to: Some(to) };
    options.flush.rows = 15;
    options
}

fn offsets(first: i64, second: i64) -> Place {
    Place::Offsets(BTreeMap::from([(0, first), (1, second)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_lands_what_it_holds_and_nothing_again() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = Lake::new();
    let options = ranged(&lake, &broker, offsets(10, 20), offsets(60, 80));
    let summary = land(options.clone()).await.expect("landed");
    assert_eq!((summary.total.messages, summary.total.expected_messages), (110, Some(110)));
    assert_eq!(lake.found().await, expected(at(300, [10..60, 20..80])));

    let again = land(options).await.expect("nothing to land");
    assert_eq!((again.total.messages, again.total.commits), (0, 0));
    let further = ranged(&lake, &broker, offsets(10, 20), offsets(75, 80));
    assert_eq!(land(further).await.expect("landed").total.messages, 15);
    // One partition alone.
    let one = |offset| Place::Offsets(BTreeMap::from([(1, offset)]));
    let further = ranged(&lake, &broker, one(30), one(90));
    assert_eq!(land(further).await.expect("landed").total.messages, 10);
    assert_eq!(lake.found().await, expected(at(300, [10..75, 20..90])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_inside_a_range_goes_on_inside_it() {
    let broker = broker();
    produce(&broker, 0..300);
    let held = expected(at(300, [30..100, 30..100]));
    let mut steps = vec![Step::Landed];
    for table in [Table::DeadLetters, Table::RegisterReads, Table::MeterReads] {
        steps.extend([Step::FilesWritten(table), Step::Committed(table)]);
    }
    for step in steps {
        for nth in [1, 3] {
            let lake = Lake::new();
            let range = || ranged(&lake, &broker, Place::Offset(30), Place::Offset(100));
            let mut options = range();
            options.faults = Some(fault_at(step, nth, Fault::Crash));
            match land(options).await {
                Err(IngestError::Injected { .. }) => {}
                other => panic!("{step} was not reached {nth} times: {other:?}"),
            }
            // What was begun is finished, whether it says its beginning or not.
            let mut options = range();
            if nth == 3 {
                options.range.from = None;
            }
            land(options).await.expect("carried on");
            assert_eq!(lake.found().await, held, "crash {nth} at {step}");
            assert_eq!(land(range()).await.expect("nothing to land").total.messages, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_does_not_follow_on_is_refused() {
    let broker = broker();
    produce(&broker, 0..300);
    let lake = Lake::new();
    let range = |from, to| ranged(&lake, &broker, Place::Offset(from), Place::Offset(to));
    land(range(50, 70)).await.expect("landed");
    let refused = async |options: IngestOptions, why: &str| {
        let error = land(options).await.expect_err("refused").to_string();
        assert!(error.contains(why) && error.contains(&broker.topic), "{error}");
    };
    refused(range(20, 70), "has landed from 50 on only").await;
    refused(range(71, 90), "has landed up to 70, and what lies between would be lost").await;
    refused(range(50, 10_000), "there is no offset 10000").await;
    refused(range(60, 55), "the range begins at 60").await;
    let mut stranger = range(50, 70);
    stranger.range.from = Some(Place::Offsets(BTreeMap::from([(7, 50)])));
    refused(stranger, "the topic has 2 partitions").await;
    assert_eq!(lake.found().await, expected(at(300, [50..70, 50..70])));

    // Without a beginning the name goes on where it stands, and to the end.
    let mut on = range(0, 0);
    on.range = Range::default();
    on.until_end = true;
    land(on).await.expect("landed");
    let [one, two] = partitions(300).map(|partition| 50..partition.len());
    assert_eq!(lake.found().await, expected(at(300, [one, two])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_again_under_another_name_leaves_the_first_alone() {
    let broker = broker();
    produce(&broker, 0..200);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    let again = ranged(&lake, &broker, Place::Beginning, Place::End);
    // Both at once: the first has nothing to do, the other everything.
    let (first, second) = tokio::join!(land(lake.options(&broker)), land(again));
    assert_eq!(first.expect("nothing to land").total.messages, 0);
    assert_eq!(second.expect("landed").total.messages, 200);
    assert_eq!(lake.found().await, expected((0..200).chain(0..200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_of_one_range_share_the_work_without_doubling_it() {
    let broker = broker();
    produce(&broker, 0..600);
    let lake = Lake::new();
    let range = || ranged(&lake, &broker, Place::Offset(20), Place::Offset(190));
    let (one, two) = tokio::join!(land(range()), land(range()));
    one.expect("the one");
    two.expect("the other");
    assert_eq!(lake.found().await, expected(at(600, [20..190, 20..190])));
}

//! Logs that are not what the lake remembers: topics deleted and made anew, and
//! messages deleted before they landed. A run that finds one ends and says so.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use loadstar_ingest::{Fault, GroupProtocol, IngestError, Membership, Step, landed_offsets, run};
use loadstar_schema::Table;
use tokio::sync::watch;

use crate::kafka::Kafka;
use crate::world::{Broker, Lake, land, never, produce};

/// `None` where there is no Apache Kafka, which alone deletes topics.
fn kafka() -> Option<(Arc<Kafka>, Broker)> {
    let kafka = Kafka::shared()?;
    let broker = kafka.clone().topic(2);
    Some((kafka, broker))
}

fn assert_recreated(error: &IngestError, evidence: &str) {
    assert!(matches!(error, IngestError::TopicRecreated { .. }), "{error}");
    assert!(error.to_string().contains(evidence), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_shorter() {
    let Some((kafka, broker)) = kafka() else { return };
    produce(&broker, 0..200);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    kafka.recreate(&broker);
    produce(&broker, 200..250);
    let error = land(lake.options(&broker)).await.expect_err("recreated");
    assert_recreated(&error, "the broker's log ends at");
    lake.holds(&broker, 0..200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_longer() {
    let Some((kafka, broker)) = kafka() else { return };
    produce(&broker, 0..200);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    kafka.recreate(&broker);
    produce(&broker, 200..900);
    let error = land(lake.options(&broker)).await.expect_err("recreated");
    assert_recreated(&error, "another message before it than landed");
    lake.holds(&broker, 0..200).await;
    // As the error says: under another name it lands from its start.
    let mut options = lake.options(&broker);
    options.pipeline = "after".to_owned();
    assert_eq!(land(options).await.expect("landed").total.messages, 700);
}

/// A running ingest whose topic is deleted and made anew with `messages`.
async fn recreated_while_running(messages: Range<i32>) {
    let Some(kafka) = Kafka::shared() else { return };
    for membership in [Membership::Alone, Membership::Group(GroupProtocol::Auto)] {
        let broker = kafka.clone().topic(2);
        produce(&broker, 0..200);
        let lake = Lake::new();
        let mut options = lake.options(&broker);
        options.until_end = false;
        options.membership = membership;
        options.group_id = format!("group-of-{}", broker.topic);
        options.flush.latency = Duration::from_millis(50);
        let (landed, mut landing) = watch::channel(0);
        let tell = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
            landed.send_replace(progress.messages);
        });
        let running = tokio::spawn(run(options, never(), tell));
        landing.wait_for(|messages| *messages == 200).await.expect("running");
        kafka.recreate(&broker);
        produce(&broker, messages.clone());
        let ended = tokio::time::timeout(Duration::from_secs(90), running).await;
        let error = ended.expect("in time").expect("no panic").expect_err("recreated");
        assert_recreated(&error, "was recreated");
        lake.holds(&broker, 0..200).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_shorter_under_a_running_ingest() {
    recreated_while_running(200..220).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_longer_under_a_running_ingest() {
    recreated_while_running(200..900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_deleted_before_an_ingest_begins() {
    let Some((kafka, broker)) = kafka() else { return };
    produce(&broker, 0..100);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    produce(&broker, 100..200);
    kafka.empty(&broker);
    match land(lake.options(&broker)).await.expect_err("deleted") {
        IngestError::RetentionOverrun { landed, first_kept, .. } => assert!(landed < first_kept),
        other => panic!("{other}"),
    }
    lake.holds(&broker, 0..100).await;
}

/// What landed may be deleted: nothing is left to recognise the log by, and
/// nothing was lost.
#[tokio::test(flavor = "multi_thread")]
async fn messages_deleted_after_they_landed_are_not_missed() {
    let Some((kafka, broker)) = kafka() else { return };
    produce(&broker, 0..100);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    kafka.empty(&broker);
    produce(&broker, 100..200);
    land(lake.options(&broker)).await.expect("carried on");
    lake.holds(&broker, 0..200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_deleted_under_a_running_ingest() {
    const MESSAGES: i32 = 60_000;
    let Some((kafka, broker)) = kafka() else { return };
    produce(&broker, 0..MESSAGES);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.flush.rows = 500;
    // Little is held ready, so that most of the log is still to be fetched.
    options.queue_kib = 64;
    let small = ("fetch.message.max.bytes".to_owned(), "16384".to_owned());
    options.properties = [small].into();
    let broker = Arc::new(broker);
    let (emptied, first) = (broker.clone(), std::sync::Once::new());
    options.faults = Some(Arc::new(move |step| {
        if step == Step::Committed(Table::MeterReads) {
            first.call_once(|| kafka.empty(&emptied));
        }
        Fault::None
    }));
    let error = land(options).await.expect_err("deleted");
    let IngestError::RetentionOverrun { landed, first_kept, .. } = error else { panic!("{error}") };
    assert!(landed < first_kept);
    let (topic, partitions) = (&broker.topic, broker.partitions);
    let cluster = crate::kafka::CLUSTER_ID;
    let ends =
        landed_offsets(&lake.url, "loadstar", cluster, Table::MeterReads, topic, partitions).await;
    let ends: Vec<i64> = ends.expect("read").into_iter().map(|end| end.unwrap_or(0)).collect();
    assert!(ends.iter().sum::<i64>() < i64::from(MESSAGES), "{ends:?}");
    lake.holds_up_to(&ends, 0..MESSAGES).await;
}

//! Troubles that end a run, and what they say.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{IngestError, LakeTable, LakeUrl};
use loadstar_schema::Table;

use crate::broker;
use crate::world::{Lake, land, produce};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_topic_is_named_beside_those_that_exist() {
    let broker = broker();
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.topics.insert(Table::Bills, "invoices".to_owned());
    let error = land(options).await.expect_err("no such topic").to_string();
    assert!(error.contains("\"invoices\"") && error.contains("it has meter_reads"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_named() {
    let broker = broker();
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.brokers = "127.0.0.1:1".to_owned();
    options.connect_timeout = Duration::from_millis(700);
    let error = land(options).await.expect_err("nobody there");
    assert!(matches!(error, IngestError::BrokerUnreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1 within 700ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_cannot_be_written_is_named() {
    let broker = broker();
    let lake = Lake::new();
    let file = lake.dir.path().join("file");
    std::fs::write(&file, "in the way").expect("a file");
    let mut options = lake.options(&broker);
    options.lake = LakeUrl::folder(&file).expect("an address");
    let error = land(options).await.expect_err("in the way");
    assert!(matches!(error, IngestError::Lake { .. }), "{error}");
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_topic_is_not_taken_for_the_old_one() {
    let lake = Lake::new();
    let options = |broker: &_| {
        let mut options = lake.options(broker);
        options.cluster_id = Some("main".to_owned());
        options
    };
    let before = broker();
    produce(&before, 0..200);
    land(options(&before)).await.expect("landed");
    let after = broker();
    produce(&after, 0..50);
    let contents = lake.found().await;
    let error = land(options(&after)).await.expect_err("recreated");
    assert!(matches!(error, IngestError::TopicRecreated { .. }), "{error}");
    assert_eq!(lake.found().await, contents);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_deleted_before_they_landed_are_named() {
    let broker = broker();
    produce(&broker, 0..50);
    let lake = Lake::new();
    land(lake.options(&broker)).await.expect("landed");
    // The embedded broker keeps 5 MiB a partition.
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new()).expect("producer");
    let payload = vec![b'x'; 64 << 10];
    for message in 0..400_u32 {
        let key = message.to_le_bytes();
        let record =
            Record { topic: &broker.topic, key: &key, payload: &payload, timestamp: Utc::now() };
        producer.send(&record).expect("sent");
    }
    producer.flush(Duration::from_secs(20)).expect("delivered");
    match land(lake.options(&broker)).await.expect_err("deleted") {
        IngestError::RetentionOverrun { landed, first_kept, .. } => assert!(landed < first_kept),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_shape_is_left_alone() {
    let lake = Lake::new();
    drop(LakeTable::open_or_create(&lake.url, Table::Calendar).await.expect("made"));
    let (calendar, bills) = (Table::Calendar.name(), Table::Bills.name());
    let folder = lake.dir.path().join("lake");
    std::fs::rename(folder.join(calendar), folder.join(bills)).expect("renamed");
    let opened = LakeTable::open_or_create(&lake.url, Table::Bills).await;
    let error = opened.err().expect("other columns").to_string();
    assert!(error.contains("column bill_id is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_shown() {
    let broker = broker();
    let mut options = Lake::new().options(&broker);
    options.properties.insert("sasl.password".to_owned(), "hunter2".to_owned());
    let shown = format!("{options:?}");
    assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    let error = land(options.clone()).await.map(|_| ()).map_err(|error| error.to_string());
    assert!(!format!("{error:?}").contains("hunter2"));
    options.properties.insert("enable.auto.commit".to_owned(), "true".to_owned());
    let error = land(options).await.expect_err("reserved").to_string();
    assert!(error.contains("enable.auto.commit"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_topic_that_is_not_there_is_refused() {
    let broker = broker();
    let mut producer = Producer::connect(&broker.servers, &BTreeMap::new()).expect("producer");
    let record = Record { topic: "nowhere", key: b"k", payload: b"{}", timestamp: Utc::now() };
    let error = producer.send(&record).expect_err("no such topic");
    assert!(matches!(error, IngestError::UnknownTopic { .. }), "{error}");
}

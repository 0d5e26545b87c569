//! A lake built anew from the log is the same, digest for digest.

use std::collections::BTreeMap;
use std::time::Duration;

use loadstar_ingest::embedded::Broker;
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{
    CompactOptions, Fault, FlushPolicy, IngestError, IngestOptions, LakeUrl, Membership, Place,
    Range, Step, TableDigest, compact, digest,
};
use loadstar_schema::Table;
use loadstar_schema::synthetic::{Utility, UtilitySpec};

use crate::world::{Lake, fault_at, land};

/// The topics of a small utility, with its defects.
fn utility() -> Broker {
    let broker = Broker::start().expect("broker");
    for table in Table::LANDED.iter().filter(|table| table.topic() == Some(table.name())) {
        broker.create_topic(table.name(), 3).expect("topic");
    }
    let spec = UtilitySpec { customers: 40, days: 45, defect_rate: 0.03, ..UtilitySpec::default() };
    let utility = Utility::new(spec).expect("a utility");
    let mut producer =
        Producer::connect(broker.bootstrap_servers(), &BTreeMap::new()).expect("producer");
    for event in utility.days().flat_map(|day| day.events) {
        let (key, payload, timestamp) = (event.key.as_bytes(), &event.payload, event.timestamp);
        producer.send(&Record { topic: event.topic, key, payload, timestamp }).expect("sent");
    }
    producer.flush(Duration::from_secs(30)).expect("delivered");
    broker
}

fn options(broker: &Broker, lake: &Lake, rows: usize) -> IngestOptions {
    let mut options = IngestOptions::new(broker.bootstrap_servers(), lake.url.clone());
    options.membership = Membership::Alone;
    options.until_end = true;
    options.flush = FlushPolicy { latency: Duration::from_secs(60), rows, bytes: 16 << 20 };
    options
}

async fn digests(lake: &LakeUrl) -> BTreeMap<&'static str, TableDigest> {
    let mut digests = BTreeMap::new();
    for table in Table::LANDED.iter().chain([&Table::DeadLetters]) {
        // The synthetic utility's meters tell of no events.
        if *table == Table::MeterEvents {
            continue;
        }
        digests.insert(table.name(), digest(lake, *table).await.expect("a digest"));
    }
    digests
}

/// Lands in small flushes, by one process and by two at once, and dies again
/// and again; small files are merged in between.
async fn through_trouble(broker: &Broker, lake: &Lake) {
    let steps = [
        Step::Committed(Table::DeadLetters),
        Step::FilesWritten(Table::MeterReads),
        Step::Committed(Table::RegisterReads),
        Step::Committing(Table::MeterReads),
        Step::Landed,
        Step::Committed(Table::MeterReads),
    ];
    for (life, step) in steps.into_iter().enumerate() {
        let mut dying = options(broker, lake, 300);
        dying.faults = Some(fault_at(step, 1, Fault::Crash));
        let mut beside = options(broker, lake, 400);
        beside.faults = Some(fault_at(Step::Landed, 4, Fault::Crash));
        let died = if life % 2 == 0 {
            land(dying).await
        } else {
            let (died, beside) = tokio::join!(land(dying), land(beside));
            died.and(beside)
        };
        let error = died.expect_err("the fault");
        assert!(matches!(error, IngestError::Injected { .. }), "{error}");
        for table in [Table::MeterReads, Table::DeadLetters, Table::Customers] {
            let options = CompactOptions { target_bytes: 64 << 10, ..CompactOptions::default() };
            compact(&lake.url, table, options).await.expect("compacted");
        }
    }
    land(options(broker, lake, 700)).await.expect("carried on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_rebuilt_from_the_log_is_the_same() {
    let broker = utility();
    let first = Lake::new();
    through_trouble(&broker, &first).await;
    let digests_of_first = digests(&first.url).await;
    for (table, digest) in &digests_of_first {
        assert!(digest.rows > 0, "{table} is empty");
    }

    let rebuilt = Lake::new();
    land(options(&broker, &rebuilt, 1_000_000)).await.expect("landed");
    assert_eq!(digests(&rebuilt.url).await, digests_of_first);
    let files = async |lake: &Lake| lake.files(Table::MeterReads).await.len();
    assert_ne!(files(&first).await, files(&rebuilt).await, "the same rows in other files");

    for table in Table::LANDED {
        compact(&rebuilt.url, *table, CompactOptions::default()).await.expect("compacted");
    }
    assert_eq!(digests(&rebuilt.url).await, digests_of_first);

    // Every topic again under another name: every row is there twice, and no
    // digest is what it was.
    let mut again = options(&broker, &rebuilt, 5_000);
    again.pipeline = "again".to_owned();
    again.until_end = false;
    again.range = Range { from: Some(Place::Beginning), to: Some(Place::End) };
    land(again).await.expect("landed");
    for (table, digest) in digests(&rebuilt.url).await {
        let before = digests_of_first[table];
        assert_eq!(digest.rows, 2 * before.rows, "{table}");
        assert_ne!(digest, before, "{table}");
    }
}

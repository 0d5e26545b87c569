//! What only the embedded broker does: forget with its process, and go away
//! and come back at a word.

use std::sync::Arc;
use std::time::Duration;

use loadstar_ingest::embedded::Broker as Embedded;
use loadstar_ingest::{GroupProtocol, Membership, landed_offsets, run};
use loadstar_schema::Table;
use tokio::sync::watch;

use crate::broker;
use crate::world::{Lake, land, produce};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_forgets_is_carried_on_from() {
    let lake = Lake::new();
    let options = |broker: &_| {
        let mut options = lake.options(broker);
        options.cluster_id = Some("demo".to_owned());
        options.broker_forgets = true;
        options
    };
    let before = broker();
    produce(&before, 0..200);
    land(options(&before)).await.expect("landed");
    drop(before);
    let landed =
        landed_offsets(&lake.url, "loadstar", "demo", Table::MeterReads, "meter_reads", 2).await;
    let landed: i64 = landed.expect("offsets").into_iter().flatten().sum();
    assert_eq!(landed, 200);
    let after = broker();
    produce(&after, 200..500);
    let summary = land(options(&after)).await.expect("carried on");
    assert_eq!(summary.total.landed.values().sum::<i64>(), 500);
    lake.holds(&after, 0..500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_stops_though_its_broker_is_gone() {
    let broker = broker();
    produce(&broker, 0..200);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.until_end = false;
    options.membership = Membership::Group(GroupProtocol::Classic);
    options.flush.latency = Duration::from_millis(50);
    let (landed, mut landing) = watch::channel(0);
    let (switch, stop) = watch::channel(false);
    let tell = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
        landed.send_replace(progress.messages);
    });
    let running = tokio::spawn(run(options, stop, tell));
    landing.wait_for(|messages| *messages == 200).await.expect("running");
    let embedded = broker.keep.downcast_ref::<Embedded>().expect("the embedded broker");
    embedded.go_down().expect("down");
    switch.send_replace(true);
    let stopped = tokio::time::timeout(Duration::from_secs(60), running).await;
    stopped.expect("within a minute").expect("no panic").expect("stopped");
    lake.holds(&broker, 0..200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_lost_on_the_way_is_waited_for() {
    let broker = broker();
    produce(&broker, 0..200);
    let lake = Lake::new();
    let mut options = lake.options(&broker);
    options.until_end = false;
    options.flush.latency = Duration::from_millis(50);
    let (landed, mut landing) = watch::channel(0);
    let (switch, stop) = watch::channel(false);
    let tell = Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
        landed.send_replace(progress.messages);
    });
    let running = tokio::spawn(run(options, stop, tell));
    landing.wait_for(|messages| *messages == 200).await.expect("running");
    let embedded = broker.keep.downcast_ref::<Embedded>().expect("the embedded broker");
    embedded.go_down().expect("down");
    embedded.come_up().expect("up");
    produce(&broker, 200..400);
    landing.wait_for(|messages| *messages == 400).await.expect("running");
    switch.send_replace(true);
    running.await.expect("no panic").expect("stopped");
    lake.holds(&broker, 0..400).await;
}

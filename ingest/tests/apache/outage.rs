//! A broker that dies in the middle of the work.

use std::sync::Arc;
use std::time::Duration;

use loadstar_ingest::run;
use tokio::sync::watch;

use crate::kafka::Kafka;
use crate::world::{Lake, produce};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_on_the_way_is_waited_for() {
    let Some(kafka) = Kafka::start().map(Arc::new) else { return };
    let broker = kafka.clone().topic(2);
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
    kafka.go_down();
    kafka.come_up();
    kafka.await_led(&broker.topic);
    produce(&broker, 200..400);
    landing.wait_for(|messages| *messages == 400).await.expect("running");
    switch.send_replace(true);
    running.await.expect("no panic").expect("stopped");
    lake.holds(&broker, 0..400).await;
}

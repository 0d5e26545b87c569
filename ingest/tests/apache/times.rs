//! A part of a topic by the broker's times, which the embedded broker does not
//! know.

use chrono::TimeDelta;
use loadstar_ingest::{IngestOptions, Place};

use crate::kafka::Kafka;
use crate::ranges::ranged;
use crate::world::{Broker, Lake, arrival, expected, land, produce};

/// From the arrival of one message to that of another.
fn between(lake: &Lake, broker: &Broker, from: i32, to: i32) -> IngestOptions {
    ranged(lake, broker, Place::Instant(arrival(from)), Place::Instant(arrival(to)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_of_time_lands_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let broker = kafka.topic(2);
    produce(&broker, 0..300);
    let lake = Lake::new();
    let summary = land(between(&lake, &broker, 40, 140)).await.expect("landed");
    assert_eq!(summary.total.messages, 100);
    assert_eq!(lake.found().await, expected(40..140));
    let again = land(between(&lake, &broker, 40, 140)).await.expect("nothing to land");
    assert_eq!(again.total.messages, 0);

    // Part of it is there, and the rest begins between two messages.
    let mut longer = between(&lake, &broker, 100, 180);
    longer.range.to = Some(Place::Instant(arrival(179) + TimeDelta::microseconds(1)));
    assert_eq!(land(longer).await.expect("landed").total.messages, 40);
    assert_eq!(lake.found().await, expected(40..180));
    let error = land(between(&lake, &broker, 250, 260)).await.expect_err("a gap").to_string();
    assert!(error.contains("would be lost"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_outside_of_the_log_are_its_ends() {
    let Some(kafka) = Kafka::shared() else { return };
    let broker = kafka.topic(2);
    produce(&broker, 0..100);
    let lake = Lake::new();
    assert_eq!(land(between(&lake, &broker, 500, 600)).await.expect("empty").total.messages, 0);
    let summary = land(between(&lake, &broker, -500, 600)).await.expect("landed");
    assert_eq!(summary.total.messages, 100);
    assert_eq!(lake.found().await, expected(0..100));
}

//! The client library consuming a topic and doing nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::Broker;
use crate::{Failure, PARTITIONS};

/// Passes after which a broker that does not come to rest is taken as it is.
const MOST_PASSES: usize = 10;
/// Two passes agree if they differ by this share.
const AGREEMENT: f64 = 0.1;

/// How long the topic takes from its beginning to its end.
pub(crate) fn consume(broker: &Broker, messages: u64) -> Result<Duration, Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &broker.servers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        // As landing has them: with the library's own second of pause whenever
        // its queue is full, the pauses would be measured.
        .set("fetch.queue.backoff.ms", "20")
        .set("fetch.wait.max.ms", "50")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(&broker.topic, partition, Offset::Beginning)?;
    }
    let started = Instant::now();
    consumer.assign(&list)?;
    let mut seen = 0;
    while seen < messages {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            black_box(message?.payload());
            seen += 1;
        }
    }
    Ok(started.elapsed())
}

/// Consumes until a pass takes as long as the one before: what the broker was
/// given is then written, and nothing of it runs beside the measurement. Returns
/// the passes made.
pub(crate) fn settle(broker: &Broker, messages: u64) -> Result<usize, Failure> {
    let mut before = consume(broker, messages)?;
    for passes in 2..=MOST_PASSES {
        let now = consume(broker, messages)?;
        if now.abs_diff(before) <= before.mul_f64(AGREEMENT) {
            return Ok(passes);
        }
        before = now;
    }
    Ok(MOST_PASSES)
}

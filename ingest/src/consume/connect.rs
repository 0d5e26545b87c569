//! The connection: brokers found, topics known, watermarks read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::watch;

use super::IngestOptions;
use crate::IngestError;

/// One try at a broker that does not answer.
const TRY_FOR: Duration = Duration::from_secs(3);
/// For a broker that has answered before.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Time between two log lines about the same trouble.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// The consumer and what is known of its topics.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) cluster_id: String,
    /// Number of partitions, by topic landed.
    pub(super) partitions: BTreeMap<String, i32>,
}

impl Connection {
    /// Finds the brokers and the topics; `None` if asked to stop meanwhile.
    pub(super) fn open(
        options: &IngestOptions,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Self>, IngestError> {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "loadstar")
            .set("fetch.wait.max.ms", "50")
            // The queue is full whenever landing is the slower side; the
            // library's own pause of a second would then set the pace.
            .set("fetch.queue.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        for (name, value) in &options.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &options.brokers)
            .set("group.id", &options.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", if options.until_end { "true" } else { "false" })
            .set("queued.max.messages.kbytes", options.queue_kib.max(1).to_string());
        let consumer: BaseConsumer<Context> = config
            .create_with_context(Context::default())
            .map_err(|source| kafka("creating the consumer", source))?;
        let Some(existing) = metadata(&consumer, options, stop)? else { return Ok(None) };
        let mut partitions = BTreeMap::new();
        for topic in options.topics.values() {
            match existing.get(topic) {
                Some(count) => drop(partitions.insert(topic.clone(), *count)),
                None => {
                    return Err(IngestError::UnknownTopic {
                        topic: topic.clone(),
                        brokers: options.brokers.clone(),
                        existing: existing.into_keys().collect(),
                    });
                }
            }
        }
        let cluster_id = options
            .cluster_id
            .clone()
            .or_else(|| consumer.client().fetch_cluster_id(ANSWER_WITHIN))
            .unwrap_or_else(|| "unnamed".to_owned());
        Ok(Some(Self { consumer: Arc::new(consumer), cluster_id, partitions }))
    }

    /// The oldest offset a partition has, and the one after its newest.
    pub(super) fn watermarks(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<(i64, i64), IngestError> {
        self.consumer
            .fetch_watermarks(topic, partition, ANSWER_WITHIN)
            .map_err(|source| kafka(&format!("reading the ends of {topic}/{partition}"), source))
    }
}

/// Partition counts of all topics, waiting for a broker to answer.
fn metadata(
    consumer: &BaseConsumer<Context>,
    options: &IngestOptions,
    stop: &watch::Receiver<bool>,
) -> Result<Option<BTreeMap<String, i32>>, IngestError> {
    let started = Instant::now();
    loop {
        let left = options.connect_timeout.saturating_sub(started.elapsed());
        match consumer.fetch_metadata(None, left.clamp(Duration::from_millis(100), TRY_FOR)) {
            Ok(metadata) => {
                let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
                return Ok(Some(
                    topics
                        .filter(|topic| !topic.name().starts_with("__"))
                        .map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32))
                        .collect(),
                ));
            }
            Err(error) => {
                if *stop.borrow() {
                    return Ok(None);
                }
                // Serves the callbacks, which know the reason.
                drop(consumer.poll(Duration::ZERO));
                let detail = consumer.context().last().unwrap_or_else(|| error.to_string());
                if started.elapsed() >= options.connect_timeout {
                    return Err(IngestError::BrokerUnreachable {
                        brokers: options.brokers.clone(),
                        waited: options.connect_timeout,
                        detail,
                    });
                }
                tracing::warn!(brokers = %options.brokers, detail, "no broker answers, trying on");
            }
        }
    }
}

pub(super) fn kafka(action: &str, source: KafkaError) -> IngestError {
    IngestError::Kafka { action: action.to_owned(), source }
}

/// Hears the client library out, and repeats it at a bearable rate.
#[derive(Default)]
pub(super) struct Context {
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    last: Option<String>,
    said: Option<Instant>,
}

impl Context {
    /// The last trouble heard of.
    fn last(&self) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// Logs trouble that the library mends by itself.
    pub(super) fn trouble(&self, detail: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.last = Some(detail.to_owned());
        if heard.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            heard.said = Some(Instant::now());
            tracing::warn!(detail, "trouble with the broker, trying on");
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(?level, fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Said again, with the partition it concerns, by the poll itself.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.trouble(reason);
        }
    }
}

impl ConsumerContext for Context {}

//! Writing messages to Kafka: acknowledged, in order, without duplicates.

mod pacer;
mod partition;

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

pub use self::pacer::{Closed, Pacer};
pub use self::partition::partition_of;
use crate::IngestError;
use crate::auth::{self, Tokens};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Messages between two looks at the delivery reports.
const LOOK_EVERY: u64 = 512;

/// A message to write.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Decides the partition: one key, one partition, one order.
    pub key: &'a [u8],
    /// The message.
    pub payload: &'a [u8],
    /// The broker's time of it.
    pub timestamp: DateTime<Utc>,
}

/// A producer that waits for all replicas and retries without doubling.
pub struct Producer {
    inner: BaseProducer<Deliveries>,
    brokers: String,
    partitions: HashMap<String, i32>,
    sent: u64,
}

impl Producer {
    /// Connects; `properties` are further librdkafka properties.
    ///
    /// # Errors
    /// [`IngestError::Kafka`] if the properties are refused.
    pub fn connect(
        brokers: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<Self, IngestError> {
        let mut config = ClientConfig::new();
        config.set("client.id", "loadstar").set("linger.ms", "10").set("batch.size", "262144");
        config.set("queue.buffering.max.kbytes", "32768");
        let tokens = auth::configure(&mut config, properties)?;
        config.set("bootstrap.servers", brokers).set("enable.idempotence", "true");
        let inner: BaseProducer<Deliveries> = config
            .create_with_context(Deliveries { tokens, failures: Mutex::default() })
            .map_err(|source| failed("creating the producer", source))?;
        if inner.context().tokens.wanted() {
            // Serves the question for the first token.
            inner.poll(Duration::ZERO);
        }
        Ok(Self { inner, brokers: brokers.to_owned(), partitions: HashMap::new(), sent: 0 })
    }

    /// Partitions of a topic.
    ///
    /// # Errors
    /// [`IngestError::UnknownTopic`] if it does not exist,
    /// [`IngestError::BrokerUnreachable`] if no broker answers.
    pub fn partition_count(&mut self, topic: &str) -> Result<i32, IngestError> {
        if let Some(count) = self.partitions.get(topic) {
            return Ok(*count);
        }
        let answer = self.inner.client().fetch_metadata(None, ANSWER_WITHIN);
        let metadata = answer.map_err(|source| IngestError::BrokerUnreachable {
            brokers: self.brokers.clone(),
            waited: ANSWER_WITHIN,
            detail: source.to_string(),
        })?;
        let brokers = self.brokers.clone();
        for found in metadata.topics() {
            self.partitions.insert(found.name().to_owned(), found.partitions().len() as i32);
        }
        self.partitions.get(topic).copied().ok_or_else(|| {
            let mut existing: Vec<String> = self.partitions.keys().cloned().collect();
            existing.sort();
            IngestError::UnknownTopic { topic: topic.to_owned(), brokers, existing }
        })
    }

    /// The partition a key goes to.
    ///
    /// # Errors
    /// As [`Producer::partition_count`].
    pub fn partition_for(&mut self, topic: &str, key: &[u8]) -> Result<i32, IngestError> {
        Ok(partition_of(key, self.partition_count(topic)?))
    }

    /// Hands a message over, waiting while the local queue is full. It is
    /// delivered once [`Producer::flush`] says so.
    ///
    /// # Errors
    /// As [`Producer::partition_count`], and [`IngestError::NotDelivered`] if
    /// earlier messages failed.
    pub fn send(&mut self, record: &Record<'_>) -> Result<i32, IngestError> {
        let partition = self.partition_for(record.topic, record.key)?;
        let mut out = BaseRecord::to(record.topic)
            .partition(partition)
            .key(record.key)
            .payload(record.payload)
            .timestamp(record.timestamp.timestamp_millis());
        self.sent += 1;
        if self.sent.is_multiple_of(LOOK_EVERY) {
            self.inner.poll(Duration::ZERO);
            self.delivered()?;
        }
        loop {
            match self.inner.send(out) {
                Ok(()) => return Ok(partition),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    out = back;
                    self.inner.poll(Duration::from_millis(20));
                    self.delivered()?;
                }
                Err((source, _)) => {
                    return Err(failed(&format!("writing to {}", record.topic), source));
                }
            }
        }
    }

    /// Waits until every message handed over is acknowledged.
    ///
    /// # Errors
    /// [`IngestError::NotDelivered`] if one was not, [`IngestError::Kafka`] if
    /// that is not known within `timeout`.
    pub fn flush(&mut self, timeout: Duration) -> Result<(), IngestError> {
        let flushed = self.inner.flush(timeout);
        self.delivered()?;
        flushed.map_err(|source| failed("waiting for acknowledgements", source))
    }

    fn delivered(&self) -> Result<(), IngestError> {
        let failures = self.inner.context().failures.lock();
        match failures.unwrap_or_else(PoisonError::into_inner).as_ref() {
            None => Ok(()),
            Some(failed) => Err(IngestError::NotDelivered {
                count: failed.count,
                topic: failed.topic.clone(),
                detail: failed.detail.clone(),
            }),
        }
    }
}

struct Failures {
    count: u64,
    topic: String,
    detail: String,
}

struct Deliveries {
    tokens: Tokens,
    failures: Mutex<Option<Failures>>,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.fetch().inspect_err(|error| tracing::warn!(%error, "no bearer token"))
    }

    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(?level, fac, message, "librdkafka");
    }

    fn error(&self, _: KafkaError, reason: &str) {
        tracing::warn!(reason, "trouble with the broker, trying on");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let first = failures.get_or_insert_with(|| Failures {
                count: 0,
                topic: message.topic().to_owned(),
                detail: error.to_string(),
            });
            first.count += 1;
        }
    }
}

fn failed(action: &str, source: KafkaError) -> IngestError {
    IngestError::Kafka { action: action.to_owned(), source: auth::without_secrets(source) }
}

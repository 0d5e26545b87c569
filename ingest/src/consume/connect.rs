//! The connection: brokers found, topics known, watermarks read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;

use super::landmark::changed_id;
use super::progress::Shared;
use super::{GroupProtocol, IngestOptions};
use crate::IngestError;
use crate::auth::{self, Tokens};

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
        protocol: Option<GroupProtocol>,
        progress: &Shared,
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
            .set("socket.keepalive.enable", "true")
            // No answer larger than what may be held ready.
            .set("fetch.max.bytes", (options.queue_kib << 10).clamp(1 << 20, 50 << 20).to_string())
            .set("statistics.interval.ms", "1000");
        let tokens = auth::configure(&mut config, &options.properties)?;
        let debug = with_topics(config.get("debug"));
        config
            .set("bootstrap.servers", &options.brokers)
            .set("group.id", &options.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", if options.ends() { "true" } else { "false" })
            .set("queued.max.messages.kbytes", options.queue_kib.max(1).to_string())
            // At this level it tells of topics made anew, see `changed`.
            .set_log_level(RDKafkaLogLevel::Debug)
            .set("debug", debug);
        match protocol {
            Some(GroupProtocol::Classic) => {
                config.set("partition.assignment.strategy", "cooperative-sticky")
            }
            Some(GroupProtocol::Auto | GroupProtocol::Consumer) => {
                config.set("group.protocol", "consumer")
            }
            None => &mut config,
        };
        let asked_for_tokens = tokens.wanted();
        let context = Context::new(options.topics.values().cloned(), progress.clone(), tokens);
        let consumer: BaseConsumer<Context> = config
            .create_with_context(context)
            .map_err(|source| kafka("creating the consumer", source))?;
        if asked_for_tokens {
            serve_callbacks(&consumer);
        }
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

impl Connection {
    /// The first offset of a partition whose message the broker took at this
    /// instant or later; `None` if there is none.
    pub(super) fn offset_at(
        &self,
        topic: &str,
        partition: i32,
        instant: DateTime<Utc>,
    ) -> Result<Option<i64>, IngestError> {
        let failed = |source| {
            let action = format!("finding the offset of {instant} in {topic}/{partition}");
            kafka(&action, source)
        };
        // Numbers below zero mean other things than times.
        let part = instant.timestamp_subsec_micros().div_ceil(1_000);
        let millis = (instant.timestamp() * 1_000 + i64::from(part)).max(0);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(millis)).map_err(failed)?;
        let found = self.consumer.offsets_for_times(list, ANSWER_WITHIN).map_err(failed)?;
        let Some(found) = found.find_partition(topic, partition) else { return Ok(None) };
        found.error().map_err(failed)?;
        Ok(match found.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        })
    }
}

/// The contexts to debug, that of topics among them.
fn with_topics(contexts: Option<&str>) -> String {
    contexts.map_or_else(|| "topic".to_owned(), |contexts| format!("{contexts},topic"))
}

/// Answers what the library asks before there is an assignment, and hears the
/// reasons of its errors: each takes a poll.
fn serve_callbacks(consumer: &BaseConsumer<Context>) {
    for _ in 0..64 {
        drop(consumer.poll(Duration::from_millis(1)));
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
                serve_callbacks(consumer);
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
    IngestError::Kafka { action: action.to_owned(), source: auth::without_secrets(source) }
}

/// What the group wants of this member. The library waits until it is done.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// Take up these partitions.
    Assign(Vec<(String, i32)>),
    /// Let go of these.
    Revoke(Vec<(String, i32)>),
}

/// Hears the client library out, and repeats it at a bearable rate.
pub(super) struct Context {
    tokens: Tokens,
    topics: BTreeSet<String>,
    progress: Shared,
    heard: Mutex<Heard>,
    /// Up to where the library has told each partition's end.
    told_ends: Mutex<BTreeMap<(String, i32), i64>>,
    /// Topics whose identity changed, and from what to what.
    changed: Mutex<BTreeMap<String, String>>,
    /// Not yet answered; `None` once nobody will.
    rebalances: Mutex<Option<VecDeque<Rebalance>>>,
}

#[derive(Default)]
struct Heard {
    last: Option<String>,
    said: Option<Instant>,
}

impl Context {
    fn new(topics: impl Iterator<Item = String>, progress: Shared, tokens: Tokens) -> Self {
        Self {
            tokens,
            topics: topics.collect(),
            progress,
            heard: Mutex::default(),
            told_ends: Mutex::default(),
            changed: Mutex::default(),
            rebalances: Mutex::new(Some(VecDeque::new())),
        }
    }

    /// The next thing the group wants, to be answered at once.
    pub(super) fn wanted(&self) -> Option<Rebalance> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.pop_front()
    }

    /// From now on whatever the group wants is granted: no rows are held.
    /// Returns whether a wish was left unanswered.
    pub(super) fn close(&self) -> bool {
        let left = self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).take();
        left.is_some_and(|left| !left.is_empty())
    }

    /// Notes which partitions stand still, and what they wait for.
    pub(super) fn tell_waiting(&self, waiting: BTreeMap<(String, i32), String>) {
        self.progress.lock().waiting_for = waiting;
    }

    /// The offset that a partition ended at, when it was last read up to its end.
    pub(super) fn told_end(&self, topic: &str, partition: i32) -> Option<i64> {
        let told = self.told_ends.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(&(topic.to_owned(), partition)).copied()
    }

    /// What tells that a topic was made anew since the connection began.
    pub(super) fn changed(&self, topic: &str) -> Option<String> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

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
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.fetch().inspect_err(|error| self.trouble(&error.to_string()))
    }

    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        if let Some((topic, change)) = changed_id(message) {
            let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
            changed.insert(topic.to_owned(), change);
        }
        match level {
            RDKafkaLogLevel::Debug => tracing::trace!(fac, message, "librdkafka"),
            _ => tracing::debug!(?level, fac, message, "librdkafka"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut told = self.told_ends.lock().unwrap_or_else(PoisonError::into_inner);
        let mut progress = self.progress.lock();
        progress.connected = statistics.brokers.values().any(|broker| broker.state == "UP");
        for (topic, found) in &statistics.topics {
            if !self.topics.contains(topic) {
                continue;
            }
            for (partition, found) in &found.partitions {
                let id = (topic.clone(), *partition);
                // Negative: not since it was last sought in.
                told.insert(id.clone(), found.eof_offset);
                if found.hi_offset >= 0 && progress.landed.contains_key(&id) {
                    progress.ends.insert(id, found.hi_offset);
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Said again, with the partition it concerns, by the poll itself.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            // Follows the reason why each is.
            Some(RDKafkaErrorCode::AllBrokersDown) if self.last().is_some() => {}
            _ => self.trouble(reason),
        }
    }
}

impl ConsumerContext for Context {
    /// Notes what the group wants. Answering takes the lake's word, which is
    /// sought when the library's poll has returned.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = list.elements();
        let ids = partitions.iter().map(|e| (e.topic().to_owned(), e.partition())).collect();
        let wanted = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(ids),
            _ => Rebalance::Revoke(ids),
        };
        tracing::debug!(?wanted, "rebalance");
        let mut rebalances = self.rebalances.lock().unwrap_or_else(PoisonError::into_inner);
        match rebalances.as_mut() {
            Some(queue) => queue.push_back(wanted),
            None => {
                if let Err(error) = consumer.unassign() {
                    tracing::debug!(%error, "partitions not let go");
                }
            }
        }
    }
}

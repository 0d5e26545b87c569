//! What an ingest is told to do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use loadstar_schema::Table;

use super::lane;
use super::range::Range;
use crate::decode::KnownCodes;
use crate::{Faults, IngestError, LakeUrl, Registry};

/// When rows taken in are written: at whichever limit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushPolicy {
    /// Age of the oldest row of a topic not yet written.
    pub latency: Duration,
    /// Rows of one topic.
    pub rows: usize,
    /// Memory of the decoded rows of all topics together, bytes.
    pub bytes: usize,
}

impl Default for FlushPolicy {
    fn default() -> Self {
        Self { latency: Duration::from_secs(5), rows: 400_000, bytes: 32 << 20 }
    }
}

/// Whether processes share the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// All partitions of the topics are this process's. Others that think the
    /// same do no harm but the work.
    Alone,
    /// The partitions are shared out among the members of the group.
    Group(GroupProtocol),
}

/// How the members of a group agree; either way cooperatively: what stays with
/// a member is not interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// KIP-848 where the broker offers it, classic elsewhere.
    Auto,
    /// The members assign: `cooperative-sticky`.
    Classic,
    /// The broker assigns: KIP-848.
    Consumer,
}

/// What to land, from where, to where, and how.
#[derive(Clone)]
pub struct IngestOptions {
    /// Bootstrap addresses, `host:port,…`.
    pub brokers: String,
    /// The lake.
    pub lake: LakeUrl,
    /// Names this landing in the lake: the position in a partition is kept
    /// under `pipeline/cluster/topic/partition`. Another name lands everything
    /// again.
    pub pipeline: String,
    /// Consumer group, under which positions are shown to lag tools. They are
    /// never read back.
    pub group_id: String,
    /// Whether its members share the partitions. Runs that come to an end, over
    /// a [`range`] or from a broker that forgets are alone in any case.
    ///
    /// [`range`]: Self::range
    pub membership: Membership,
    /// Stands in for the id the cluster gives itself.
    pub cluster_id: Option<String>,
    /// The broker keeps its log in memory only: what it now calls offset 0
    /// carries on where the lake stands. For [`crate::embedded::Broker`] and a
    /// producer that leaves out what [`landed_offsets`](super::landed_offsets)
    /// says is there.
    pub broker_forgets: bool,
    /// The topic of each table; tables left out are not landed. Register reads
    /// come with [`Table::MeterReads`] and are not named here.
    pub topics: BTreeMap<Table, String>,
    /// The codes that rows are held against.
    pub codes: Arc<KnownCodes>,
    /// Knows the schemas of messages that are not plain JSON; without one these
    /// are dead letters.
    pub registry: Option<Registry>,
    /// When to write.
    pub flush: FlushPolicy,
    /// Land up to the end the topics have at the start, then stop.
    pub until_end: bool,
    /// Land this part of the topics, and stop after it if it has an end.
    pub range: Range,
    /// How long to wait for a broker at the start.
    pub connect_timeout: Duration,
    /// Messages the client may hold ready, KiB.
    pub queue_kib: usize,
    /// Time between two lines of log that sum up what landed.
    pub log_every: Duration,
    /// Further librdkafka properties, such as `security.protocol`.
    pub properties: BTreeMap<String, String>,
    /// Faults to inject; for tests.
    pub faults: Option<Faults>,
}

/// Memory of a run beside its flushes and its queue.
const CONSTANT_BYTES: usize = 56 << 20;
/// Rows are held up to so many times, as measured: being decoded, into columns
/// that grow by doubling, waiting, and while written unsorted and sorted, with
/// what the allocator keeps of it.
const FLUSH_COPIES: usize = 10;
/// What the client keeps of a message, by its own bytes, if these are few.
const QUEUE_COPIES: usize = 6;

/// Properties that exactly-once landing depends on.
const RESERVED: &[&str] = &[
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "partition.assignment.strategy",
    "statistics.interval.ms",
];

impl IngestOptions {
    /// All tables from the topics of their names, with the codes that ship.
    #[must_use]
    pub fn new(brokers: impl Into<String>, lake: LakeUrl) -> Self {
        let topics = Table::LANDED
            .iter()
            .filter(|table| lane::is_stream(**table))
            .filter_map(|table| Some((*table, table.topic()?.to_owned())))
            .collect();
        Self {
            brokers: brokers.into(),
            lake,
            pipeline: "loadstar".to_owned(),
            group_id: "loadstar".to_owned(),
            membership: Membership::Group(GroupProtocol::Auto),
            cluster_id: None,
            broker_forgets: false,
            topics,
            codes: Arc::new(KnownCodes::shipped()),
            registry: None,
            flush: FlushPolicy::default(),
            until_end: false,
            range: Range::default(),
            connect_timeout: Duration::from_secs(60),
            queue_kib: 64 << 10,
            log_every: Duration::from_secs(10),
            properties: BTreeMap::new(),
            faults: None,
        }
    }

    /// Sizes flushes and the client's queue so that the run takes no more than
    /// so many bytes of memory: [`FlushPolicy::bytes`] at most, with the copies
    /// that decoding, waiting and writing make of it, the queue with what the
    /// client keeps beside each message, and a constant for connections and the
    /// tables' logs.
    ///
    /// # Errors
    /// [`IngestError::Options`] if it is less than the constant and 16 MiB.
    pub fn limit_memory(&mut self, bytes: usize) -> Result<(), IngestError> {
        let left = bytes.saturating_sub(CONSTANT_BYTES);
        if left < 16 << 20 {
            let least = (CONSTANT_BYTES >> 20) + 16;
            let reason = format!("{} MiB are too little, it takes at least {least}", bytes >> 20);
            return Err(IngestError::Options { option: "memory_limit", reason });
        }
        self.flush.bytes = left * 2 / 3 / FLUSH_COPIES;
        self.queue_kib = left / 3 / QUEUE_COPIES / 1024;
        Ok(())
    }

    /// The protocol of the group, if partitions are shared.
    pub(super) fn protocol(&self) -> Option<GroupProtocol> {
        match self.membership {
            Membership::Group(protocol) if !self.until_end && !self.is_odd() => Some(protocol),
            _ => None,
        }
    }

    /// Whether its offsets tell nobody how far the topics are.
    pub(super) fn is_odd(&self) -> bool {
        self.range.is_part() || self.broker_forgets
    }

    /// Whether the run comes to an end by itself.
    pub(super) fn ends(&self) -> bool {
        self.until_end || self.range.to.is_some()
    }

    pub(super) fn check(&self) -> Result<(), IngestError> {
        let refuse = |option, reason: String| Err(IngestError::Options { option, reason });
        if self.topics.is_empty() {
            return refuse("topics", "no table has a topic".to_owned());
        }
        let mut used: BTreeMap<&str, Table> = BTreeMap::new();
        for (table, topic) in &self.topics {
            if !lane::is_stream(*table) {
                return refuse(
                    "topics",
                    format!("{} is not fed by a topic of its own", table.name()),
                );
            }
            if let Some(other) = used.insert(topic, *table) {
                let (a, b) = (other.name(), table.name());
                return refuse("topics", format!("{topic} cannot feed both {a} and {b}"));
            }
        }
        if let Err(reason) = self.range.check(self.topics.len()) {
            return refuse("range", reason);
        }
        if self.range.is_part() && self.broker_forgets {
            return refuse("range", "a broker that forgets has no past".to_owned());
        }
        if self.range.to.is_some() && self.until_end {
            return refuse("range", "it has an end; until_end is another".to_owned());
        }
        for (option, text) in [("pipeline", &self.pipeline), ("group_id", &self.group_id)] {
            if text.is_empty() {
                return refuse(option, "it is empty".to_owned());
            }
        }
        if self.flush.rows == 0 || self.flush.bytes == 0 {
            return refuse("flush", "a limit of zero never lets a row in".to_owned());
        }
        match RESERVED.iter().find(|name| self.properties.contains_key(**name)) {
            Some(name) => refuse("properties", format!("{name} is decided by the ingest")),
            None => Ok(()),
        }
    }
}

/// Properties hold secrets: only their names are shown.
impl fmt::Debug for IngestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IngestOptions")
            .field("brokers", &self.brokers)
            .field("lake", &self.lake.to_string())
            .field("pipeline", &self.pipeline)
            .field("group_id", &self.group_id)
            .field("membership", &self.membership)
            .field("cluster_id", &self.cluster_id)
            .field("broker_forgets", &self.broker_forgets)
            .field("topics", &self.topics)
            .field("registry", &self.registry)
            .field("flush", &self.flush)
            .field("until_end", &self.until_end)
            .field("range", &self.range)
            .field("connect_timeout", &self.connect_timeout)
            .field("queue_kib", &self.queue_kib)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

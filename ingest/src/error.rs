//! What can go wrong, by what the caller can do about it.

use std::time::Duration;

use deltalake_core::DeltaTableError;
use loadstar_schema::Table;
use rdkafka::error::KafkaError;

/// Why rows did not land. Bad messages are no error: they become dead letters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Nobody answers at the brokers' addresses: start them, or mend the address.
    #[error("no Kafka broker answered at {brokers} within {waited:?}: {detail}")]
    BrokerUnreachable {
        /// The bootstrap addresses tried.
        brokers: String,
        /// How long it was tried.
        waited: Duration,
        /// The last answer of the client library.
        detail: String,
    },
    /// No answer about the schemas of some messages: start the registry, or mend
    /// its address. Said where somebody waits for the end; a run waits on.
    #[error("the schema registry at {addresses} did not answer within {waited:?}: {detail}")]
    RegistryUnreachable {
        /// Its addresses.
        addresses: String,
        /// How long it was asked.
        waited: Duration,
        /// What went wrong last.
        detail: String,
    },
    /// The topic is not there: create it, or map the table to another.
    #[error("topic {topic:?} does not exist on {brokers}; it has {}", listed(.existing))]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
        /// The bootstrap addresses.
        brokers: String,
        /// The topics that are there.
        existing: Vec<String>,
    },
    /// The topic was deleted and made anew, and its offsets no longer mean what
    /// the lake remembers. Choose another pipeline name to land it from its
    /// start.
    #[error(
        "topic {topic} partition {partition} was recreated: the lake holds it up to offset \
         {landed}, {evidence}; land it under another pipeline name"
    )]
    TopicRecreated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to land, as the lake has it.
        landed: i64,
        /// What tells it from the topic that was landed.
        evidence: String,
    },
    /// The broker deleted messages before they were landed.
    #[error(
        "topic {topic} partition {partition}: the broker no longer has offsets {landed} to \
         {first_kept} (exclusive), retention removed them before they were landed"
    )]
    RetentionOverrun {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to land, as the lake has it.
        landed: i64,
        /// The oldest offset the broker still has.
        first_kept: i64,
    },
    /// The range asked for is not in the topic, or does not follow on what has
    /// landed under the pipeline's name.
    #[error("topic {topic} partition {partition}: {reason}")]
    Range {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why not.
        reason: String,
    },
    /// The client library refused something that is not about reachability.
    #[error("Kafka: {action} failed: {source}")]
    Kafka {
        /// What was tried.
        action: String,
        /// The client library's error.
        source: KafkaError,
    },
    /// Messages were handed to the producer and not acknowledged.
    #[error("{count} messages were not delivered; the first, to topic {topic}: {detail}")]
    NotDelivered {
        /// How many.
        count: u64,
        /// Topic of the first.
        topic: String,
        /// Why the first failed.
        detail: String,
    },
    /// Not a folder or an address of an object store.
    #[error("{text:?} is not a lake: {reason}")]
    LakeUrl {
        /// As given.
        text: String,
        /// Why not.
        reason: String,
    },
    /// A table could not be read or written. Nothing past the last commit is
    /// remembered as landed, so a later run takes it up from there.
    #[error("table {} at {location}: cannot {action}: {source}", .table.name())]
    Lake {
        /// The table.
        table: Table,
        /// Its folder or address.
        location: String,
        /// What was tried.
        action: &'static str,
        /// Delta's error.
        source: Box<DeltaTableError>,
    },
    /// The lake's table is of another shape than this version writes.
    #[error("table {} at {location} has other columns than expected: {detail}", .table.name())]
    Schema {
        /// The table.
        table: Table,
        /// Its folder or address.
        location: String,
        /// The first difference.
        detail: String,
    },
    /// The options contradict themselves.
    #[error("ingest option {option}: {reason}")]
    Options {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read.
    #[error("{source_name}, line {line}: {source}")]
    Read {
        /// The file's name.
        source_name: String,
        /// Number of the line, from 1.
        line: u64,
        /// The error.
        source: std::io::Error,
    },
    /// Another process loads the same file at the same time: let it finish.
    #[error(
        "{source_name} is being loaded by another process; what it has not loaded yet can be loaded again"
    )]
    LoadedElsewhere {
        /// The file's name.
        source_name: String,
    },
    /// Rows do not fit together; a defect of the program.
    #[error("rows of table {}: {source}", .table.name())]
    Rows {
        /// The table.
        table: Table,
        /// Arrow's error.
        source: arrow::error::ArrowError,
    },
    /// A worker of the process died; a defect of the program.
    #[error("the {worker} worker died: {detail}")]
    Worker {
        /// Which.
        worker: &'static str,
        /// What it said.
        detail: String,
    },
    /// A [`crate::Fault`] asked for by the options.
    #[error("stopped by the injected fault at {step}")]
    Injected {
        /// Where.
        step: String,
    },
}

fn listed(existing: &[String]) -> String {
    if existing.is_empty() { "no topics".to_owned() } else { existing.join(", ") }
}

//! The same guarantees over Apache Kafka itself, into the local disk and into a
//! bucket.
//!
//! The jars come from Maven Central: `mvn -f ingest/tests/apache/pom.xml
//! dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=DIR`,
//! with `LOADSTAR_TEST_KAFKA=DIR` for the tests; Java 17 or later runs them.
//! Where they are not to be had, each test says so and runs over the embedded
//! broker, or not at all; with `CI` set it fails. So it is with the S3 server,
//! ministack from PyPI, whose program `LOADSTAR_TEST_S3` names.

#![allow(clippy::duplicate_mod, reason = "one suite lands on the disk and in a bucket")]

mod bucket;
#[path = "../landing/evolution.rs"]
mod evolution;
#[path = "../landing/exactly_once.rs"]
mod exactly_once;
#[path = "../landing/formats.rs"]
mod formats;
#[path = "../landing/groups.rs"]
mod groups;
mod kafka;
mod kills;
mod members;
mod ministack;
mod outage;
mod pressure;
#[path = "../landing/ranges.rs"]
mod ranges;
mod recreated;
#[path = "../landing/registry.rs"]
mod registry;
mod security;
#[path = "../landing/store.rs"]
#[allow(dead_code, reason = "the suites of the embedded broker use the rest")]
mod store;
mod times;
mod transactions;
#[path = "../landing/world.rs"]
#[allow(dead_code, reason = "the suites of the embedded broker use the rest")]
mod world;

use crate::kafka::Kafka;
use crate::world::{Broker, Lake};

/// A topic on the Kafka that all tests share, or the embedded broker.
fn broker() -> Broker {
    broker_of(2)
}

/// A lake on the local disk.
fn lake() -> Lake {
    Lake::new()
}

fn broker_of(partitions: i32) -> Broker {
    if let Some(kafka) = Kafka::shared() {
        return kafka.topic(partitions);
    }
    let embedded = loadstar_ingest::embedded::Broker::start().expect("broker");
    embedded.create_topic("meter_reads", partitions).expect("topic");
    Broker {
        servers: embedded.bootstrap_servers().to_owned(),
        topic: "meter_reads".to_owned(),
        partitions,
        keep: Box::new(embedded),
    }
}

//! Topics and files into a lake on disk, with crashes at every step, over the
//! embedded broker.

mod columns;
mod compaction;
mod embedded;
mod evolution;
mod exactly_once;
mod fence;
mod files;
mod formats;
mod groups;
mod ranges;
mod rebuild;
mod registry;
mod replay;
mod retention;
mod revising;
mod trouble;
mod world;

use crate::world::Broker;

/// A broker of the test's own.
fn broker() -> Broker {
    broker_of(2)
}

fn broker_of(partitions: i32) -> Broker {
    let embedded = loadstar_ingest::embedded::Broker::start().expect("broker");
    embedded.create_topic("meter_reads", partitions).expect("topic");
    Broker {
        servers: embedded.bootstrap_servers().to_owned(),
        topic: "meter_reads".to_owned(),
        keep: Box::new(embedded),
    }
}

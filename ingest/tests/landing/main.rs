//! Topics and files into a lake on disk, over the embedded broker, with faults
//! at every step. An oracle tells each partition's gaps and doubles. The suites
//! marked + run over Apache Kafka too, those marked * into a bucket as well.
//!
//! | fault | test |
//! |---|---|
//! | before flush, after flush | `exactly_once` *: `a_crash_at_any_step…` |
//! | after put, the reply lost | `exactly_once` *: `a_commit_whose_reply_is_lost…`; `storage`: `every_reply_lost…` |
//! | between dead letters and data | `exactly_once` *: `a_crash_between_dead_letters_and_data…` |
//! | mid-rebalance | `groups` +: `members_die_in_rebalances…` |
//! | mid-compaction | `compaction` *: `a_compaction_cut_short…`, `compactions_that_die…` |
//! | two zombies on one partition | `exactly_once` *: `of_zombies_on_one_partition…` |
//! | clock jump | `exactly_once` *: `clocks_that_jump…`; `storage`: `vacuum_goes_by_the_clock…` |
//! | store failing, disk full | `storage`: `a_store_that_fails…`, `a_full_disk…` |
//! | store slow, store hanging | `pressure`; `groups` +: `a_member_whose_store_hangs…` |
//! | topic recreated, retention overrun | `trouble`; over Apache Kafka `recreated` |
//! | broker killed | over Apache Kafka `outage`, `kills` |
//! | `kill -9` at random | over Apache Kafka `kills` |

mod columns;
mod compaction;
mod embedded;
mod evolution;
mod exactly_once;
mod fence;
mod files;
mod formats;
mod groups;
mod merging;
mod ranges;
mod rebuild;
mod registry;
mod replay;
mod retention;
mod revising;
mod storage;
mod store;
mod trouble;
mod world;

use crate::world::{Broker, Lake};

/// A broker of the test's own.
fn broker() -> Broker {
    broker_of(2)
}

/// A lake on the local disk.
fn lake() -> Lake {
    Lake::new()
}

fn broker_of(partitions: i32) -> Broker {
    let embedded = loadstar_ingest::embedded::Broker::start().expect("broker");
    embedded.create_topic("meter_reads", partitions).expect("topic");
    Broker {
        servers: embedded.bootstrap_servers().to_owned(),
        topic: "meter_reads".to_owned(),
        partitions,
        keep: Box::new(embedded),
    }
}

//! Kafka topics and files into the lake, exactly once.
//!
//! Begin reading at [`run`]: one thread polls and decodes ([`decode`], a crate of its own without I/O), one
//! task sorts, writes and commits, and between them stands a channel of one
//! flush. What makes it exactly once is in [`LakeTable::commit`]: the position
//! in each Kafka partition rides in the same Delta commit as the rows, and a
//! commit whose reply was lost is recognised by it. Messages that a
//! [`Registry`]'s clients wrote wait for their schema, and their partition with
//! them.
//!
//! [`load_json_lines`], [`load_mapped_lines`] and [`load_rows`] take in files,
//! [`Revising`] what validation makes of reads, [`compact`] and
//! [`vacuum`] keep the tables tidy beside a running ingest, [`digest`] tells
//! whether two lakes hold the same, [`embedded`] is a
//! broker inside the process and [`produce`] writes to one.
#![forbid(unsafe_code)]

pub mod embedded;
pub mod produce;

mod auth;
mod columns;
mod commit;
mod compact;
mod consume;
mod digest;
mod error;
mod fault;
mod lake;
mod layout;
mod ledger;
mod load;
mod merge;
mod once;
mod registry;
mod replay;
mod retain;
mod revise;
mod statistics;
mod store;
mod table;
mod vacuum;
mod write;

pub use commit::{Fence, Landing};
pub use compact::{CompactOptions, CompactSummary, compact};
pub use consume::{
    FlushPolicy, GroupProtocol, IngestOptions, IngestProgress, IngestSummary, Membership, Place,
    Progress, Range, StoppedBy, landed_offsets, run,
};
pub use digest::{TableDigest, digest};
pub use error::IngestError;
pub use fault::{Fault, Faults, Step};
pub use lake::LakeUrl;
pub use load::{
    LoadProgress, LoadSource, LoadSummary, load_json_lines, load_mapped_lines, load_rows,
};
pub use loadstar_decode as decode;
pub use loadstar_decode::DeadLetter;
pub use registry::{Registry, RegistryOptions};
pub use replay::{Replay, ReplaySummary, replay, try_out};
pub use retain::{RetainSummary, retain};
pub use revise::Revising;
pub use store::register_s3;
pub use table::LakeTable;
pub use vacuum::{VacuumSummary, vacuum};

//! How far an ingest is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use loadstar_schema::Table;

use crate::decode::RejectReason;

/// Called after every flush that landed, once before the first, and about once
/// a second in between, so that a growing lag is seen while nothing lands.
pub type Progress = Arc<dyn Fn(&IngestProgress) + Send + Sync>;

/// What a run has landed so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngestProgress {
    /// Messages landed, dead letters among them.
    pub messages: u64,
    /// Bytes of their keys and payloads.
    pub bytes: u64,
    /// Rows committed, by table.
    pub rows: BTreeMap<Table, u64>,
    /// Dead letters committed.
    pub rejects: u64,
    /// The same by what was wrong.
    pub rejects_by_reason: BTreeMap<RejectReason, u64>,
    /// Commits made.
    pub commits: u64,
    /// Flushes landed.
    pub flushes: u64,
    /// Flushes discarded because another process landed these partitions.
    pub superseded: u64,
    /// The next offset to land, by topic and partition held.
    pub landed: BTreeMap<(String, i32), i64>,
    /// The offset after the newest message that the broker has, by topic and
    /// partition held, as the client library last heard.
    pub ends: BTreeMap<(String, i32), i64>,
    /// The broker's time of the newest message landed, by topic and partition.
    pub times: BTreeMap<(String, i32), DateTime<Utc>>,
    /// With `until_end`, messages between where the run began and the end.
    pub expected_messages: Option<u64>,
    /// The broker's time of the newest message landed.
    pub newest: Option<DateTime<Utc>>,
    /// The broker's time of the oldest message of the last flush that landed:
    /// the worst freshness it had.
    pub oldest_of_flush: Option<DateTime<Utc>>,
    /// Whether a broker is connected, as the client library last said.
    pub connected: bool,
    /// What partitions wait for that stand still, by topic and partition.
    pub waiting_for: BTreeMap<(String, i32), String>,
}

impl IngestProgress {
    /// Rows of all tables, without dead letters.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.rows.values().sum()
    }

    /// Messages the broker has and the lake has not, by topic and partition
    /// held; 0 where the broker's end is not known yet.
    pub fn lag(&self) -> impl Iterator<Item = (&(String, i32), u64)> {
        self.landed.iter().map(|(id, landed)| {
            let end = self.ends.get(id).copied().unwrap_or(*landed);
            (id, u64::try_from(end - landed).unwrap_or(0))
        })
    }
}

/// The progress that landing writes and that is told of.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<IngestProgress>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, IngestProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As it is now.
    pub(super) fn now(&self) -> IngestProgress {
        self.lock().clone()
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedBy {
    /// It was asked to.
    Asked,
    /// It reached the end the topics had at its start.
    End,
}

/// What a run landed in all.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestSummary {
    /// The last progress reported.
    pub total: IngestProgress,
    /// Why it ended.
    pub stopped_by: StoppedBy,
    /// From the call to the return.
    pub elapsed: Duration,
}

/// Speaks once an interval of what landed in it.
pub(super) struct Pace {
    every: Duration,
    since: Instant,
    rows: u64,
    messages: u64,
}

impl Pace {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, since: Instant::now(), rows: 0, messages: 0 }
    }

    pub(super) fn tell(&mut self, progress: &IngestProgress) {
        let elapsed = self.since.elapsed();
        if elapsed < self.every {
            return;
        }
        let rows = progress.row_count() - self.rows;
        tracing::info!(
            rows,
            messages = progress.messages - self.messages,
            rows_per_s = (rows as f64 / elapsed.as_secs_f64()).round(),
            rejects_total = progress.rejects,
            lag_messages = progress.lag().map(|(_, lag)| lag).sum::<u64>(),
            newest = progress.newest.map(|newest| newest.to_rfc3339()),
            "landed"
        );
        *self = Self {
            every: self.every,
            since: Instant::now(),
            rows: progress.row_count(),
            messages: progress.messages,
        };
    }
}

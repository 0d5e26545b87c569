//! How far an ingest is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use loadstar_schema::Table;

/// Called after every flush that landed, and once before the first.
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
    /// Commits made.
    pub commits: u64,
    /// The next offset to land, by topic and partition.
    pub landed: BTreeMap<(String, i32), i64>,
    /// With `until_end`, messages between where the run began and the end.
    pub expected_messages: Option<u64>,
    /// The broker's time of the newest message landed.
    pub newest: Option<DateTime<Utc>>,
}

impl IngestProgress {
    /// Rows of all tables, without dead letters.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.rows.values().sum()
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

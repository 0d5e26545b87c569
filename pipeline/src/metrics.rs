//! What Prometheus scrapes, and what `/readyz` answers.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The label of per-table figures.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfTable {
    pub table: String,
}

/// The label of per-task figures.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfTask {
    pub task: String,
}

/// Every figure, and what keeps the process from being ready.
pub struct Metrics {
    registry: Registry,
    trouble: Mutex<Option<String>>,
    pub ingested_rows: Counter,
    pub rejected_messages: Counter,
    pub ingest_commits: Counter,
    pub table_version: Family<OfTable, Gauge>,
    pub table_files: Family<OfTable, Gauge>,
    pub table_rows: Family<OfTable, Gauge>,
    pub newest_row_s: Family<OfTable, Gauge<f64, AtomicU64>>,
    pub task_runs: Family<OfTask, Counter>,
    pub task_failures: Family<OfTask, Counter>,
}

impl Metrics {
    /// All at zero; not ready until [`Metrics::set_trouble`] says so.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("loadstar");
        macro_rules! register {
            ($name:literal, $help:literal) => {{
                let metric = Default::default();
                registry.register($name, $help, Clone::clone(&metric));
                metric
            }};
        }
        let ingested_rows: Counter = register!("ingested_rows", "Rows committed to the lake");
        let rejected_messages: Counter =
            register!("rejected_messages", "Messages written to dead_letters");
        let ingest_commits: Counter = register!("ingest_commits", "Delta commits by ingest");
        let table_version: Family<OfTable, Gauge> = register!("table_version", "Delta version");
        let table_files: Family<OfTable, Gauge> = register!("table_files", "Active data files");
        let table_rows: Family<OfTable, Gauge> =
            register!("table_rows", "Rows in the active data files");
        let newest_row_s: Family<OfTable, Gauge<f64, AtomicU64>> = register!(
            "newest_row_timestamp_seconds",
            "available_at of the newest row, as Unix time"
        );
        let task_runs: Family<OfTask, Counter> =
            register!("task_runs", "Scheduled tasks that ended well");
        let task_failures: Family<OfTask, Counter> =
            register!("task_failures", "Scheduled tasks that failed");
        Self {
            registry,
            trouble: Mutex::new(Some("starting".into())),
            ingested_rows,
            rejected_messages,
            ingest_commits,
            table_version,
            table_files,
            table_rows,
            newest_row_s,
            task_runs,
            task_failures,
        }
    }

    /// Says what keeps the process from being ready, or that nothing does.
    pub fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What keeps the process from being ready, if anything.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// In the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

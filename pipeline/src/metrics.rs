//! What Prometheus scrapes, and what `/readyz` answers.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
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

/// The label of what is wrong with refused messages.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfReason {
    pub reason: String,
}

/// The labels of a partition that this process lands.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub struct OfPartition {
    pub topic: String,
    pub partition: i32,
}

type Float = Gauge<f64, AtomicU64>;

/// Seconds from the broker's time of a message to its commit.
const FRESHNESS_BUCKETS: [f64; 12] =
    [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 120.0, 600.0, 3_600.0];

/// A part of the process that must work for it to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Lake,
    Ingest,
}

/// Every figure, and what keeps the process from being ready.
pub struct Metrics {
    registry: Registry,
    troubles: Mutex<BTreeMap<Part, String>>,
    pub ingest: IngestFigures,
    pub table_version: Family<OfTable, Gauge>,
    pub table_files: Family<OfTable, Gauge>,
    pub table_rows: Family<OfTable, Gauge>,
    pub newest_row_s: Family<OfTable, Float>,
    pub task_runs: Family<OfTask, Counter>,
    pub task_failures: Family<OfTask, Counter>,
    memory_bytes: Gauge,
}

/// What ingest does.
pub struct IngestFigures {
    pub messages: Counter,
    pub bytes: Counter,
    pub rows: Family<OfTable, Counter>,
    pub dead_letters: Family<OfReason, Counter>,
    pub commits: Counter,
    pub flushes: Counter,
    pub superseded: Counter,
    pub connected: Gauge,
    pub waiting_partitions: Gauge,
    pub landed_offset: Family<OfPartition, Gauge>,
    pub lag_messages: Family<OfPartition, Gauge>,
    pub lag_s: Family<OfPartition, Float>,
    pub freshness_s: Histogram,
}

macro_rules! register {
    ($registry:expr, $name:literal, $help:literal) => {
        register!($registry, $name, $help, Default::default())
    };
    ($registry:expr, $name:literal, $help:literal, $metric:expr) => {{
        let metric = $metric;
        $registry.register($name, $help, Clone::clone(&metric));
        metric
    }};
}

impl IngestFigures {
    fn new(registry: &mut Registry) -> Self {
        Self {
            messages: register!(registry, "ingest_messages", "Messages landed, dead ones included"),
            bytes: register!(registry, "ingest_bytes", "Bytes of their keys and payloads"),
            rows: register!(registry, "ingest_rows", "Rows committed to the lake"),
            dead_letters: register!(registry, "dead_letters", "Messages refused, by reason"),
            commits: register!(registry, "ingest_commits", "Delta commits"),
            flushes: register!(registry, "ingest_flushes", "Flushes landed"),
            superseded: register!(
                registry,
                "ingest_superseded",
                "Flushes discarded because another process landed these messages"
            ),
            connected: register!(registry, "ingest_connected", "1 while a broker is connected"),
            waiting_partitions: register!(
                registry,
                "ingest_waiting_partitions",
                "Partitions that stand still until the schema of a message comes"
            ),
            landed_offset: register!(
                registry,
                "ingest_landed_offset",
                "Next offset to land, of the partitions this process holds"
            ),
            lag_messages: register!(
                registry,
                "ingest_lag_messages",
                "Messages the broker has and the lake has not"
            ),
            lag_s: register!(
                registry,
                "ingest_lag_seconds",
                "Age of the newest message landed, 0 where none waits"
            ),
            freshness_s: register!(
                registry,
                "ingest_freshness_seconds",
                "From the broker's time of a flush's oldest message to its commit",
                Histogram::new(FRESHNESS_BUCKETS)
            ),
        }
    }
}

impl Metrics {
    /// All at zero; not ready until each of `parts` is said to work.
    pub fn new(parts: &[Part]) -> Self {
        let mut registry = Registry::with_prefix("loadstar");
        Self {
            troubles: Mutex::new(parts.iter().map(|part| (*part, "starting".into())).collect()),
            ingest: if parts.contains(&Part::Ingest) {
                IngestFigures::new(&mut registry)
            } else {
                // Zeros of what does not run would look like a standstill.
                IngestFigures::new(&mut Registry::default())
            },
            table_version: register!(registry, "table_version", "Delta version"),
            table_files: register!(registry, "table_files", "Active data files"),
            table_rows: register!(registry, "table_rows", "Rows in the active data files"),
            newest_row_s: register!(
                registry,
                "newest_row_timestamp_seconds",
                "available_at of the newest row, as Unix time"
            ),
            task_runs: register!(registry, "task_runs", "Scheduled tasks that ended well"),
            task_failures: register!(registry, "task_failures", "Scheduled tasks that failed"),
            memory_bytes: register!(registry, "resident_memory_bytes", "Memory of the process"),
            registry,
        }
    }

    /// Says what keeps a part from working, or that nothing does.
    pub fn set_trouble(&self, part: Part, trouble: Option<String>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => drop(troubles.insert(part, trouble)),
            None => drop(troubles.remove(&part)),
        }
    }

    /// What keeps the process from being ready, if anything.
    pub fn trouble(&self) -> Option<String> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let said = |(part, trouble): (&Part, &String)| match part {
            Part::Lake => format!("lake: {trouble}"),
            Part::Ingest => format!("ingest: {trouble}"),
        };
        (!troubles.is_empty()).then(|| troubles.iter().map(said).collect::<Vec<_>>().join("\n"))
    }

    /// In the OpenMetrics text format.
    pub fn encode(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.memory_bytes.set(bytes);
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Memory that the process occupies, where the system says.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<i64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A family is written once it has a member.
    fn touch(metrics: &Metrics) {
        let table = OfTable { table: "bills".into() };
        let task = OfTask { task: "rollup".into() };
        let partition = OfPartition { topic: "bills".into(), partition: 0 };
        drop(metrics.table_version.get_or_create(&table));
        drop(metrics.table_files.get_or_create(&table));
        drop(metrics.table_rows.get_or_create(&table));
        drop(metrics.newest_row_s.get_or_create(&table));
        drop(metrics.task_runs.get_or_create(&task));
        drop(metrics.task_failures.get_or_create(&task));
        let ingest = &metrics.ingest;
        drop(ingest.rows.get_or_create(&table));
        drop(ingest.dead_letters.get_or_create(&OfReason { reason: "missing_field".into() }));
        drop(ingest.landed_offset.get_or_create(&partition));
        drop(ingest.lag_messages.get_or_create(&partition));
        drop(ingest.lag_s.get_or_create(&partition));
    }

    #[test]
    fn the_dashboard_draws_figures_that_there_are() {
        let dashboard: serde_json::Value =
            serde_json::from_str(include_str!("../grafana.json")).expect("JSON");
        let metrics = Metrics::new(&[Part::Lake, Part::Ingest]);
        touch(&metrics);
        let text = metrics.encode();
        let mut drawn = 0;
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().expect("a query");
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                for name in query.split(|c| !is_name(c)).filter(|n| n.starts_with("loadstar_")) {
                    let family = name.trim_end_matches("_total").trim_end_matches("_bucket");
                    assert!(text.contains(&format!("# HELP {family} ")), "{name} in {query}");
                    drawn += 1;
                }
            }
        }
        assert!(drawn > 15, "{drawn} figures drawn");
    }
}

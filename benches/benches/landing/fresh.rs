//! How old a read is when the lake has it, read by read: the time of the commit
//! that names its file, less the broker's time of its message.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{TimeDelta, Utc};
use loadstar_benches::{peak_memory_kib, reset_peak_memory};
use loadstar_ingest::produce::{Producer, Record};
use loadstar_ingest::{CompactOptions, LakeUrl, Membership, compact, run};
use loadstar_schema::Table;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::sync::watch;

use crate::reads::single_read_from;
use crate::world::Broker;
use crate::{Failure, options};

const READS_PER_SECOND: u64 = 50_000;
/// Sent together, between two looks at the clock.
const AT_ONCE: u64 = 500;
const COMPACT_EVERY: Duration = Duration::from_secs(5);

/// Lands a steady stream for so long, with compaction beside it.
pub(crate) async fn measure(broker: &Broker, seconds: u64) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let lake = LakeUrl::folder(folder.path())?;
    let mut options = options(broker, &lake)?;
    options.membership = Membership::Alone;
    let total = seconds * READS_PER_SECOND;
    reset_peak_memory();
    let (switch, stop) = watch::channel(false);
    let landing = tokio::spawn(run(
        options,
        stop,
        Arc::new(move |progress: &loadstar_ingest::IngestProgress| {
            if progress.messages >= total {
                switch.send_replace(true);
            }
        }),
    ));
    let over = Arc::new(AtomicBool::new(false));
    let compacting = tokio::spawn(keep_compact(lake.clone(), over.clone()));
    let (servers, topic) = (broker.servers.clone(), broker.topic.clone());
    let took = tokio::task::spawn_blocking(move || send(&servers, &topic, total)).await??;
    let summary = landing.await??;
    over.store(true, Ordering::Relaxed);
    let (runs, merged) = compacting.await??;

    let table = folder.path().join("meter_reads");
    let mut ages = ages_ms(&table)?;
    if ages.len() as u64 != total || summary.total.rejects > 0 {
        return Err(format!("{} of {total} reads landed", ages.len()).into());
    }
    ages.sort_unstable();
    let at = |share: f64| ages[((ages.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!();
    println!(
        "freshness at {:.0} reads/s for {seconds} s, {runs} compactions beside it ({merged} files \
         merged): p50 {:.2} s, p99 {:.2} s, at most {:.2} s; {} commits, {} MiB at most",
        total as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
        summary.total.commits,
        peak_memory_kib(std::process::id()) / 1024
    );
    Ok(())
}

/// Sends at an even pace, each message with the time it is sent at.
fn send(servers: &str, topic: &str, total: u64) -> Result<Duration, Failure> {
    let mut producer = Producer::connect(servers, &BTreeMap::new())?;
    let start = Utc::now() - TimeDelta::days(20);
    let started = Instant::now();
    for number in 0..total {
        if number % AT_ONCE == 0 {
            let due = Duration::from_secs_f64(number as f64 / READS_PER_SECOND as f64);
            std::thread::park_timeout(due.saturating_sub(started.elapsed()));
        }
        let (key, payload) = single_read_from(start, number);
        let (key, payload) = (key.as_bytes(), payload.as_bytes());
        producer.send(&Record { topic, key, payload, timestamp: Utc::now() })?;
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(started.elapsed())
}

/// Compactions made, and files they merged.
async fn keep_compact(lake: LakeUrl, over: Arc<AtomicBool>) -> Result<(u32, u64), Failure> {
    let (mut runs, mut merged) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep(COMPACT_EVERY).await;
        let summary = compact(&lake, Table::MeterReads, CompactOptions::default()).await?;
        runs += 1;
        merged += summary.files_before;
    }
    Ok((runs, merged))
}

/// The age of every read at its commit, in milliseconds. Files that compaction
/// has replaced are still there, its own are passed over.
fn ages_ms(table: &Path) -> Result<Vec<i64>, Failure> {
    let mut ages = Vec::new();
    for entry in std::fs::read_dir(table.join("_delta_log"))? {
        let entry = entry?;
        if entry.path().extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let committed = millis(entry.metadata()?.modified()?);
        for line in std::fs::read_to_string(entry.path())?.lines() {
            let action: serde_json::Value = serde_json::from_str(line)?;
            let Some(path) = action["add"]["path"].as_str() else { continue };
            if action["add"]["dataChange"] == false {
                continue;
            }
            let file = File::open(table.join(path))?;
            for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
                let batch = batch?;
                let times = batch.column_by_name("available_at").ok_or("no available_at")?;
                let times = times.as_primitive::<TimestampMicrosecondType>();
                ages.extend(times.values().iter().map(|micros| committed - micros / 1_000));
            }
        }
    }
    Ok(ages)
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
